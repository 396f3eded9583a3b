"""What a run leaves besides its outcome: the tasks that it dispatched, callbacks that failed, its newest progress.

The child tells of each as it happens; it is written together with the outcome, so that none of it costs a write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.outcomes import bounded
from evertask.api.protocol import HISTORY_MESSAGE_LIMIT, MAX_CALLBACK_ERRORS, MAX_CHILDREN

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_runner.json_lines import Json


class RunRecord:
    """Collects what the child tells."""

    def __init__(self, on_progress: Callable[[Json], object]) -> None:
        """Begin; ``on_progress`` is told each report of the handler."""
        self._on_progress = on_progress
        self._children: dict[str, None] = {}
        self._callback_errors: list[Json] = []

    def take(self, message: Json) -> bool:
        """Take a message of the child; False where it is about something else."""
        kind = message["kind"]
        if kind == "progress":
            self._on_progress(message["progress"])
        elif kind == "dispatched":
            # A relaunch, or a callback, may come by the same task again.
            self._children[message["name"]] = None
        elif kind == "callbackError":
            self.note_callback_error(message["callback"], message["message"])
        else:
            return False
        return True

    def note_callback_error(self, callback: str, message: str) -> None:
        """Note that a callback did not end well."""
        error = {"callback": callback, "message": bounded(message, HISTORY_MESSAGE_LIMIT)}
        if len(self._callback_errors) < MAX_CALLBACK_ERRORS:
            self._callback_errors.append(error)

    def fields(self) -> Json:
        """Give the fields of ``status.runs.<id>``; none for a run that left nothing."""
        found: Json = {}
        if self._callback_errors:
            found["callbackErrors"] = list(self._callback_errors)
        if self._children:
            found["children"] = list(self._children)[:MAX_CHILDREN]
            found["childrenCount"] = len(self._children)
        return found
