"""A module that raises while it is imported."""

import surely_not_installed  # type: ignore[import-not-found]  # noqa: F401
