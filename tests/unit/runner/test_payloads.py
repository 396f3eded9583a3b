"""Sources under the payload, and the model over both."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from evertask_runner.failures import RunFailure
from evertask_runner.payloads import read_sources, validate

if TYPE_CHECKING:
    from pathlib import Path


class Order(BaseModel):
    number: int
    lines: list[int] = []
    tags: set[str] = set()

    @field_validator("number")
    @classmethod
    def check(cls, value: int) -> int:
        if value == 13:
            raise RuntimeError("unlucky")
        return value


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    at: datetime


class Plain:
    """A class with ``model_validate`` only."""

    @classmethod
    def model_validate(cls, payload: object) -> tuple[str, object]:
        return ("validated", payload)


def mount(folder: Path, index: int, **keys: str) -> None:
    """Lay out a volume as the kubelet does: keys are links into a folder that an update replaces."""
    source = folder / str(index)
    data = source / "..2025_01_01"
    data.mkdir(parents=True)
    (source / "..data").symlink_to(data.name)
    for key, value in keys.items():
        (data / key).write_text(value)
        (source / key).symlink_to(f"..data/{key}")


def test_later_sources_win_and_only_keys_count(tmp_path):
    mount(tmp_path, 0, host="a", port="1")
    mount(tmp_path, 1, host="b\n")
    assert read_sources(str(tmp_path), 2) == {"host": "b\n", "port": "1"}


def test_an_optional_source_that_is_empty_adds_nothing(tmp_path):
    mount(tmp_path, 0)
    assert read_sources(str(tmp_path), 1) == {}


def test_a_source_that_is_not_mounted_is_named(tmp_path):
    with pytest.raises(
        RunFailure, match=r"spec.payloadFrom\[0\] cannot be read at .*/0: No such file"
    ) as failed:
        read_sources(str(tmp_path), 1)
    assert failed.value.type == "PayloadInvalid"


def test_a_binary_value_is_refused_without_showing_it(tmp_path):
    mount(tmp_path, 0)
    (tmp_path / "0" / "key.bin").write_bytes(b"\xff\xfesecret")
    with pytest.raises(
        RunFailure, match=r"payloadFrom\[0\]: the value of key 'key.bin' is not UTF-8"
    ) as failed:
        read_sources(str(tmp_path), 1)
    assert "secret" not in str(failed.value)


def test_the_model_gets_what_json_can_say():
    order = validate(Order, {"number": "7", "lines": [1], "tags": ["a", "a"]})
    assert (order.number, order.tags) == (7, {"a"})


def test_a_strict_model_reads_times_from_text():
    assert validate(Strict, {"at": "2025-01-01T00:00:00Z"}).at.year == 2025


def test_any_class_with_model_validate_serves():
    assert validate(Plain, {"a": 1}) == ("validated", {"a": 1})


def test_an_invalid_payload_names_the_fields_and_never_the_values():
    with pytest.raises(RunFailure) as failed:
        validate(Order, {"lines": [1, "hunter2"]})
    text = str(failed.value)
    assert "spec.payload does not fit Order: number: Field required; lines.1: Input should be" in text
    assert "hunter2" not in text


def test_many_errors_are_counted_and_not_listed():
    with pytest.raises(RunFailure, match="and 11 more"):
        validate(Order, {"lines": ["x"] * 20})


def test_a_validator_that_crashes_is_shown_with_its_traceback():
    with pytest.raises(RunFailure, match="does not fit Order: RuntimeError: unlucky") as failed:
        validate(Order, {"number": 13})
    assert isinstance(failed.value.cause, RuntimeError)
