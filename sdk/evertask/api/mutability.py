"""When a field of a task's spec may be changed: one table, and the rules that hold it.

The rules stand at the root of the schema: a rule on a field is bypassed by removing the field or its parent,
and these need spec and status together. *Started* means that a pod was let in to the run (``status.state``
InProgress); until then the operator takes a launch back when its task is edited. A *series* is a task that has a
recurrence before the write and after it: each of its runs reads the spec anew.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from evertask.api import protocol
from evertask.api.protocol import TERMINAL_STATES, State
from evertask.api.rules import rule, validations


class Mutability(StrEnum):
    """When a field may be changed. The value is the sentence's end in the field's own docs."""

    ALWAYS = "Can be changed at any time"
    UNTIL_STARTED = "Can be changed until the run starts"
    """Of a one-shot; a series does not have such a field."""
    UNTIL_THE_LAST_RUN = (
        "Can be changed until the run starts; for a series until it has ended, from the next run on"
    )
    FINAL = "Final"
    """May become true at any time; back to false only together with a higher incarnation."""
    GROWS = "Only grows"
    """May be raised while the task is not running."""
    NEVER = "Cannot be changed"
    SERIES = "Can be changed until the series has ended"
    """May be added or removed only while the task does not run."""


MUTABILITY: dict[str, Mutability] = {
    "handler": Mutability.UNTIL_THE_LAST_RUN,
    "payload": Mutability.UNTIL_THE_LAST_RUN,
    "payloadFrom": Mutability.UNTIL_THE_LAST_RUN,
    "taskKey": Mutability.NEVER,
    "queue": Mutability.UNTIL_THE_LAST_RUN,
    "delay": Mutability.UNTIL_STARTED,
    "runAt": Mutability.UNTIL_STARTED,
    "recurrence": Mutability.SERIES,
    "cancel": Mutability.FINAL,
    "suspend": Mutability.ALWAYS,
    "runNow": Mutability.ALWAYS,
    "incarnation": Mutability.GROWS,
    "gracePeriod": Mutability.UNTIL_THE_LAST_RUN,
    "timeout": Mutability.UNTIL_THE_LAST_RUN,
    "runTimeout": Mutability.UNTIL_THE_LAST_RUN,
    "retry": Mutability.UNTIL_THE_LAST_RUN,
    "startDeadline": Mutability.UNTIL_THE_LAST_RUN,
    "onInterruption": Mutability.UNTIL_THE_LAST_RUN,
    "maxInterruptions": Mutability.UNTIL_THE_LAST_RUN,
    "fenceAfter": Mutability.UNTIL_THE_LAST_RUN,
    "auditLevel": Mutability.ALWAYS,
    "ttlAfterFinished": Mutability.ALWAYS,
    "podTemplate": Mutability.UNTIL_THE_LAST_RUN,
}
"""Every field of the spec, in the order of the model."""

FROZEN_ONCE_STARTED = tuple(
    field
    for field, mutability in MUTABILITY.items()
    if mutability in {Mutability.UNTIL_STARTED, Mutability.UNTIL_THE_LAST_RUN}
)
"""Fields that are frozen once the run of a one-shot has started."""

_FORBIDDEN = "FieldValueForbidden"


def _list(*states: State) -> str:
    return "[" + ", ".join(f"'{state}'" for state in states) + "]"


_WAITING = _list(State.PENDING, State.QUEUED)
_FINISHED = _list(*(state for state in State if state in TERMINAL_STATES))


def _state(of: str) -> str:
    return f"{of}.?status.?state.orValue('{State.PENDING}')"


def _incarnation(of: str) -> str:
    return f"{of}.?incarnation.orValue(0)"


def _raised(new: str, old: str) -> str:
    return f"{_incarnation(f'{new}.spec')} > {_incarnation(f'{old}.spec')}"


_RAISED = _raised("self", "oldSelf")


def _goes_on(new: str, old: str) -> str:
    """Tell whether the task is a series that has not ended."""
    return f"(has({old}.spec.recurrence) && has({new}.spec.recurrence) && !({_state(old)} in {_FINISHED}))"


def _same(field: str) -> str:
    # Not `self.spec.?x == oldSelf.spec.?x`: the estimated cost of comparing two optionals is without bound.
    return (
        f"(has(self.spec.{field}) == has(oldSelf.spec.{field}) && "
        f"(!has(self.spec.{field}) || self.spec.{field} == oldSelf.spec.{field}))"
    )


def _too_late(field: str) -> str:
    return (
        f"spec.{field} cannot be changed once the run has started (of a series: once it has ended); "
        "raise spec.incarnation when the task has finished, or make a new task"
    )


def _frozen(field: str) -> dict[str, str]:
    # A raised incarnation is enough: its own rule keeps it from being raised while the task runs.
    # That a series goes on says nothing of delay and runAt: it has neither.
    return rule(
        f"{_state('oldSelf')} in {_WAITING} || {_RAISED} || {_goes_on('self', 'oldSelf')} || {_same(field)}",
        _too_late(field),
        reason=_FORBIDDEN,
        field=f".spec.{field}",
    )


AT_MOST_ONE_TIMING = "set at most one of spec.delay, spec.runAt and spec.recurrence (none of them means now)"
RUN_NOW_NEEDS_SERIES = (
    "spec.runNow asks a series for an extra run; remove it, or set spec.recurrence (a one-shot runs now without "
    "spec.delay and spec.runAt)"
)

_RECURRENCE_RULES = (
    rule(
        f"has(self.spec.recurrence) == has(oldSelf.spec.recurrence) || {_state('oldSelf')} in {_WAITING} || {_RAISED}",
        "spec.recurrence cannot be added or removed once a run has started; wait until status.state is Pending again, "
        "or raise spec.incarnation in the same update when the task has finished",
        reason=_FORBIDDEN,
        field=".spec.recurrence",
    ),
    rule(
        f"!({_state('oldSelf')} in {_FINISHED}) || {_RAISED} || !has(self.spec.recurrence) || "
        "!has(oldSelf.spec.recurrence) || self.spec.recurrence == oldSelf.spec.recurrence",
        "spec.recurrence cannot be changed once the series has ended; raise spec.incarnation in the same update to "
        "start it again, or make a new task",
        reason=_FORBIDDEN,
        field=".spec.recurrence",
    ),
)

TASK_RULES = validations(
    rule(
        "[has(self.spec.delay), has(self.spec.runAt), has(self.spec.recurrence)].filter(given, given).size() <= 1",
        AT_MOST_ONE_TIMING,
        field=".spec",
    ),
    rule(
        "!has(self.spec.runNow) || self.spec.runNow == '' || has(self.spec.recurrence)",
        RUN_NOW_NEEDS_SERIES,
        field=".spec.runNow",
    ),
    rule(
        f"{_incarnation('self.spec')} >= {_incarnation('oldSelf.spec')}",
        "spec.incarnation only grows; use a number that is not lower than before",
        reason=_FORBIDDEN,
        field=".spec.incarnation",
    ),
    rule(
        f"{_state('oldSelf')} != '{State.IN_PROGRESS}' || "
        f"{_incarnation('self.spec')} <= {_incarnation('oldSelf.spec')}",
        "spec.incarnation cannot be raised while the task runs; wait until it has finished, "
        "or cancel it first",
        reason=_FORBIDDEN,
        field=".spec.incarnation",
    ),
    rule(
        f"!oldSelf.spec.?cancel.orValue(false) || self.spec.?cancel.orValue(false) || {_RAISED}",
        "spec.cancel is final; to start the task again, set it to false and raise spec.incarnation "
        "in one update",
        reason=_FORBIDDEN,
        field=".spec.cancel",
    ),
    rule(
        _same("taskKey"),
        "spec.taskKey cannot be changed, added or removed; make another task for another key",
        reason=_FORBIDDEN,
        field=".spec.taskKey",
    ),
    *_RECURRENCE_RULES,
    *(_frozen(field) for field in FROZEN_ONCE_STARTED),
    rule(
        f"!({_state('oldSelf')} in {_FINISHED}) || {_state('self')} == oldSelf.status.state || "
        f"({_incarnation('self.?status')} > {_incarnation('oldSelf.?status')} && "
        f"{_incarnation('self.?status')} == {_incarnation('self.spec')})",
        "status.state is final; a higher spec.incarnation starts the task again",
        reason=_FORBIDDEN,
        field=".status",
    ),
)
"""The rules of a whole task, as ``x-kubernetes-validations``."""

POLICY_NAME = f"frozen-fields.{protocol.PLURAL}.{protocol.GROUP}"

_FREE_FORM = ("payload", "podTemplate")
"""Frozen fields whose keys the schema does not know."""


def frozen_fields_policy() -> list[dict[str, Any]]:
    """Make the ValidatingAdmissionPolicy that looks where the CRD's own rules cannot, and its binding.

    In a CRD's rule two free-form objects are equal when they have as many keys and the keys that *both* have are
    equal: ``{a: 1}`` equals ``{b: 2}``. A policy compares the objects whole.
    """
    state, raised = _state("oldObject"), _raised("object", "oldObject")
    goes_on = _goes_on("object", "oldObject")
    validations_ = [
        {
            "expression": f"{state} in {_WAITING} || {raised} || {goes_on} || "
            f"object.spec.?{field} == oldObject.spec.?{field}",
            "message": _too_late(field),
            "reason": "Invalid",
        }
        for field in _FREE_FORM
    ]
    resource = {
        "apiGroups": [protocol.GROUP],
        "apiVersions": [protocol.VERSION],
        "operations": ["UPDATE"],
        "resources": [protocol.PLURAL],
    }

    def made(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        version = "admissionregistration.k8s.io/v1"
        return {"apiVersion": version, "kind": kind, "metadata": {"name": POLICY_NAME}, "spec": spec}

    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [resource]},
        "validations": validations_,
    }
    binding = {"policyName": POLICY_NAME, "validationActions": ["Deny"]}
    return [
        made("ValidatingAdmissionPolicy", policy),
        made("ValidatingAdmissionPolicyBinding", binding),
    ]
