"""How much an object holds: the lengths of all containers that are reachable from it, by their paths.

What is in containers of the same path is added up, so that a dictionary per task that is never removed shows as a
longer outer one, and an entry that stays in an inner one as a longer sum.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

PACKAGE = "evertask_operator"

_CONTAINERS = (dict, list, set, frozenset, tuple, deque)


def sizes(root: object, *, leave_out: tuple[type, ...] = ()) -> Counter[str]:
    """Walk through an object of the operator and all of the operator's objects below it.

    Args:
        root: where to begin.
        leave_out: classes whose objects are not looked into.
    """
    found: Counter[str] = Counter()
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [(type(root).__name__, root)]
    while stack:
        path, value = stack.pop()
        if id(value) in seen or isinstance(value, leave_out):
            continue
        seen.add(id(value))
        if isinstance(value, _CONTAINERS):
            found[path] += len(value)
            inside = list(value.values()) if isinstance(value, dict) else list(value)
            stack += [(f"{path}[]", one) for one in inside]
        elif type(value).__module__.startswith(PACKAGE):
            stack += [(f"{path}.{name}", one) for name, one in _fields(value)]
    return +found


def _fields(value: object) -> list[tuple[str, Any]]:
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    named = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return list({**named, **getattr(value, "__dict__", {})}.items())
