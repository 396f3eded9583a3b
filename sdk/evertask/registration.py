"""What becomes of a task that is registered under a key: a decision about the object that is there already.

    there is                          | registered: a one-shot      | registered: a series
    nothing                           | Created                     | Created
    a one-shot that has not started   | Updated, or Unchanged       | Updated
    a one-shot that runs              | Unchanged                   | Unchanged
    a series that goes on             | Unchanged                   | Updated, or Unchanged
    one that is finished or cancelled | Replaced: next incarnation  | Replaced: next incarnation
    one that is being cancelled       | its end is waited for       | its end is waited for

*Unchanged* where the object says the same already. What others own is left to them: ``suspend``, ``runNow``, the
incarnation. Pure; ``evertask.dispatching`` makes the one write that follows.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evertask.api.durations import parse_duration
from evertask.api.protocol import TERMINAL_STATES, State
from evertask.api.times import parse_time
from evertask.errors import Cause, DispatchRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]

KEPT = ("suspend", "runNow", "incarnation")
"""Fields of the spec that an update leaves as they are: others own them."""

_NOT_COMPARED = frozenset({*KEPT, "cancel"})


class Registration(StrEnum):
    """What became of a dispatch: the outcome of the ``TaskId`` that it gives."""

    CREATED = "Created"
    """There was no such task; now there is."""
    UPDATED = "Updated"
    """The task had not started, or is a series: it says from now on what was dispatched."""
    REPLACED = "Replaced"
    """The task was finished or cancelled, and starts anew as its next incarnation."""
    UNCHANGED = "Unchanged"
    """Nothing was changed: the task says the same already, or it may not be changed any more (it runs, or it is a
    series that was to become a one-shot), which is logged as a warning."""


class TaskId(UUID):
    """A task's id, and what its dispatch did. In all else it is the UUID: equal to it, and written like it."""

    name: str
    """Of the object in the cluster."""
    outcome: Registration
    """Without a key: Created, or Unchanged where the same task was there under its ``task_id``."""

    def __init__(self, value: UUID | str, *, name: str, outcome: Registration) -> None:
        super().__init__(str(value))
        # UUIDs are immutable, and say so by refusing plain assignment.
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "outcome", outcome)

    def __reduce__(self) -> tuple[Callable[..., TaskId], tuple[str, str, str]]:
        return _task_id, (str(self), self.name, str(self.outcome))


def _task_id(value: str, name: str, outcome: str) -> TaskId:
    """Make an id from what was pickled."""
    return TaskId(value, name=name, outcome=Registration(outcome))


@dataclass(frozen=True)
class Wanted:
    """What is registered."""

    manifest: Mapping[str, Any]
    """The object that is created where there is none."""
    run_at: str | None = None
    """The instant at which a delay is over, where a delay was given: ``spec.delay`` counts from the creation of the
    object, which is past when a task is updated."""
    ignoring: frozenset[str] = frozenset()
    """Fields of the spec that an update leaves as they are: the caller did not say them."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec of the manifest."""
        spec: Mapping[str, Any] = self.manifest["spec"]
        return spec


@dataclass(frozen=True)
class Leave:
    """Change nothing."""

    reason: str = ""
    """Why what was registered is not taken; empty where the object says the same already."""


@dataclass(frozen=True)
class Wait:
    """Look again when the object has moved on."""

    reason: str


@dataclass(frozen=True)
class Rewrite:
    """Put another spec in the place of the one that is there."""

    outcome: Registration
    spec: Json


def decide(wanted: Wanted, found: Mapping[str, Any]) -> Leave | Wait | Rewrite:
    """Say what is to be done with the object that is there.

    Raises:
        DispatchRefusedError: the object is another task's.
    """
    metadata, spec, status = found["metadata"], found["spec"], found.get("status") or {}
    _check_owner(wanted, found)
    if metadata.get("deletionTimestamp"):
        return Wait("is being deleted")
    state = State(status.get("state") or State.PENDING)
    is_armed_anew = (spec.get("incarnation") or 0) > (status.get("incarnation") or 0)
    if state in TERMINAL_STATES and not is_armed_anew:
        return Rewrite(Registration.REPLACED, _replaced(wanted, spec))
    if spec.get("cancel"):
        return Wait("is being cancelled")
    updated = _updated(wanted, spec)
    if says_the_same(updated, spec):
        return Leave()
    if "recurrence" in spec and "recurrence" not in wanted.spec:
        return Leave("it is a series, which does not become a one-shot before it has ended")
    if "recurrence" not in spec and state is State.IN_PROGRESS:
        return Leave("it is running")
    if state in TERMINAL_STATES:
        # Armed anew, and the operator has not taken it up yet: until then only a raise may change a frozen field.
        updated["incarnation"] += 1
    return Rewrite(Registration.UPDATED, updated)


def _check_owner(wanted: Wanted, found: Mapping[str, Any]) -> None:
    name, key, found_key = found["metadata"]["name"], wanted.spec["taskKey"], found["spec"].get("taskKey")
    if found_key == key:
        return
    whose = f"belongs to the key {found_key!r}" if found_key else "has no spec.taskKey"
    message = (
        f"the key {key!r} needs the name {name}, and the object of that name {whose}; "
        "choose another key, or delete that object (a key cannot be added to it)"
    )
    raise DispatchRefusedError(message, causes=[Cause("spec.taskKey", message)])


def _updated(wanted: Wanted, spec: Mapping[str, Any]) -> Json:
    updated = dict(wanted.spec)
    if wanted.run_at is not None:
        updated.pop("delay", None)
        updated["runAt"] = wanted.run_at
    left = (
        (*KEPT, *wanted.ignoring) if "recurrence" in updated else ("suspend", "incarnation", *wanted.ignoring)
    )
    for field in wanted.ignoring:
        updated.pop(field, None)
    return updated | {field: spec[field] for field in left if field in spec}


def _replaced(wanted: Wanted, spec: Mapping[str, Any]) -> Json:
    replaced = dict(wanted.spec)
    for field in wanted.ignoring:
        replaced.pop(field, None)
    kept = {field: spec[field] for field in wanted.ignoring if field in spec}
    return replaced | kept | {"incarnation": (spec.get("incarnation") or 0) + 1}


def says_the_same(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Tell whether two specs ask for the same, whoever wrote them, but for what others own."""
    return _comparable(wanted) == _comparable(found)


def _comparable(spec: Mapping[str, Any]) -> Json:
    fields = {name: value for name, value in spec.items() if name not in _NOT_COMPARED}
    if not fields.get("payload"):
        fields.pop("payload", None)
    return {name: _canonical(name, value) for name, value in fields.items()}


_DURATIONS = frozenset({"delay", "timeout", "gracePeriod", "startDeadline", "ttlAfterFinished"})


def _canonical(name: str, value: Any) -> Any:
    """Give one form to what may be written in several: ``60m`` and ``1h``."""
    with suppress(ValueError):  # a schema newer than this code may know more forms
        if name in _DURATIONS:
            return parse_duration(value)
        if name == "runAt":
            return parse_time(value)
    return exact(value)


def exact(value: Any) -> Any:
    """Give a JSON value a form in which it equals only what JSON holds for equal: to Python True is 1."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [exact(inner) for inner in value]
    return (type(value), value) if isinstance(value, bool) else value
