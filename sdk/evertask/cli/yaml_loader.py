"""YAML read as kubectl reads it: YAML 1.1 with Go's numbers, and JSON's types in the end.

Python's usual loader differs where schedules live: it makes a ``datetime`` of ``2026-12-25T10:00:00Z`` and the number
540 of ``09:00``. For kubectl both are text, while ``y`` and ``off`` are booleans, ``010`` is eight, ``1e3`` is a number
and ``2.0`` the integer two.
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
_OCTAL = re.compile(r"^([-+]?)0(?=[0-7]+$)")


class _Loader(SafeLoader):
    """Resolves plain scalars, and makes texts of keys, as the conversion to JSON does."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  (the library's own name: none is inherited)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  (inherited)
        """Build a mapping whose keys are texts."""
        return {_key(key): value for key, value in super().construct_mapping(node, deep=deep).items()}

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
        yaml.YAMLError: the text is not YAML, from there on.
    """
    loader = _Loader(text)
    try:
        # The library's types leave this one out.
        while loader.check_data():  # type: ignore[no-untyped-call]
            yield loader.get_data()
    finally:
        loader.dispose()
