"""The delay of one start: bounded, spread, and always the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from evertask.recurrence import jitter_of

UID = "0b9a3d7e-5f0c-4c55-9b0e-3f2f6f9a1d11"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def delays(jitter: timedelta) -> list[timedelta]:
    return [jitter_of(UID, NOON + number * MINUTE, jitter) for number in range(500)]


def test_a_delay_is_less_than_the_jitter_and_not_negative():
    assert all(timedelta(0) <= delay < MINUTE for delay in delays(MINUTE))


def test_delays_are_spread_over_the_jitter():
    quarters = [delay // (MINUTE / 4) for delay in delays(MINUTE)]
    assert all(quarters.count(quarter) > 80 for quarter in range(4))


def test_each_occurrence_has_its_own():
    assert len(set(delays(timedelta(hours=24)))) == 500


def test_each_task_has_its_own():
    assert jitter_of(UID, NOON, MINUTE) != jitter_of(UID.replace("0", "1"), NOON, MINUTE)


def test_it_is_the_same_in_each_process_and_version():
    assert jitter_of(UID, NOON, timedelta(seconds=30)) == timedelta(microseconds=19517934)


def test_it_does_not_depend_on_how_the_instant_is_written():
    assert jitter_of(UID, NOON.astimezone(ZoneInfo("Asia/Tokyo")), MINUTE) == jitter_of(UID, NOON, MINUTE)


@pytest.mark.parametrize("jitter", [timedelta(0), timedelta(seconds=-1)])
def test_without_jitter_there_is_no_delay(jitter):
    assert jitter_of(UID, NOON, jitter) == timedelta(0)


def test_the_least_jitter_leaves_no_room():
    assert jitter_of(UID, NOON, timedelta(microseconds=1)) == timedelta(0)


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="naive"):
        jitter_of(UID, NOON.replace(tzinfo=None), MINUTE)
