"""What a payload may hold, and the sentences that refuse the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr, computed_field

from evertask import DispatchRefusedError, Task
from evertask.api.protocol import PAYLOAD_LIMIT
from evertask.payloads import payload_of


class Measure(BaseModel):
    values: list[float]


class Free(Task):
    handler = "shop.free:run"
    value: Any = None


class Address(BaseModel):
    street: str
    since: datetime


class Order(Task):
    handler = "shop.orders:run"
    id: UUID
    total: Decimal
    ship_to: Address = Field(alias="shipTo")
    seats: set[int] = Field(default_factory=set)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        return f"order {self.id}"


ORDER = Order(
    id=UUID(int=7),
    total=Decimal("12.30"),
    shipTo=Address(street="Via Roma", since=datetime(2026, 1, 2, tzinfo=UTC)),
    seats={3},
)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_the_handlers_model_reads_back_the_same_task():
    assert Order.model_validate(payload_of(ORDER)) == ORDER


def test_computed_fields_are_left_out_and_aliases_used():
    assert payload_of(ORDER).keys() == {"id", "total", "shipTo", "seats"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**63 - 1, id="largest-integer"),
        pytest.param(-(2**63), id="smallest-integer"),
        pytest.param(1e300, id="large-float"),
        pytest.param("$(X) $$ ${Y}", id="dollars"),
        pytest.param("\u0000\u2028\U0001f600", id="odd-characters"),
        pytest.param({"": [None, True, {}, []]}, id="empty-things"),
        pytest.param(nested(100), id="deep"),
    ],
)
def test_json_passes_unchanged(value):
    assert payload_of(Free(value=value)) == {"value": value}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(2**63, r"payload\.value holds 9223372036854775808.*send it as a string", id="int64"),
        pytest.param({"a": [0, -(2**63) - 1]}, r"payload\.value\.a\[1\] holds -9223", id="int64-nested"),
        pytest.param(float("nan"), r"payload\.value holds nan.*send None", id="nan"),
        pytest.param([float("-inf")], r"payload\.value\[0\] holds -inf", id="infinity"),
        pytest.param(
            Measure(values=[1, float("nan")]), r"payload\.value\.values\[1\] holds nan", id="nan-in-a-model"
        ),
        pytest.param("\ud800", "surrogate", id="surrogate"),
        pytest.param({"\udc00": 1}, "surrogate", id="surrogate-key"),
        pytest.param(object(), "pydantic serializer", id="no-json-form"),
        pytest.param(nested(1000), "nested less than", id="too-deep"),
        pytest.param("x" * PAYLOAD_LIMIT, r"524,300 bytes.*limit is 524,288", id="too-large"),
        pytest.param(SecretStr("s3cret"), r"payload\.value holds a secret", id="secret"),
        pytest.param(
            {"k": [SecretStr("s3cret")]}, r"payload\.value\.k\[0\] holds a secret", id="nested-secret"
        ),
    ],
)
def test_what_would_not_arrive_unchanged_is_refused(value, said):
    with pytest.raises(DispatchRefusedError, match=said) as caught:
        payload_of(Free(value=value))
    assert "Free" in str(caught.value)
    assert "s3cret" not in str(caught.value)
