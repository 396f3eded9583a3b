"""After SIGTERM: is this the end of the run, or will it be launched again? Pure.

A pod is told to stop in the same way whether its task was cancelled or its node is drained. What tells the two apart
stands in the task, and each sign here is final: cancellation is not taken back within an incarnation, a deleted task
does not come back, a run that makes way for a later one ends as cancelled, and where ``onInterruption`` is Fail a run
that was taken once is never launched again. Without such a sign the run may be launched again, and then its handler's
``on_error`` is not called: it would undo what the next launch relies on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_runner.patches import Holder


def why_it_is_over(task: Mapping[str, Any] | None, holder: Holder) -> str | None:
    """Say why a run that was told to stop will not be launched again; None where it may be.

    Args:
        task: as it was read after the handler had stopped; None when there is no such task any more.
        holder: this pod and its run.
    """
    if task is None or task["metadata"]["uid"] != holder.uid or task["metadata"].get("deletionTimestamp"):
        return "the task was deleted"
    if not holder.holds(task):
        return None
    if task["spec"].get("cancel"):
        return "the task was cancelled"
    if holder.run_in(task).get("stop"):
        return "the run makes way for a later one"
    if task["spec"].get("onInterruption") == "Fail":
        return "the pod was told to stop, and spec.onInterruption is Fail"
    return None
