from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertask.api.durations import MAX_DURATION, MAX_LENGTH, format_duration, parse_duration

READ = {
    "0": timedelta(0),
    "0s": timedelta(0),
    "90s": timedelta(seconds=90),
    "5m": timedelta(minutes=5),
    "1h30m": timedelta(minutes=90),
    "1.5h": timedelta(minutes=90),
    "250ms": timedelta(milliseconds=250),
    "7us": timedelta(microseconds=7),
    "7µs": timedelta(microseconds=7),
    "1m1m": timedelta(minutes=2),
    "87600h": timedelta(days=3650),
}


@pytest.mark.parametrize(("text", "value"), READ.items(), ids=READ)
def test_a_duration_is_read(text: str, value: timedelta) -> None:
    assert parse_duration(text) == value


UNREADABLE = [
    "",
    "5",
    "-5m",
    "+5m",
    "5 m",
    " 5m",
    "5m ",
    "5m\n",
    "1 week",
    "2d",
    "PT5M",
    ".5h",
    "5.h",
    "1e3s",
    "h",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write for example 90s, 5m, 1h30m or 250ms"):
        parse_duration(text)


def test_more_than_ten_years_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than ten years"):
        parse_duration("87841h")


WRITTEN = {
    timedelta(0): "0s",
    timedelta(microseconds=1): "1us",
    timedelta(milliseconds=250): "250ms",
    timedelta(seconds=90): "1m30s",
    timedelta(hours=1, minutes=30): "1h30m",
    timedelta(days=2): "48h",
}


@pytest.mark.parametrize(("value", "text"), WRITTEN.items(), ids=WRITTEN.values())
def test_a_duration_is_written_in_its_shortest_form(value: timedelta, text: str) -> None:
    assert format_duration(value) == text


@pytest.mark.parametrize(
    ("value", "why"), [(timedelta(seconds=-1), "negative"), (timedelta(days=3661), "longer")]
)
def test_what_cannot_be_a_duration_is_not_written(value: timedelta, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        format_duration(value)


@given(st.timedeltas(min_value=timedelta(0), max_value=MAX_DURATION))
def test_what_is_written_is_read_back_and_fits_the_schema(value: timedelta) -> None:
    text = format_duration(value)

    assert parse_duration(text) == value
    assert len(text) <= MAX_LENGTH
