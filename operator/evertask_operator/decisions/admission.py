"""What the schema cannot judge: such a task is held in state Pending, with a condition that says what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.protocol import PAYLOAD_LIMIT, Condition, State
from evertask_operator.decisions.duplicates import find_duplicate
from evertask_operator.decisions.parents import find_foreign_template
from evertask_operator.decisions.plans import Note, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_operator.decisions.situation import Situation

_ALLOWED_TEMPLATE_FIELDS = frozenset({"metadata", "spec"})
_ALLOWED_METADATA_FIELDS = frozenset({"labels", "annotations"})
_LISTS_OF_A_CONTAINER = ("env", "envFrom", "ports", "volumeDevices", "volumeMounts")


def _template_fault(template: dict[str, object]) -> str:
    """What is wrong with a pod template's outer shape (its spec is judged by the API server)."""
    for name in sorted(set(template) - _ALLOWED_TEMPLATE_FIELDS):
        return f"spec.podTemplate.{name} is not a field of a pod template; use metadata and spec"
    metadata, spec = template.get("metadata", {}), template.get("spec", {})
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        return "spec.podTemplate.metadata and spec.podTemplate.spec must be objects"
    for name in sorted(set(metadata) - _ALLOWED_METADATA_FIELDS):
        return f"spec.podTemplate.metadata.{name} cannot be set; only labels and annotations can"
    for kind in ("containers", "initContainers", "volumes"):
        entries = spec.get(kind, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            return f"spec.podTemplate.spec.{kind} must be a list of objects"
        if kind == "containers" and len(entries) == 1:
            continue  # the only container is the runner's, whatever its name
        if not all(isinstance(entry.get("name"), str) for entry in entries):
            return f"spec.podTemplate.spec.{kind}: each entry needs a name; the handler's container is named runner"
    return _spec_fault(spec)


def _spec_fault(spec: Mapping[str, Any]) -> str:
    """What the operator would overwrite without a word: its own fields are merged over these."""
    policy = spec.get("restartPolicy", "Never")
    if policy != "Never":
        return (
            f"spec.podTemplate.spec.restartPolicy cannot be {policy!r}; leave it out: "
            "the operator itself starts a pod again where that is right"
        )
    for kind in ("containers", "initContainers"):
        for number, container in enumerate(spec.get(kind, [])):
            for name in _LISTS_OF_A_CONTAINER:
                entries = container.get(name, [])
                if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                    return f"spec.podTemplate.spec.{kind}[{number}].{name} must be a list of objects"
    return ""


def fault_of(situation: Situation) -> tuple[str, str] | None:
    """Reason and message why a task cannot run as it is written; None when it can."""
    task = situation.task
    if task.key.namespace == situation.settings.own_namespace:
        return "OperatorNamespace", (
            f"tasks cannot run in {task.key.namespace}, the operator's own namespace; create the task in another one"
        )
    if task.payload_bytes > PAYLOAD_LIMIT:
        return "PayloadTooLarge", (
            f"spec.payload has {task.payload_bytes:,} bytes of JSON, more than {PAYLOAD_LIMIT:,}; "
            "put the data where the handler can fetch it, and its place into the payload"
        )
    message = _template_fault(task.spec.get("podTemplate") or {})
    if message:
        return "InvalidPodTemplate", message
    if fault := find_foreign_template(situation) or find_duplicate(situation):
        return fault
    if situation.refusal:
        return (
            "JobRefused",
            f"the API server refuses the task's Job; correct spec.podTemplate: {situation.refusal}",
        )
    return None


def refuse_what_cannot_run(situation: Situation) -> Plan | None:
    """Hold a task that cannot run. A claimed run goes on; one that is not claimed is withdrawn."""
    run = situation.run
    if run and run.claimed:
        return None
    fault = fault_of(situation)
    if fault is None:
        return None
    reason, message = fault
    status = situation.changed(
        state=str(State.PENDING),
        message=message,
        nextRunTime=None,
        conditions=situation.conditions(Condition.ACCEPTED, "False", reason, message),
    )
    if run and run.launched:
        status = situation.withdrawn(run, status)
    return Plan(status=status, notes=(Note("Warning", reason, message),) if status else ())
