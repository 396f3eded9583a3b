"""Zones: their names, and the instants of local times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from evertask.recurrence.errors import RecurrenceError
from evertask.recurrence.zones import DaylightPolicy, instants_of, load_zone, next_instant

NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"
APIA = "Pacific/Apia"
KWAJALEIN = "Pacific/Kwajalein"
PARIS = "Europe/Paris"


@pytest.mark.parametrize(
    ("zone", "local", "first", "later"),
    [
        (NEW_YORK, "2026-07-01T12:00", "2026-07-01T16:00Z", None),
        (NEW_YORK, "2026-11-01T00:59:59", "2026-11-01T04:59:59Z", None),
        (NEW_YORK, "2026-11-01T01:00", "2026-11-01T05:00Z", "2026-11-01T06:00Z"),
        (
            NEW_YORK,
            "2026-11-01T01:59:59.999999",
            "2026-11-01T05:59:59.999999Z",
            "2026-11-01T06:59:59.999999Z",
        ),
        (NEW_YORK, "2026-11-01T02:00", "2026-11-01T07:00Z", None),
        (KWAJALEIN, "1969-09-30T12:00", "1969-09-30T01:00Z", "1969-10-01T00:00Z"),
        (PARIS, "1880-06-01T12:00", "1880-06-01T11:50:39Z", None),  # by the sun
    ],
)
def test_the_instants_of_a_local_time(zone, local, first, later):
    expected = tuple(datetime.fromisoformat(text) for text in (first, later) if text)
    found = instants_of(datetime.fromisoformat(local), ZoneInfo(zone), DaylightPolicy(fold="Both"))
    assert found == expected
    assert all(instant.tzinfo is UTC for instant in found)


@pytest.mark.parametrize(
    ("zone", "inside", "end"),
    [
        (NEW_YORK, ["2026-03-08T02:00", "2026-03-08T02:59:59.999999"], "2026-03-08T07:00Z"),
        (LORD_HOWE, ["2026-10-04T02:00", "2026-10-04T02:29:59"], "2026-10-03T15:30Z"),
        (APIA, ["2011-12-30T00:00", "2011-12-30T23:59:59"], "2011-12-30T10:00Z"),
    ],
)
def test_each_local_time_in_a_gap_has_the_instant_of_its_end(zone, inside, end):
    for local in map(datetime.fromisoformat, inside):
        assert instants_of(local, ZoneInfo(zone), DaylightPolicy()) == (datetime.fromisoformat(end),)
        assert instants_of(local, ZoneInfo(zone), DaylightPolicy(gap="Skip")) == ()


def test_a_local_time_beyond_the_calendar_has_no_instant():
    first, last = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)  # noqa: DTZ001 - local times
    assert instants_of(last, ZoneInfo(NEW_YORK), DaylightPolicy()) == ()
    assert instants_of(first, ZoneInfo("Asia/Tokyo"), DaylightPolicy()) == ()


def test_a_gap_full_of_local_times_is_left_in_one_step():
    asked = []

    def every_second(local: datetime) -> datetime:
        asked.append(local)
        return local.replace(microsecond=0) + timedelta(seconds=1)

    start = datetime.fromisoformat("2026-03-08T06:59:59Z")
    found = next_instant(every_second, start, ZoneInfo(NEW_YORK), DaylightPolicy(gap="Skip"))
    assert found == start + timedelta(seconds=1)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Rome", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "EST5EDT"]
)
def test_a_zone_is_known_by_its_name(name):
    assert load_zone(name).key == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Europe/rome", "is Europe/Rome meant?"),
        ("new york", "is America/New_York meant?"),
        ("Europe/Romee", "is Europe/Rome meant?"),
        ("Mars/Olympus", "write an IANA name such as Europe/Rome"),
        ("UTC+2", "write an IANA name"),
        ("Europe", "write an IANA name"),
        ("", "write an IANA name"),
        ("../etc/passwd", "write an IANA name"),
        ("/etc/localtime", "write an IANA name"),
        ("Europe/../Europe/Rome", "not known"),
        ("Europe/Rome\0", "not known"),
        ("localtime", "not known"),
        ("posixrules", "not known"),
        ("right/Europe/Rome", "not known"),
    ],
)
def test_an_unknown_zone_is_refused(name, says):
    with pytest.raises(RecurrenceError, match=r"spec\.recurrence\.timeZone: ") as refused:
        load_zone(name)
    assert says in refused.value.message
    assert (refused.value.reason, refused.value.value) == ("UnknownTimeZone", name)
