"""What a handler returned, as JSON."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from evertask.api.protocol import RESULT_LIMIT
from evertask_runner.failures import RunFailure
from evertask_runner.serialisation import result_of, to_json_value

if TYPE_CHECKING:
    from collections.abc import Iterator


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Report(BaseModel):
    at: datetime
    total: Decimal


@dataclass
class Line:
    amount: int
    report: Any = field(default=None)


AT = datetime(2025, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        ({"a": None, "b": [None]}, {"a": None, "b": [None]}),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (1.5, 1.5),
        ((1, "é"), [1, "é"]),
        (Colour.RED, "red"),
        ({Colour.RED: Level.HIGH}, {"red": 3}),
        (Report(at=AT, total=Decimal("1.50")), {"at": "2025-01-02T00:00:00Z", "total": "1.50"}),
        (
            [Line(1, Report(at=AT, total=Decimal(2)))],
            [{"amount": 1, "report": {"at": "2025-01-02T00:00:00Z", "total": "2"}}],
        ),
    ],
    ids=[
        "none",
        "bool",
        "nulls",
        "max",
        "min",
        "float",
        "tuple",
        "str-enum",
        "enum-key",
        "pydantic",
        "dataclass",
    ],
)
def test_values_become_json(value, expected):
    assert result_of(value) == expected


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def iter_nothing() -> Iterator[int]:
    yield from ()


class Broken:
    def model_dump(self, mode: str) -> dict[str, int]:
        raise KeyError(mode)


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ({"a": [1, {"at": AT}]}, ["result.a[1].at is of type datetime", ".isoformat()"]),
        (date(2025, 1, 1), ["result is of type date", ".isoformat()"]),
        (timedelta(1), [".total_seconds()"]),
        ({"id": uuid.UUID(int=1)}, ["result.id is of type UUID", "str(...)"]),
        ([Decimal(1)], ["result[0] is of type Decimal"]),
        ({1, 2}, ["type set", "sorted(...)"]),
        (b"x", ["type bytes", "base64"]),
        (iter_nothing(), ["type generator", "list(...)"]),
        (object(), ["type object", "pydantic model"]),
        (Report, ["result is the class Report", "return an instance"]),
        ({"a": {1: 2}}, ["result.a has the key 1 of type int", "str(...)"]),
        ({"n": 2**63}, ["result.n is the integer 9223372036854775808", "64 bits"]),
        (10**400, ["an integer of 1329 bits".replace("an integer", "the integer")]),
        ([float("nan")], ["result[0] is nan"]),
        (float("-inf"), ["result is -inf"]),
        ("\ud800", ["result is text with a lone surrogate"]),
        ({"\ud800": 1}, ["a key of result"]),
        (circle(), ["more than 200 levels", "contains itself"]),
        (Broken(), ["model_dump(mode='json') raised"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else None,
)
def test_what_json_cannot_say_is_refused_with_its_path_and_a_way_out(value, parts):
    with pytest.raises(RunFailure) as refused:
        result_of(value)
    assert refused.value.type == "ResultNotSerialisable"
    assert [part for part in parts if part not in str(refused.value)] == []


def test_a_result_of_exactly_the_limit_is_taken():
    assert result_of("x" * (RESULT_LIMIT - 2))


def test_a_result_beyond_the_limit_names_the_limit_and_the_way_out():
    with pytest.raises(RunFailure, match=r"32,769 bytes.*32,768 fit.*return a reference") as refused:
        result_of("x" * (RESULT_LIMIT - 1))
    assert refused.value.type == "ResultTooLarge"


def test_the_limit_is_in_bytes_and_not_in_characters():
    with pytest.raises(RunFailure, match="bytes of JSON"):
        result_of("é" * (RESULT_LIMIT // 2))


def test_the_path_of_a_value_that_contains_itself_is_cut():
    with pytest.raises(RunFailure) as refused:
        to_json_value(circle())
    assert len(str(refused.value)) < 400
