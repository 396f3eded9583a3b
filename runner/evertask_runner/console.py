"""The runner's own lines on standard error: few, marked, without payload values or credentials."""

from __future__ import annotations

import os


def say(message: str) -> None:
    """Write one line at once; it begins with ``evertask:`` so that it can be told from the handler's output."""
    line = f"evertask: {message}\n".encode("utf-8", "replace")
    try:
        os.write(2, line)
    except OSError:
        # Nobody reads standard error any more; the outcome matters more than the line.
        return
