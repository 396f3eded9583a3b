"""What is wrong with a document, one sentence a field: its path, what it must be, what it is.

The rules are those of the API's models. Pydantic's own words are for programmers; here they are put into those of
the person who wrote the document.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from evertask.api.rules import field_path
from evertask.api.task import EverTask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

VALUE_LENGTH = 80
"""Characters of a wrong value that a sentence repeats."""

_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def complaints(error: ValidationError) -> list[str]:
    """Put the errors of a document's validation into sentences, in the order of its fields."""
    return [_sentence(details) for details in error.errors(include_url=False)]


def shown(value: Any) -> str:
    """Write a value as the document might, cut to what a line can take."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"


def _sentence(details: ErrorDetails) -> str:
    path, kind = field_path(details["loc"]), details["type"]
    if kind == "value_error":
        return f"{path}: {details['msg'].removeprefix('Value error, ')}"
    if kind == "missing":
        return f"{path} is missing; it is required"
    if kind == "extra_forbidden":
        return f"{path} is no field of an EverTask; {_instead(details)}"
    quoted = kind == "string_type" and isinstance(details["input"], int | float | bool)
    remedy = "; write it in quotes" if quoted else ""
    return f"{path} must be {_wanted(details)}; it is {shown(details['input'])}{remedy}"


def _wanted(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind in _TYPES:
        return _TYPES[kind]
    match kind:
        case "literal_error":
            return str(context["expected"])
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case "less_than_equal":
            return f"{context['le']} or less"
        case "string_too_long":
            return f"at most {context['max_length']} characters long"
        case "string_too_short":
            return f"at least {context['min_length']} characters long"
        case "too_long":
            return f"of at most {context['max_length']} items"
        case "too_short":
            return f"of at least {context['min_length']} items"
        case _:
            return details["msg"].removeprefix("Input should be ")


def _instead(details: ErrorDetails) -> str:
    """Name the field that was probably meant, or those that there are."""
    *parents, wrong = details["loc"]
    fields = fields_at(EverTask, [part for part in parents if isinstance(part, str)])
    close = get_close_matches(str(wrong), fields, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"remove it, or use one of {', '.join(fields)}" if fields else "remove it"


def fields_at(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """List the fields of the object at a path of a model, as they are written."""
    for name in path:
        inner = _model_in(_by_alias(model).get(name))
        if inner is None:
            return []
        model = inner
    return sorted(_by_alias(model))


def _by_alias(model: type[BaseModel]) -> Mapping[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model in a field's type: itself, an optional one, or a list's."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(one) for one in getattr(annotation, "__args__", ()))
    return next((one for one in inner if one), None)
