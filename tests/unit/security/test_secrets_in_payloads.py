"""A payload's values may be Secrets: what EverTask says about a payload that does not fit never shows one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, Json, TypeAdapter, field_validator, model_validator

from evertask_runner.discretion import quotes, raises_quotes, shown_place, texts_of
from evertask_runner.failures import RunFailure, describe
from evertask_runner.payloads import validate

SECRET = "hunter2-Tr0ub4dor&3"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Number(BaseModel):
    password: int


class Pattern(BaseModel):
    password: Annotated[str, Field(pattern="^x$", max_length=3)]


class Union(BaseModel):
    password: Json[Annotated[Cat | Dog, Field(discriminator="kind")]]


class Keys(BaseModel):
    password: Json[dict[int, int]]


class Forbids(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Renamed(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    password: int = Field(alias="pwd")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    password: int


class Quoting(BaseModel):
    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        raise ValueError(f"{value} is not long enough")


class Asserting(BaseModel):
    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        assert value == "x", f"got {value!r}"
        return value


class Crossing(BaseModel):
    """A validator of one field that quotes another's."""

    password: str
    region: str = "eu"

    @field_validator("region")
    @classmethod
    def check(cls, value: str, info: Any) -> str:
        raise ValueError(f"{value} does not go with {info.data['password']}")

    model_config = ConfigDict(validate_default=True)


class Whole(BaseModel):
    password: str

    @model_validator(mode="before")
    @classmethod
    def check(cls, values: Any) -> Any:
        raise ValueError(f"cannot use {values}")


class Crashing(BaseModel):
    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        raise RuntimeError(f"no account for {value}")


class Chained(BaseModel):
    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        try:
            int(value)
        except ValueError as error:
            raise RuntimeError("not a number") from error
        return value


class Noting(BaseModel):
    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        error = RuntimeError("no account")
        error.add_note(f"for {value}")
        raise error


class Nested(BaseModel):
    """A validator that lets pydantic's own text out, which shows what it was given, cut in the middle."""

    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        try:
            TypeAdapter(int).validate_python(value * 20)
        except ValueError as error:
            raise ValueError(str(error)) from None
        return value


class Shouting(BaseModel):
    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        raise ValueError(f"bad: {value.upper()[:6]}…")


class NoModelOfPydantic:
    @classmethod
    def model_validate(cls, payload: dict[str, Any]) -> None:
        raise KeyError(payload["password"])


MODELS = [
    Number, Pattern, Keys, Union, Renamed, Strict, Quoting, Asserting, Crossing, Whole, Crashing, Chained, Noting,
    Nested, Shouting, NoModelOfPydantic,
]  # fmt: skip
PAYLOADS = {
    Union: f'{{"kind": "{SECRET}"}}',
    Keys: f'{{"{SECRET}": "{SECRET}"}}',
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_invalid_payload_shows_no_value_whoever_words_the_message(model):
    with pytest.raises(RunFailure) as failed:
        validate(model, {"password": PAYLOADS.get(model, SECRET)})
    shown = str(describe(failed.value, 1)).casefold()
    assert "does not fit" in shown
    assert [part for part in ("hunter", "unter2", "tr0ub", "dor&3") if part in shown] == []


@pytest.mark.parametrize(
    "model", [Number, Pattern, Quoting, Asserting, Renamed], ids=lambda model: model.__name__
)
def test_it_names_the_field(model):
    with pytest.raises(RunFailure, match=r"(password|pwd): "):
        validate(model, {"password": SECRET})


def test_a_withheld_message_says_so_and_what_kind_it_was():
    with pytest.raises(
        RunFailure, match=r"password: value_error \(its message repeats a part of the payload"
    ):
        validate(Quoting, {"password": SECRET})


def test_a_withheld_exception_says_where_it_was_raised():
    with pytest.raises(
        RunFailure, match=r"RuntimeError at .*test_secrets_in_payloads.py:\d+ \(its message"
    ) as failed:
        validate(Crashing, {"password": SECRET})
    assert failed.value.cause is None


def test_a_message_that_quotes_nothing_is_shown():
    class Careful(BaseModel):
        amount: int
        customer: str

        @field_validator("amount")
        @classmethod
        def check(cls, value: int) -> int:
            raise ValueError("an amount is positive")

    with pytest.raises(RunFailure, match="amount: Value error, an amount is positive"):
        validate(Careful, {"amount": -5, "customer": "Ada"})


def test_an_unknown_key_is_named_and_its_value_is_not():
    with pytest.raises(RunFailure, match="password: Extra inputs are not permitted") as failed:
        validate(Forbids, {"password": SECRET})
    assert SECRET not in str(failed.value)


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("no", "none", False),
        ("nothing here", "secret", False),
        ("it is secret", "my-secrets", True),
        ("SECR", "secret", True),
        ("sec", "secret", False),
        ("", "secret", False),
        ("secret", "", False),
    ],
)
def test_four_characters_in_a_row_are_a_quotation(text, value, found):
    assert quotes(text, texts_of({"key": value})) is found


def test_only_texts_right_under_the_payload_can_be_a_secrets():
    assert texts_of({"a": "x", "b": 1, "c": {"d": "y"}, "e": ["z"]}) == ["x"]


def test_a_group_and_a_chain_are_looked_through():
    values = texts_of({"a": SECRET})
    inner = ExceptionGroup("several", [ValueError("fine"), ValueError(SECRET)])
    outer = RuntimeError("outer")
    outer.__context__ = inner
    inner.__cause__ = outer
    assert raises_quotes(outer, values)
    assert not raises_quotes(RuntimeError("fine"), values)


def test_a_chain_without_end_counts_as_quoting():
    error: BaseException = RuntimeError("0")
    for number in range(200):
        error, before = RuntimeError(str(number)), error
        error.__cause__ = before
    assert raises_quotes(error, ["zzzz"])


def test_an_exception_that_cannot_be_printed_counts_as_quoting():
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError(SECRET)

    assert raises_quotes(BrokenError(), texts_of({"a": "x"}))


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (("lines", 1, "price"), ["lines", "1", "price"]),
        (("missing",), ["missing"]),
        (("text", "inside"), ["text"]),
        (("lines", 7, "x"), ["lines", "7", "x"]),
        ((), []),
    ],
)
def test_a_place_goes_no_further_than_the_payload(place, shown):
    assert shown_place(place, {"lines": [{}, {"price": 1}], "text": "{}"}) == shown
