"""Wall clocks and instants: at which instants a local time occurs, where clocks are set forward and back.

A local time is a naive datetime, an instant an aware one in UTC. Where a zone's offset grows, the local times of a
*gap* never come; where it shrinks, those of a *fold* come twice, in a first and in a second pass:

    gap    T + before <= local < T + later      RunAfter: all of them occur at T, once;  Skip: none occurs
    fold   T + later <= local < T + before      First, Second: in one pass;  Both: in each

``zoneinfo`` tells the two offsets of such a local time (PEP 495) but not T, the instant of the change, which is found
between them by bisection. That needs changes further apart than they are large: in the database of zones the closest
two are four days apart, and the largest (a zone that changes its side of the date line) is one day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from evertask.recurrence.errors import RecurrenceError

if TYPE_CHECKING:
    from collections.abc import Callable

Gap = Literal["RunAfter", "Skip"]
Fold = Literal["First", "Second", "Both"]

_FIELD = "spec.recurrence.timeZone"
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,3}")
_NOT_ZONES = re.compile(r"(localtime|posixrules|Factory)|(posix|right)/.*")
"""Entries of a machine's database that mean its own zone, no zone, or a clock that counts leap seconds."""

_CYCLE_YEARS = 400
"""The calendar repeats after these, and so does a zone's rule: what lay in gaps alone for as long always will."""

_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DaylightPolicy:
    """What becomes of local times that a change of the clocks skips (gap) or repeats (fold)."""

    gap: Gap = "RunAfter"
    """``RunAfter``: at the first instant after the gap. ``Skip``: not at all."""
    fold: Fold = "First"
    """In the first pass, in the second, or in both."""


class _Change(NamedTuple):
    """A change of a zone's offset."""

    instant: datetime
    before: timedelta
    later: timedelta

    @property
    def is_gap(self) -> bool:
        return self.later > self.before

    def first_local(self) -> datetime:
        """The first of the local times that are skipped or repeated."""
        return self.instant.replace(tzinfo=None) + min(self.before, self.later)

    def end_local(self) -> datetime:
        """The first local time after them."""
        return self.instant.replace(tzinfo=None) + max(self.before, self.later)

    def instants(self, local: datetime, policy: DaylightPolicy) -> tuple[datetime, ...]:
        """Where one of these local times occurs."""
        if self.is_gap:
            return (self.instant,) if policy.gap == "RunAfter" else ()
        passes = (_instant(local, self.before), _instant(local, self.later))
        return {"First": passes[:1], "Second": passes[1:], "Both": passes}[policy.fold]


def load_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as ``Europe/Rome``; case matters.

    Raises:
        RecurrenceError: reason ``UnknownTimeZone``, field ``spec.recurrence.timeZone``.
    """
    if _NAME.fullmatch(name) and not _NOT_ZONES.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a directory of the database is an OSError
            pass
    near = _near_name(name)
    raise RecurrenceError(
        "this time zone is not known; "
        + (f"is {near} meant?" if near else "write an IANA name such as Europe/Rome or UTC"),
        field=_FIELD,
        value=name,
        reason="UnknownTimeZone",
    )


def instants_of(local: datetime, zone: ZoneInfo, policy: DaylightPolicy) -> tuple[datetime, ...]:
    """The instants at which a local time occurs: one, or none or two where a change of the clocks is.

    None too for an instant outside of the years 1 to 9999.

    Args:
        local: a naive datetime.
        zone: whose clocks.
        policy: what becomes of a local time in a gap or in a fold.

    Returns:
        Aware datetimes in UTC, the earlier first.
    """
    try:
        change = _change_at(local, zone)
        return (_instant(local, _offset(local, zone)),) if change is None else change.instants(local, policy)
    except OverflowError:
        return ()


def next_instant(
    next_local: Callable[[datetime], datetime | None],
    after: datetime,
    zone: ZoneInfo,
    policy: DaylightPolicy,
) -> datetime | None:
    """The first instant after a given one at which one of a set of local times occurs.

    It depends on the set alone, not on where the iteration began; times of a gap that fall on one instant give it once.

    Args:
        next_local: the set: gives its first member STRICTLY after a naive datetime, or None.
        after: an aware datetime; the result is strictly after it.
        zone: whose clocks.
        policy: what becomes of members in gaps and folds.

    Returns:
        An aware datetime in UTC; None where there is none before the year 10000.

    Raises:
        ValueError: ``after`` is naive.
    """
    if after.tzinfo is None:
        raise ValueError(f"after must have a time zone; this is {after!r}")
    after = after.astimezone(UTC)
    try:
        return _next_instant(next_local, after, zone, policy)
    except OverflowError:  # the local time exists, its instant is in the year 10000
        return None


def _next_instant(
    next_local: Callable[[datetime], datetime | None],
    after: datetime,
    zone: ZoneInfo,
    policy: DaylightPolicy,
) -> datetime | None:
    wall, in_second_pass = _wall_clock(after, zone)
    change = None if in_second_pass else _change_at(wall, zone)
    if change is not None:  # in a first pass (a wall clock never shows a gap): local times gone by come again
        local = next_local(wall) if policy.fold != "Second" else None
        if local is not None and local < change.end_local():
            return _instant(local, change.before)
        wall = change.first_local() - _TICK
    local, last = next_local(wall), min(wall.year + _CYCLE_YEARS, MAXYEAR)
    while local is not None and local.year <= last:
        change = _change_at(local, zone)
        if change is None:
            return _instant(local, _offset(local, zone))
        for instant in change.instants(local, policy):
            if instant > after:
                return instant
        # What holds for this one holds for each that the change skips or repeats: a gap of 3600 is not walked through.
        local = next_local(change.end_local() - _TICK)
    return None


def _wall_clock(instant: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """What the zone's clocks show, and whether that is the second time."""
    try:
        here = instant.astimezone(zone)
    except OverflowError:
        if instant.year > 1:
            raise
        return datetime.min, False  # noqa: DTZ901 - a local time: the calendar's first, naive on purpose
    return here.replace(tzinfo=None, fold=0), bool(here.fold)


def _change_at(local: datetime, zone: ZoneInfo) -> _Change | None:
    """The change of the clocks that skips or repeats a local time, if one does."""
    before, later = _offset(local, zone), _offset(local, zone, fold=1)
    if before == later:
        return None
    # Offsets are whole seconds, so changes are.
    local = local.replace(microsecond=0)
    low, high = _instant(local, max(before, later)), _instant(local, min(before, later))
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == later:
            high = middle
        else:
            low = middle
    return _Change(high, before, later)


def _offset(local: datetime, zone: ZoneInfo, *, fold: int = 0) -> timedelta:
    offset = local.replace(tzinfo=zone, fold=fold).utcoffset()
    assert offset is not None  # a ZoneInfo knows the offset of every datetime
    return offset


def _instant(local: datetime, offset: timedelta) -> datetime:
    return (local - offset).replace(tzinfo=UTC, fold=0)


def _near_name(name: str) -> str | None:
    """A known zone that may be meant: the same but for case, blanks or the region, or else much like it."""
    if any(
        character.isdigit() for character in name
    ):  # an offset such as UTC+2 is near to UTC, and not meant by it
        return None
    names = _names()
    plain = name.strip().replace(" ", "_").lower()
    near = [known for known in names if known == plain or known.endswith(f"/{plain}")]
    near = near or get_close_matches(plain, names, n=1, cutoff=0.8)
    return names[near[0]] if near else None


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """All zones by their names in lower case: read from the disk, so only for an error's message."""
    return {name.lower(): name for name in sorted(available_timezones()) if not _NOT_ZONES.fullmatch(name)}
