"""How a caller names a task: by its id, by the name of its object, or by its key.

    what is given           | where it is looked for
    ``TaskId`` of dispatch  | the object of its name
    UUID                    | the object ``task-<uuid>``; else the one with that id on its label (the task of a key)
    text                    | the object of that name; where the text is a UUID, then as an id too
    ``key="…"``             | the object of the key's name

Pure: what can name no task at all is an error before anything is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from evertask.api.keys import key_fault, key_name, task_name
from evertask.api.rules import DNS_SUBDOMAIN

TaskRef = UUID | str
"""The id that ``dispatch`` returned, or the name of the task's object."""

_NAME_LIMIT = 253
_UUID_LENGTH = 36


@dataclass(frozen=True)
class Reference:
    """One task, as a caller named it."""

    said: str
    """In the caller's words, for messages."""
    names: tuple[str, ...]
    """The objects to look for, one after the other."""
    id: UUID | None = None
    """Where there is none of these: the id to look for on labels."""


def reference_of(namespace: str, ref: TaskRef | None, key: str | None = None) -> Reference:
    """Say where a task is looked for.

    Args:
        namespace: the key's.
        ref: id or name; None where a key is given.
        key: the task's key; None where an id or name is given.

    Raises:
        TypeError: none or both of ``ref`` and ``key`` are given, or they are of another type.
        ValueError: there cannot be a task of that name or key.
    """
    if (ref is None) == (key is None):
        raise TypeError('name one task: give its id or the name of its object, or key="…"')
    if key is not None:
        return _of_key(namespace, key)
    if isinstance(ref, UUID):
        name = getattr(ref, "name", None)  # of a TaskId: no need to look twice
        if isinstance(name, str):
            return Reference(f"task {ref}", (name,))
        return Reference(f"task {ref}", (task_name(ref),), ref)
    if isinstance(ref, str):
        return _of_name(ref)
    raise TypeError(
        f"a task is named by a UUID or by the name of its object, not by {type(ref).__qualname__}"
    )


def _of_key(namespace: str, key: str) -> Reference:
    if not isinstance(key, str):
        raise TypeError(f"key must be text, not {type(key).__qualname__}")
    if fault := key_fault(key):
        raise ValueError(f"there is no task of the key {key!r}: {fault}")
    return Reference(f"task of the key {key!r}", (key_name(namespace, key),))


def _of_name(name: str) -> Reference:
    if len(name) > _NAME_LIMIT or not re.fullmatch(DNS_SUBDOMAIN, name):
        raise ValueError(
            f"{name!r} cannot be the name of a task's object, which has lower-case letters, digits, - and . only; "
            'a task with a key is looked up by key="…"'
        )
    task_id = _id_in(name)
    return Reference(f"task {name}", (name, task_name(task_id)) if task_id else (name,), task_id)


def _id_in(text: str) -> UUID | None:
    """Read an id that was kept as text."""
    try:
        return UUID(text) if len(text) == _UUID_LENGTH else None
    except ValueError:
        return None
