"""What a task owes to the run that dispatched it: its pod template, and that it stays until the run is over.

A runner may set ``podTemplate`` on a task that it creates only to what its own task has (the policies of the chart let
it set one at all): creating tasks is no way to create other pods. And a run that is launched again must find what it
has dispatched before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask.api.protocol import Condition
from evertask_operator.resources.conditions import is_set

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation
    from evertask_operator.records import TaskRecord

POD_TEMPLATE_NOT_ALLOWED = "PodTemplateNotAllowed"

_WAY_OUT = (
    "leave spec.podTemplate out, or have someone who may create pods remove the label "
    f"{protocol.LABEL_PARENT_UID}"
)


def find_foreign_template(situation: Situation) -> tuple[str, str] | None:
    """Reason and message why the pod template of a dispatched task must not be used; None when it may be.

    A task that was accepted stays so: whoever changes its template afterwards needs the right to create pods.
    """
    task, parent = situation.task, situation.parent
    template = task.spec.get("podTemplate")
    if task.parent is None or template is None or is_set(task.status, Condition.ACCEPTED, "True"):
        return None
    if parent is None:
        message = (
            "spec.podTemplate of a task that was dispatched inside a run must be that of the run's task, and "
            f"there is no task with the UID {task.parent.uid} in the namespace; {_WAY_OUT}"
        )
    elif parent.spec.get("podTemplate") != template:
        message = (
            "spec.podTemplate of a task that was dispatched inside a run must be that of the run's task, and "
            f"EverTask {parent.key.name} has another; {_WAY_OUT}"
        )
    else:
        return None
    return POD_TEMPLATE_NOT_ALLOWED, message


def holds_its_child(parent: TaskRecord | None, child: TaskRecord) -> bool:
    """Tell whether the run that dispatched a task is still open: it may be launched again, and dispatch anew."""
    return child.parent is not None and parent is not None and child.parent.run_id in parent.open_runs


def is_needed_by_its_parent(situation: Situation) -> bool:
    """Tell whether the task must stay because the run that dispatched it is still open."""
    return holds_its_child(situation.parent, situation.task)
