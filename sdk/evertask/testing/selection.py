"""Which objects of a list or a watch are asked for: label selectors and field selectors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "spec.queue",
        "spec.taskKey",
        "status.state",
        "status.runner",
    }
)
"""Fields that the API server selects by; it refuses any other."""


_PARTS = re.compile(r"(?:\\.|\([^)]*\)|[^,(])+")
"""Commas part, but within brackets and after a backslash."""
_SET = re.compile(r"(?P<key>\S+)\s+(?P<how>in|notin)\s+\((?P<values>[^)]*)\)")
_EQUALITY = re.compile(r"(?P<key>[^\s=!]+)\s*(?P<how>!=|==|=)(?P<value>.*)")


class SelectorError(ValueError):
    """A selector that the API server would refuse."""


@dataclass(frozen=True)
class Requirement:
    """One part of a selector."""

    key: str
    is_one_of: bool
    """Else: is none of them."""
    values: tuple[str, ...]

    def holds(self, value: str | None) -> bool:
        """Tell whether a value is as required; None: there is none."""
        return (value in self.values) is self.is_one_of


@dataclass(frozen=True)
class Selection:
    """What a request selects."""

    namespace: str | None
    """None: all of them."""
    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, namespace: str | None, params: Mapping[str, str]) -> Selection:
        """Read the selectors of a query.

        Raises:
            SelectorError: one cannot be read, or names a field that cannot be selected by.
        """
        fields = _read(params.get("fieldSelector", ""))
        unknown = [one.key for one in fields if one.key not in FIELDS]
        if unknown:
            raise SelectorError(f"field label not supported: {unknown[0]}")
        return cls(namespace, _read(params.get("labelSelector", "")), fields)

    def takes(self, task: Mapping[str, Any]) -> bool:
        """Tell whether an object is selected."""
        metadata = task["metadata"]
        if self.namespace not in {None, metadata["namespace"]}:
            return False
        labels = metadata.get("labels") or {}
        return all(one.holds(labels.get(one.key)) for one in self.labels) and all(
            one.holds(_field(task, one.key)) for one in self.fields
        )


def _read(text: str) -> tuple[Requirement, ...]:
    return tuple(_requirement(part.strip()) for part in _PARTS.findall(text) if part.strip())


def _requirement(text: str) -> Requirement:
    if (found := _SET.fullmatch(text)) is not None:
        values = tuple(value.strip() for value in found["values"].split(","))
        return Requirement(found["key"], found["how"] == "in", values)
    if (found := _EQUALITY.fullmatch(text)) is not None:
        value = re.sub(r"\\(.)", r"\1", found["value"].strip())
        return Requirement(found["key"], found["how"] != "!=", (value,))
    raise SelectorError(f"unable to parse requirement {text!r}: write =, !=, in (…) or notin (…)")


def _field(task: Mapping[str, Any], path: str) -> str:
    value: Any = task
    for name in path.split("."):
        value = (value or {}).get(name)
    return "" if value is None else str(value)
