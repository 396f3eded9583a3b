"""JSON Patch (RFC 6902: add, remove, replace, test) and JSON Merge Patch (RFC 7386), as the API server applies them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from evertask.registration import exact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PatchError(Exception):
    """An operation cannot be carried out, or a test has failed; nothing was changed."""


def apply_json_patch(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """Carry out all operations, or none.

    Raises:
        PatchError: names the operation.
    """
    changed = copy.deepcopy(document)
    for operation in operations:
        _carry_out(changed, operation)
    return changed


def _carry_out(document: Any, operation: Mapping[str, Any]) -> None:
    kind, path = operation["op"], operation["path"]
    *parents, last = [_unescaped(part) for part in path.split("/")[1:]]
    holder = document
    for part in parents:
        holder = _value(holder, part)
    found = _value(holder, last)
    if kind == "test":
        # The API server takes a field that is absent for null.
        if exact(found) != exact(operation.get("value")):
            raise PatchError(f"testing value {path} failed")
    elif kind in {"remove", "replace"} and found is None:
        raise PatchError(f"{kind} operation does not apply: {path} is absent")
    elif kind == "remove":
        del holder[_index(holder, last)]
    else:
        _set(holder, last, copy.deepcopy(operation["value"]), path)


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _value(holder: Any, part: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(part)
    if isinstance(holder, list) and part.isdecimal() and int(part) < len(holder):
        return holder[int(part)]
    return None


def _index(holder: Any, part: str) -> Any:
    return int(part) if isinstance(holder, list) else part


def _set(holder: Any, part: str, value: Any, path: str) -> None:
    if isinstance(holder, dict):
        holder[part] = value
    elif isinstance(holder, list) and (part == "-" or part.isdecimal()):
        holder.insert(len(holder) if part == "-" else int(part), value)
    else:
        raise PatchError(f"add operation does not apply: the parent of {path} is absent")


def apply_merge_patch(document: Any, patch: Any) -> Any:
    """Merge a patch into a document; null removes a field."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = apply_merge_patch(merged.get(name), value)
    return merged
