"""Which tasks a query or a watch is about: what the API server can select, and what is sifted here.

    filter             | by the API server                         | here
    state              | status.state, by what it is not           | always
    queue              | spec.queue                                | ``default``, which most tasks do not write
    key                | spec.taskKey                              |
    parent             | the label of the parent's uid             |
    handler, created   |                                           | always

A task that the operator has not seen has no state, and is Pending. So a state is selected by excluding the others.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, Unpack

from evertask.api.keys import key_fault
from evertask.api.protocol import DEFAULT_QUEUE, LABEL_PARENT_UID, State
from evertask.objects import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from evertask.views import TaskView


@dataclass(frozen=True)
class Filters:
    """What a task must be; None is whatever it is."""

    states: frozenset[State] | None = None
    queue: str | None = None
    handler: str | None = None
    key: str | None = None
    parent_uid: str | None = None
    created_after: datetime | None = None

    @property
    def selection(self) -> Selection:
        """What the API server selects."""
        fields = _states(self.states)
        if self.queue is not None and self.queue != DEFAULT_QUEUE:
            fields.append(f"spec.queue={_escaped(self.queue)}")
        if self.key is not None:
            fields.append(f"spec.taskKey={_escaped(self.key)}")
        labels = "" if self.parent_uid is None else f"{LABEL_PARENT_UID}={self.parent_uid}"
        return Selection(",".join(fields), labels)

    @property
    def is_sifting(self) -> bool:
        """Of what the API server selects, only a part may match."""
        return self.queue == DEFAULT_QUEUE or self.handler is not None or self.created_after is not None

    def match(self, view: TaskView) -> bool:
        """Tell whether a task is what it must be."""
        return (
            (self.states is None or view.state in self.states)
            and (self.queue is None or view.queue == self.queue)
            and (self.handler is None or view.handler == self.handler)
            and (self.key is None or view.task_key == self.key)
            and (self.created_after is None or view.created > self.created_after)
        )

    def digest(self, namespace: str) -> str:
        """Tell one query from another. The time of creation does not count: who asks for the last hour moves it."""
        states = None if self.states is None else sorted(self.states)
        said = [namespace, states, self.queue, self.handler, self.key, self.parent_uid]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


class Asked(TypedDict, total=False):
    """What a caller asks for, but for the parent."""

    state: State | Iterable[State] | None
    """One, or any of several."""
    queue: str | None
    handler: str | type | None
    """Path ``module:attribute``, or the class."""
    key: str | None
    created_after: datetime | None
    """Aware."""


def filters_of(**asked: Unpack[Asked]) -> Filters:
    """Check what a caller asks for.

    Raises:
        ValueError: nothing can be like that; the message names the filter.
    """
    key, created_after, handler = asked.get("key"), asked.get("created_after"), asked.get("handler")
    if key is not None and (fault := key_fault(key)):
        raise ValueError(f"there is no task of the key {key!r}: {fault}")
    if created_after is not None and created_after.utcoffset() is None:
        raise ValueError(
            f"created_after={created_after} is naive: it names a different instant in each time zone; give it one, "
            "for example datetime.now(UTC) - timedelta(hours=1)"
        )
    path = f"{handler.__module__}:{handler.__qualname__}" if isinstance(handler, type) else handler
    return Filters(_states_of(asked.get("state")), asked.get("queue"), path, key, None, created_after)


def _states_of(state: State | Iterable[State] | None) -> frozenset[State] | None:
    if state is None:
        return None
    given = [state] if isinstance(state, str) else list(state)
    if not given:
        raise ValueError("state names no state at all; leave it out for tasks in any state")
    try:
        return frozenset(State(one) for one in given)
    except ValueError as error:
        raise ValueError(f"{error}; the states are {', '.join(State)}") from None


def _states(states: frozenset[State] | None) -> list[str]:
    """Select states by excluding the others, or by its name the only one that is never left unsaid."""
    if states is None:
        return []
    if len(states) == 1 and State.PENDING not in states:
        return [f"status.state={next(iter(states))}"]
    excluded = [str(one) for one in State if one not in states]
    if State.PENDING not in states:
        excluded.append("")
    return [f"status.state!={one}" for one in excluded]


def _escaped(value: str) -> str:
    """Write a value as a field selector takes it."""
    for character in "\\,=":
        value = value.replace(character, f"\\{character}")
    return value
