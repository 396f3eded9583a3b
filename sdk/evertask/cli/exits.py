"""How the command ends: its exit codes, and the failures that lead to them."""

from __future__ import annotations

CLUSTER = 1
"""The answer is not to be had: no such object, no cluster, a right is missing."""
INVALID = 2
"""What was asked is wrong: an option, a file, a document."""


class CommandFailedError(Exception):
    """The command cannot go on. Its message is the whole of what the person is told."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Exit code."""
