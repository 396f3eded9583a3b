from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from evertask.api.rules import ANY_JSON, ApiModel
from evertask.api.structural import UnknownKeywordError, structural


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


class Inner(ApiModel):
    """What it is."""

    text: Annotated[str, Field(max_length=5)] | None = None
    """text is
    a text."""


class Outer(ApiModel):
    """An outer."""

    inner: Inner | None = None
    """inner is an inner."""
    colour: Colour | None = None
    """colour is a colour."""
    inners: Annotated[list[Inner], Field(max_length=3)] | None = None
    """inners are inners."""
    by_name: Annotated[dict[str, Inner], Field(max_length=3)] | None = None
    """byName maps names to inners."""
    size: Literal["S", "M"]
    """size is S or M."""
    number: Annotated[int, Field(ge=1, le=9)] = 5
    """number is a number."""
    flag: bool = False
    """flag is a flag."""
    anything: Annotated[dict[str, Any], Field(max_length=4, json_schema_extra=ANY_JSON)] | None = None
    """anything goes."""


INNER = {
    "type": "object",
    "properties": {"text": {"type": "string", "maxLength": 5, "description": "text is a text."}},
}

PROPERTIES: dict[str, Any] = {
    "inner": INNER | {"description": "inner is an inner."},
    "colour": {"type": "string", "enum": ["Red", "Blue"], "description": "colour is a colour."},
    "inners": {
        "type": "array",
        "maxItems": 3,
        "items": INNER | {"description": "What it is."},
        "description": "inners are inners.",
    },
    "byName": {
        "type": "object",
        "maxProperties": 3,
        "additionalProperties": INNER | {"description": "What it is."},
        "description": "byName maps names to inners.",
    },
    "size": {"type": "string", "enum": ["S", "M"], "description": "size is S or M."},
    "number": {
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "default": 5,
        "description": "number is a number.",
    },
    "flag": {"type": "boolean", "default": False, "description": "flag is a flag."},
    "anything": {
        "type": "object",
        "maxProperties": 4,
        "x-kubernetes-preserve-unknown-fields": True,
        "description": "anything goes.",
    },
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_is_converted(name: str) -> None:
    made = structural(Outer.model_json_schema(by_alias=True))

    assert made["properties"][name] == PROPERTIES[name]


def test_nothing_else_is_left_of_a_model() -> None:
    made = structural(Outer.model_json_schema(by_alias=True))

    assert {key: value for key, value in made.items() if key != "properties"} == {
        "type": "object",
        "description": "An outer.",
        "required": ["size"],
    }
    assert list(made["properties"]) == list(PROPERTIES)


UNKNOWN: dict[str, dict[str, Any]] = {
    "const": {"const": "a"},
    "examples": {"examples": ["a"]},
    "discriminator": {"discriminator": {"propertyName": "kind"}},
    "oneOf": {"oneOf": [{"type": "string"}]},
    "allOf": {"allOf": [{"type": "string"}]},
    "not": {"not": {"type": "string"}},
    "exclusiveMinimum": {"type": "integer", "exclusiveMinimum": 0},
    "exclusiveMaximum": {"type": "integer", "exclusiveMaximum": 0},
    "multipleOf": {"type": "integer", "multipleOf": 2},
    "uniqueItems": {"type": "array", "uniqueItems": True},
    "prefixItems": {"type": "array", "prefixItems": []},
    "patternProperties": {"type": "object", "patternProperties": {}},
    "propertyNames": {"type": "object", "propertyNames": {}},
    "contentMediaType": {"type": "string", "contentMediaType": "text/plain"},
    "deprecated": {"deprecated": True},
    "readOnly": {"readOnly": True},
    "if": {"if": {}},
    "x-unheard-of": {"x-unheard-of": 1},
}


@pytest.mark.parametrize(("keyword", "schema"), UNKNOWN.items(), ids=UNKNOWN)
def test_an_unknown_keyword_is_an_error_that_names_its_place(keyword: str, schema: dict[str, Any]) -> None:
    nested = {"type": "object", "properties": {"spec": {"type": "array", "items": schema}}}

    with pytest.raises(UnknownKeywordError, match=rf"^\.spec\[\]: .*'{keyword}'"):
        structural(nested)


def test_a_choice_of_types_is_an_error() -> None:
    class Choice(BaseModel):
        value: int | str

    with pytest.raises(UnknownKeywordError, match=r"^\.value: anyOf is understood only as `X \| None`"):
        structural(Choice.model_json_schema())
