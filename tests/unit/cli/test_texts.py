"""Words of a cluster on a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from evertask.cli.texts import UNSAFE, age, aligned, as_json, as_yaml, lines, one_line, span

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOSTILE = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x2028, 0xFEFF])) + "é 任务 🎉"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[2J", "\\x1b[2J", id="escape"),
        pytest.param("\x9b31m", "\\x9b31m", id="eight-bit-control"),
        pytest.param("a\nb\tc\rd", "a\\nb\\tc\\rd", id="white-space"),
        pytest.param("\u202egpj.exe", "\\u202egpj.exe", id="right-to-left"),
        pytest.param("\udc80", "\\udc80", id="half-a-pair"),
        pytest.param("é 任务 🎉", "é 任务 🎉", id="letters-of-any-script"),
    ],
)
def test_a_line_shows_control_characters_as_what_they_are(text, shown):
    assert one_line(text) == shown


def test_a_long_line_is_cut_after_it_was_made_safe():
    assert one_line("\x1b" * 10, 7) == "\\x1b\\x…"


def test_text_keeps_its_lines_and_tabs_only():
    assert lines("a\r\n\tb\x07\rc\n") == "a\n\tb\\x07\\rc\n"


@pytest.mark.parametrize(
    ("write", "read"),
    [pytest.param(as_json, json.loads, id="json"), pytest.param(as_yaml, yaml.safe_load, id="yaml")],
)
def test_objects_are_safe_to_show_and_say_the_same(write, read):
    value = {"message": HOSTILE, "items": [1, None, True], HOSTILE: "key"}
    text = write(value)
    assert set(UNSAFE.findall(text)) <= {"\n"}
    assert read(text) == value


@pytest.mark.parametrize("write", [as_json, as_yaml])
def test_harmless_letters_stay_readable(write):
    assert "Zürich" in write({"city": "Zürich"})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (125, "2m5s"),
        (601, "10m"),
        (3600, "1h"),
        (5400, "1h30m"),
        (90000, "1d1h"),
        (864000, "10d"),
        (-5, "0s"),
    ],
)
def test_spans_have_their_two_largest_units(seconds, text):
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        pytest.param(-2, "2h", id="past"),
        pytest.param(2, "in 2h", id="future"),
        pytest.param(None, "", id="never"),
    ],
)
def test_ages(hours, text):
    assert age(None if hours is None else NOW + timedelta(hours=hours), NOW) == text


def test_columns_align_by_what_a_terminal_shows():
    assert aligned([["任务", "x"], ["e\u0301", "y"], ["abcd", ""]]) == [
        ["任务", "x"],
        ["e\u0301   ", "y"],
        ["abcd", ""],
    ]
