"""How a handler is called, judged by its parameters."""

from __future__ import annotations

import functools
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

from evertask.context import Context  # noqa: TC001  (read at run time, as from a user)
from evertask_runner.failures import RunFailure
from evertask_runner.signatures import payload_model, read_signature

T = TypeVar("T")


class Mail(BaseModel):
    to: str


class Base(Generic[T]):
    pass


class ByGeneric(Base[Mail]):
    def handle(self, payload): ...


class ByInheritance(ByGeneric):
    pass


class ByAnnotation(Base[int]):
    def handle(self, payload: Mail, ctx: Context) -> None: ...


class NoModel:
    def handle(self, payload: dict[str, Any]) -> None: ...


def nothing(): ...
def payload_only(payload): ...
def payload_and_context(payload, c): ...
def by_name(ctx): ...
def by_annotation(about: Context): ...
def by_dotted_annotation(about: evertask.Context): ...  # type: ignore[name-defined]  # noqa: F821
def reversed_by_name(context, payload): ...
def keyword_context(payload, *, ctx): ...
def with_defaults(payload, retries=3): ...
def named_with_default(payload, ctx=None): ...
def all_default(payload=None, retries=3): ...
def third_default(payload, c, extra=1): ...
def variadic(*args): ...
def keyword_default(payload, *, verbose=False): ...
def decorated_target(payload, ctx): ...


@functools.wraps(decorated_target)
def decorated(*args, **kwargs): ...


@pytest.mark.parametrize(
    ("function", "roles", "keyword"),
    [
        (nothing, (), None),
        (payload_only, ("payload",), None),
        (payload_and_context, ("payload", "context"), None),
        (by_name, ("context",), None),
        (by_annotation, ("context",), None),
        (by_dotted_annotation, ("context",), None),
        (reversed_by_name, ("context", "payload"), None),
        (keyword_context, ("payload",), "ctx"),
        (with_defaults, ("payload",), None),
        (named_with_default, ("payload", "context"), None),
        (all_default, ("payload",), None),
        (third_default, ("payload", "context"), None),
        (variadic, ("payload",), None),
        (keyword_default, ("payload",), None),
        (decorated, ("payload", "context"), None),
        (functools.partial(payload_and_context, c=1), ("payload",), None),
        (NoModel().handle, ("payload",), None),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_parameters_tell_what_a_handler_wants(function, roles, keyword):
    signature = read_signature("m:f", function)
    assert (signature.positional, signature.context_keyword) == (roles, keyword)


def three(payload, ctx, more): ...
def keyword_without_default(payload, *, more): ...
def context_twice(ctx, payload, more): ...


@pytest.mark.parametrize("function", [three, keyword_without_default, context_twice])
def test_a_parameter_that_nothing_fills_is_refused_with_the_allowed_forms(function):
    with pytest.raises(RunFailure, match=r"'m:f'.*'more'.*\(payload, ctx\)") as refused:
        read_signature("m:f", function)
    assert refused.value.type == "HandlerInvalid"


def annotated(payload: Mail): ...
def annotated_as_text(payload): ...


annotated_as_text.__annotations__["payload"] = "Mail"


def unresolvable(payload: Unknown): ...  # type: ignore[name-defined]  # noqa: F821
def plain(payload: dict[str, int]): ...


@pytest.mark.parametrize(
    ("function", "model"),
    [
        (annotated, Mail),
        (annotated_as_text, Mail),
        (plain, None),
        (payload_only, None),
        (ByGeneric().handle, Mail),
        (ByInheritance().handle, Mail),
        (ByAnnotation().handle, Mail),
        (NoModel().handle, None),
    ],
    ids=["annotation", "text", "dict", "none", "generic", "inherited", "annotation-first", "class"],
)
def test_the_model_is_the_annotation_or_the_generic_argument(function, model):
    assert payload_model(function, read_signature("m:f", function)) is model


def test_an_annotation_that_cannot_be_resolved_is_said_and_the_dict_is_passed(capfd):
    assert payload_model(unresolvable, read_signature("m:f", unresolvable)) is None
    assert "TYPE_CHECKING" in capfd.readouterr().err
