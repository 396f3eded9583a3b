"""From pydantic's JSON schema to the structural schema that a CustomResourceDefinition may hold.

The API server takes a small dialect of JSON schema. The conversion knows what pydantic emits for these models
and what becomes of each keyword; a keyword that it does not know is an error, because a keyword that is
silently dropped is a rule that is silently not enforced. Pure: standard library only, values in, values out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]

COPIED = frozenset(
    {
        "enum",
        "format",
        "maximum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "minimum",
        "minItems",
        "minLength",
        "minProperties",
        "pattern",
        "required",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    }
)
"""Keywords that mean the same on both sides."""

DROPPED = frozenset({"title"})
"""Keywords that say nothing to the API server."""

_NULL = {"type": "null"}


class UnknownKeywordError(ValueError):
    """The schema says something that the conversion does not know how to say to the API server."""


def structural(schema: Mapping[str, Any]) -> Schema:
    """Convert a model's schema (``model_json_schema(by_alias=True)``) to a structural one.

    Raises:
        UnknownKeywordError: a keyword, or a use of one, without a structural form; it names the path.
    """
    return _Conversion(schema.get("$defs", {})).convert(schema, "")


def one_line(text: str) -> str:
    """Put a docstring on one line: breaks in the source are not breaks in the text."""
    return " ".join(text.split())


class _Conversion:
    """One conversion: the definitions that ``$ref`` points to."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def convert(self, schema: Mapping[str, Any], path: str) -> Schema:
        """Convert the schema at a path."""
        made: Schema = {}
        for keyword, value in self._resolved(schema, path).items():
            self._keyword(made, keyword, value, path)
        return {key: made[key] for key in sorted(made)}

    def _resolved(self, schema: Mapping[str, Any], path: str) -> Schema:
        """Replace ``$ref`` and ``X | None`` by what they stand for; what is said beside them wins."""
        own = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf", "$defs"}}
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            return self._resolved(self._definitions[name], path) | own
        if "anyOf" in schema:
            options = [option for option in schema["anyOf"] if option != _NULL]
            if len(options) != 1 or len(options) == len(schema["anyOf"]):
                raise UnknownKeywordError(f"{path or '.'}: anyOf is understood only as `X | None`")
            return self._resolved(options[0], path) | own
        return own

    def _keyword(self, made: Schema, keyword: str, value: Any, path: str) -> None:
        if keyword in COPIED:
            made[keyword] = value
        elif keyword == "description":
            made["description"] = one_line(value)
        elif keyword == "default":
            # None is pydantic's way to say optional; every other default is written into every stored object.
            if value is not None:
                made["default"] = value
        elif keyword == "properties":
            made["properties"] = {
                name: self.convert(property_, f"{path}.{name}") for name, property_ in value.items()
            }
        elif keyword == "items":
            made["items"] = self.convert(value, f"{path}[]")
        elif keyword == "additionalProperties":
            # True (any JSON) is said by x-kubernetes-preserve-unknown-fields, False by the API server itself.
            if isinstance(value, dict):
                made["additionalProperties"] = self.convert(value, f"{path}.*")
        elif keyword not in DROPPED:
            raise UnknownKeywordError(
                f"{path or '.'}: no structural form is known for the keyword {keyword!r}"
            )
