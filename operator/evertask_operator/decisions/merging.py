"""JSON merge patches (RFC 7386) as values: what a status will be, and two changes as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """Give the document as the patch makes it."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def merged_patches(first: Mapping[str, Any], second: Mapping[str, Any]) -> Json:
    """Give the one patch that does what two do one after the other: removals stay in it."""
    result = dict(first)
    for key, value in second.items():
        below = result.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            result[key] = merged_patches(below, value)
        else:
            result[key] = value
    return result
