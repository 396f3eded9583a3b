"""YAML as kubectl reads it; the expectations are what `kubectl create --dry-run` sends."""

from __future__ import annotations

import pytest
import yaml

from evertask.cli.yaml_loader import load_all


def load(text: str):
    (value,) = load_all(text.encode())
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("2026-12-25T10:00:00Z", "2026-12-25T10:00:00Z", id="timestamp"),
        pytest.param("2026-12-25", "2026-12-25", id="date"),
        pytest.param("09:00", "09:00", id="time-of-day"),
        pytest.param("17:30:15", "17:30:15", id="time-of-day-with-seconds"),
        pytest.param("1:30.5", "1:30.5", id="sexagesimal-float"),
        pytest.param("5m", "5m", id="duration"),
        pytest.param("on", True, id="on"),
        pytest.param("Y", True, id="y"),
        pytest.param("OFF", False, id="off"),
        pytest.param("no", False, id="no"),
        pytest.param("oN", "oN", id="mixed-case"),
        pytest.param("12", 12, id="integer"),
        pytest.param("-0", 0, id="minus-zero"),
        pytest.param("010", 8, id="octal"),
        pytest.param("0o10", 8, id="octal-of-yaml-1.2"),
        pytest.param("08", 8, id="no-octal"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("0b101", 5, id="binary"),
        pytest.param("1_000", 1000, id="underscores"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("2.0", 2, id="whole-fraction"),
        pytest.param("1e3", 1000, id="exponent"),
        pytest.param("~", None, id="null"),
        pytest.param("", None, id="empty"),
        pytest.param("nul", "nul", id="nearly-null"),
        pytest.param("=", "=", id="equals-sign"),
        pytest.param("* * * * *", yaml.YAMLError, id="unquoted-cron"),
        pytest.param("!!int x", yaml.YAMLError, id="a-claimed-number"),
        pytest.param("!!bool x", yaml.YAMLError, id="a-claimed-boolean"),
        pytest.param("!!timestamp 2026-12-25", "2026-12-25", id="a-claimed-timestamp"),
        pytest.param("!mine x", yaml.YAMLError, id="an-unknown-tag"),
    ],
)
def test_plain_scalars(text, value):
    if value is yaml.YAMLError:
        with pytest.raises(yaml.YAMLError):
            load(f"field: {text}")
        return
    found = load(f"field: {text}")["field"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["'09:00'", '"09:00"', "'12'", "'on'", "' 0 9 * * * '"])
def test_what_is_quoted_is_text(text):
    assert load(f"field: {text}")["field"] == text[1:-1]


def test_keys_are_texts_as_in_json():
    assert load("{2: a, on: b, 2026-12-25: c, ~: d}") == {
        "2": "a",
        "true": "b",
        "2026-12-25": "c",
        "null": "d",
    }


def test_anchors_and_merge_keys_are_followed():
    found = load("base: &base {a: 1, b: 1}\nmine: {<<: *base, b: 2}")
    assert found["mine"] == {"a": 1, "b": 2}


def test_a_stream_gives_each_document_also_the_empty_ones():
    assert list(load_all(b"a: 1\n---\n---\nb: 2\n")) == [{"a": 1}, None, {"b": 2}]
