"""YAML read as kubectl reads it: YAML 1.1 with Go's numbers, and JSON's types in the end.

Python's usual loader differs where schedules live: it makes a ``datetime`` of ``2026-12-25T10:00:00Z`` and the number
540 of ``09:00``. For kubectl both are text, while ``y`` and ``off`` are booleans, ``010`` is eight, ``1e3`` is a number
and ``2.0`` the integer two.

A few lines of aliases of aliases stand for gigabytes; as kubectl does, such a document is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML was built without libyaml: the same, slower
    from yaml import SafeLoader  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {
    spelling: value
    for value, words in ((True, "y yes true on"), (False, "n no false off"))
    for word in words.split()
    for spelling in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0[bB][01_]+|0[oO]?[0-7_]+|0[xX][0-9a-fA-F_]+|0|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
MAX_MERGED_KEYS = 10_000
"""Keys that ``<<`` may bring into one mapping, repeated ones counted each."""
ALIAS_FACTOR = 10
ALIAS_ALLOWANCE = 1024 * 1024
"""A document may stand for this many times its own length in bytes, and for so much in any case."""
_OCTAL = re.compile(r"^([-+]?)0(?=[0-7]+$)")


class _Loader(SafeLoader):
    """Resolves plain scalars, and makes texts of keys, as the conversion to JSON does."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  (the library's own name: none is inherited)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  (inherited)
        """Build a mapping whose keys are texts."""
        return {_key(key): value for key, value in super().construct_mapping(node, deep=deep).items()}

    def flatten_mapping(self, node: Any) -> None:
        """Bring in what ``<<`` names, within bounds: each level of aliases may double it."""
        merged = 0
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for part in filter(_is_mapping, parts):
                    self.flatten_mapping(part)
                    merged += len(part.value)
                    if merged > MAX_MERGED_KEYS:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"<< brings in more than {MAX_MERGED_KEYS} keys", node.start_mark
                        )
        super().flatten_mapping(node)

    def construct_boolean(self, node: Any) -> bool:
        """Read a boolean; one that a tag claims may be none."""
        text = self.construct_scalar(node)
        if text not in _BOOLEANS:
            raise yaml.constructor.ConstructorError(None, None, f"{text!r} is no boolean", node.start_mark)
        return _BOOLEANS[text]

    def construct_number(self, node: Any) -> int | float:
        """Read a number; one that a tag claims may be none."""
        text = str(self.construct_scalar(node))
        try:
            return _number(text)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"{text[:40]!r} is no number", node.start_mark
            ) from error

    def construct_text(self, node: Any) -> str:
        """Read a text, where a tag asks for something that JSON does not have."""
        return str(self.construct_scalar(node))


def _is_mapping(node: Any) -> bool:
    return isinstance(node, yaml.MappingNode)


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(text):
        return int(_OCTAL.sub(r"\g<1>0o", plain), 0)
    value = float(plain.lower().replace(".inf", "inf").replace(".nan", "nan"))
    # JSON has one kind of number: 2.0 is written as 2.
    return int(value) if value.is_integer() and abs(value) < 1e21 else value  # noqa: PLR2004  (Go's own bound)


def _anchored(pattern: str) -> re.Pattern[str]:
    return re.compile(f"^(?:{pattern})$")


_Loader.add_implicit_resolver(f"{_TAG}bool", _anchored("|".join(_BOOLEANS)), list("yYnNtTfFoO"))
_Loader.add_implicit_resolver(f"{_TAG}null", _anchored("~|null|Null|NULL|"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}merge", _anchored("<<"), ["<"])
_Loader.add_implicit_resolver(f"{_TAG}int", _anchored(_INTEGER.pattern), list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}float", _anchored(_FLOAT.pattern), list("-+.0123456789"))
_Loader.add_constructor(f"{_TAG}bool", _Loader.construct_boolean)
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_number)
_Loader.add_constructor(f"{_TAG}float", _Loader.construct_number)
_Loader.add_constructor(f"{_TAG}timestamp", _Loader.construct_text)


def load_all(text: bytes) -> Iterator[Any]:
    """Read the documents of a stream, one after another; an empty one is None.

    Raises:
        yaml.YAMLError: the text is not YAML, or stands for far more than it says, from there on.
        RecursionError: an alias stands for what contains it.
    """
    loader = _Loader(text)
    try:
        # The library's types leave this one out.
        while loader.check_data():  # type: ignore[no-untyped-call]
            value = loader.get_data()
            if _extent(value, {}) > ALIAS_FACTOR * len(text) + ALIAS_ALLOWANCE:
                raise yaml.constructor.ConstructorError(
                    None, None, "aliases repeat one another too often; write out what is meant"
                )
            yield value
    finally:
        loader.dispose()


def _extent(value: Any, known: dict[int, int]) -> int:
    """Count the characters, roughly, that a value has when its aliases are written out.

    Args:
        value: as it was loaded: an alias is the very object that it stands for.
        known: by identity, what was counted already; 0 while it is being counted.

    Raises:
        RecursionError: it contains itself.
    """
    if not isinstance(value, dict | list | set | tuple):
        return len(value) + 1 if isinstance(value, str | bytes) else 1
    if (found := known.get(id(value))) is not None:
        if not found:
            raise RecursionError("an alias stands for what contains it")
        return found
    known[id(value)] = 0
    parts = [*value, *value.values()] if isinstance(value, dict) else list(value)
    known[id(value)] = total = 2 + sum(_extent(part, known) for part in parts)
    return total
