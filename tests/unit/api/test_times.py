from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertask.api.times import format_time, parse_time

READ = {
    "2026-12-25T10:00:00Z": datetime(2026, 12, 25, 10, tzinfo=UTC),
    "2026-12-25T10:00:00.250-05:00": datetime(2026, 12, 25, 15, 0, 0, 250_000, UTC),
    "2026-12-25T10:00:00.123456789Z": datetime(2026, 12, 25, 10, 0, 0, 123_456, UTC),
    "2026-12-25T00:30:00+01:00": datetime(2026, 12, 24, 23, 30, tzinfo=UTC),
}


@pytest.mark.parametrize(("text", "value"), READ.items(), ids=READ)
def test_an_instant_is_read_in_utc(text: str, value: datetime) -> None:
    assert parse_time(text) == value
    assert parse_time(text).tzinfo is UTC


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="says no time zone; end it with Z"):
        parse_time("2026-12-25T10:00:00")


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30T10:00:00Z", "2026-12-25T25:00:00Z"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


WRITTEN = {
    "2026-12-25T10:00:00Z": datetime(2026, 12, 25, 10, tzinfo=UTC),
    "2026-12-25T10:00:00.25Z": datetime(2026, 12, 25, 10, 0, 0, 250_000, UTC),
    "2026-12-25T15:00:00Z": datetime(2026, 12, 25, 10, tzinfo=timezone(timedelta(hours=-5))),
    "2026-12-25T10:10:10Z": datetime(2026, 12, 25, 10, 10, 10, tzinfo=UTC),
}


@pytest.mark.parametrize(("text", "value"), WRITTEN.items(), ids=WRITTEN)
def test_an_instant_is_written_in_utc(text: str, value: datetime) -> None:
    assert format_time(value) == text


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="is naive; give it a time zone"):
        format_time(datetime(2026, 12, 25))  # noqa: DTZ001


@given(st.datetimes(min_value=datetime(1000, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_written_is_read_back(value: datetime) -> None:
    assert parse_time(format_time(value)) == value
