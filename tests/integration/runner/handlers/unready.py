"""A module whose setup() raises."""


def setup() -> None:
    """Raise."""
    raise ConnectionError("the database is away")


class Handler:
    """Never made."""

    def handle(self) -> None:
        """Never reached."""
