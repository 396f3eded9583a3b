"""What a run leaves besides its outcome: the tasks that it dispatched, callbacks that failed, its newest progress.

The child tells of each as it happens; it is written together with the outcome, so that none of it costs a write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import bounded
from evertask.api.protocol import HISTORY_MESSAGE_LIMIT, MAX_CALLBACK_ERRORS, MAX_CHILDREN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evertask_runner.json_lines import Json


class RunRecord:
    """Collects what the child tells."""

    def __init__(
        self, on_progress: Callable[[Json], object], before: Mapping[str, Any] | None = None
    ) -> None:
        """Begin.

        Args:
            on_progress: is told each report of the handler.
            before: the run's entry in the status: what another pod has left belongs to the run too.
        """
        self._on_progress = on_progress
        before = before or {}
        self._children: dict[str, None] = dict.fromkeys(before.get("children") or ())
        self._count_before: int = before.get("childrenCount") or 0
        self._callback_errors: list[Json] = list(before.get("callbackErrors") or ())

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
            # Of those before only the first names are known: what was counted then may be among the new ones.
            found["childrenCount"] = max(self._count_before, len(self._children))
        return found
