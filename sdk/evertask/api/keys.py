"""From a task key to a name and an id: the SDK and ``kubectl apply`` meet on one object.

The object of a key bears the key as its name where that is a valid name, so that a second registration meets the
first by the API server's own rule. Standard library only.
"""

from __future__ import annotations

import re
from uuid import UUID, uuid5

KEY_LIMIT = 200
"""Characters of a task key."""

_KEYS = UUID("6b1d0b5e-9a44-5d58-8f0e-5f6c1a7e2d33")
"""The UUIDv5 namespace of all task keys."""

_NAME_LIMIT = 253
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_GENERATED = re.compile(r"(task|key)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
"""Names that we make ourselves: a key that looks like one must not meet another task's object."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def task_name(task_id: UUID) -> str:
    """Give the name of the object of a task without a key: looking it up is one GET."""
    return f"task-{task_id}"


def key_id(namespace: str, key: str) -> UUID:
    """Give the id of the task of a key: the same for all who register it."""
    return uuid5(uuid5(_KEYS, namespace), key)


def key_name(namespace: str, key: str) -> str:
    """Give the name of the object of a key: the key itself where it is a valid name, else ``key-<id>``."""
    if len(key) <= _NAME_LIMIT and _NAME.match(key) and not _GENERATED.match(key):
        return key
    return f"key-{key_id(namespace, key)}"


def key_fault(key: str) -> str | None:
    """Say what is wrong with a key; None when it can be used."""
    if not key:
        return "it is empty; leave it out for a task without a key"
    if len(key) > KEY_LIMIT:
        return f"it has {len(key)} characters, the limit is {KEY_LIMIT}; shorten it, or use a digest of it"
    if key.strip() != key:
        return "it begins or ends with white space; remove it"
    if _SURROGATE.search(key):
        return "it holds half of a surrogate pair, which UTF-8 has no form for; remove it"
    return None
