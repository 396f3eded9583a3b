"""A module that raises while it is imported."""

raise RuntimeError("SMTP_SERVER is not set")
