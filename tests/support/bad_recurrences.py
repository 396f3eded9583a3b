"""Recurrences that are refused before anything is stored: a part of ``bad_tasks``.

What only the calendar can judge (a cron expression that is none, or never fires; an unknown time zone; a field that
does not fit its unit) is not here: the schema takes it, and the operator refuses it.
"""

from __future__ import annotations

from typing import Any

from tests.support.bad_specs import WRITE_DURATION, WRITE_TIME, Bad

_PATH = "spec.recurrence"
_EVERY = {"every": "5m"}
ONE_FORM = "set exactly one of cron, crons, every and calendar in spec.recurrence"
ONE_FIRST = "set exactly one of immediately: true, after and at in spec.recurrence.first"
ONE_TIMING = "set at most one of spec.delay, spec.runAt and spec.recurrence"
NOT_EMPTY = "a cron expression must not be empty; write for example 30 9 * * MON-FRI"
WRITE_TIME_OF_DAY = "a time of day must be written HH:MM or HH:MM:SS, for example 09:00 or 17:30:15"
WRITE_DAY = "a day must be a weekday, Monday to Sunday, or a day of the month, 1 to 31"
NEEDS_SERIES = "spec.runNow asks a series for an extra run; remove it, or set spec.recurrence"
AT_LEAST_ONE = "should have at least 1 items"


def _bad(id_: str, field: str, remedy: str, *, in_python: bool = True, **recurrence: Any) -> Bad:
    """Describe a bad recurrence by the path of the field within it."""
    path = f"{_PATH}.{field}" if field else _PATH
    return Bad(f"recurrence-{id_}", {"recurrence": recurrence}, path, remedy, in_python)


def _in(form: str, id_: str, field: str, remedy: str, *, in_python: bool = True, **fields: Any) -> Bad:
    """Describe a bad part of a recurrence that is good otherwise."""
    base = {} if form == "calendar" else _EVERY
    value = {"unit": "Month"} | fields if form == "calendar" else fields
    return _bad(f"{form}-{id_}", f"{form}{field}", remedy, in_python=in_python, **base, **{form: value})


_FORMS = [
    Bad("recurrence-a-text", {"recurrence": "@daily"}, _PATH, "must be of type object"),
    Bad("recurrence-a-list", {"recurrence": ["@daily"]}, _PATH, "must be of type object"),
    _bad("empty", "", ONE_FORM),
    _bad("without-a-schedule", "", ONE_FORM, maxRuns=3, timeZone="Europe/Rome"),
    _bad("of-two-forms", "", ONE_FORM, cron="@daily", every="5m"),
    _bad("of-one-cron-and-many", "", ONE_FORM, cron="@daily", crons=["@hourly"]),
    _bad("of-all-forms", "", ONE_FORM, cron="@daily", crons=["@daily"], every="5m", calendar={"unit": "Day"}),
    _bad("of-two-forms-and-a-first-run", "", ONE_FORM, cron="@daily", every="5m", first={"after": "1m"}),
    _bad("misspelt", "corn", "unknown field", corn="@daily", every="5m"),
    _bad("in-python-names", "time_zone", "unknown field", in_python=False, time_zone="UTC", every="5m"),
    Bad("recurrence-and-delay", {"recurrence": _EVERY, "delay": "5m"}, "spec", ONE_TIMING),
    Bad("recurrence-and-run-at", {"recurrence": _EVERY, "runAt": "2026-12-25T10:00:00Z"}, "spec", ONE_TIMING),
    Bad("run-now-of-a-one-shot", {"runNow": "token"}, "spec.runNow", NEEDS_SERIES),
    Bad("run-now-of-a-delayed-one", {"runNow": "token", "delay": "5m"}, "spec.runNow", NEEDS_SERIES),
    Bad("run-now-of-65", {"recurrence": _EVERY, "runNow": "t" * 65}, "spec.runNow", "not be more than 64"),
    Bad("run-now-a-switch", {"recurrence": _EVERY, "runNow": True}, "spec.runNow", "must be of type string"),
]

_CRONS = [
    _bad("cron-empty", "cron", "at least 1 chars", cron=""),
    _bad("cron-of-spaces", "cron", NOT_EMPTY, cron=" \t "),
    _bad("cron-of-257", "cron", "not be more than 256", cron="*" * 257),
    _bad("cron-a-list", "cron", "must be of type string", cron=["@daily"]),
    _bad("cron-a-number", "cron", "must be of type string", cron=5),
    _bad("crons-a-text", "crons", "must be of type array", crons="@daily"),
    _bad("crons-none", "crons", AT_LEAST_ONE, crons=[]),
    _bad("crons-17", "crons", "at most 16 items", crons=["@daily"] * 17),
    _bad("crons-with-an-empty-one", "crons[1]", NOT_EMPTY, crons=["@daily", " "]),
    _bad("crons-with-a-long-one", "crons[0]", "not be more than 256", crons=["*" * 257]),
    _bad(
        "day-match-without-cron", "", "spec.recurrence.dayMatch speaks of cron", every="5m", dayMatch="Both"
    ),
    _bad("day-match-unknown", "dayMatch", 'supported values: "Any", "Both"', cron="@daily", dayMatch="All"),
    _bad("zone-empty", "timeZone", "at least 1 chars", cron="@daily", timeZone=""),
    _bad("zone-of-65", "timeZone", "not be more than 64", cron="@daily", timeZone="Z" * 65),
]

_INTERVALS = [
    _bad("every-empty", "every", WRITE_DURATION, every=""),
    _bad("every-without-unit", "every", WRITE_DURATION, every="5"),
    _bad("every-in-days", "every", WRITE_DURATION, every="1d"),
    _bad("every-in-words", "every", WRITE_DURATION, every="5 minutes"),
    _bad("every-negative", "every", WRITE_DURATION, every="-5m"),
    _bad("every-zero", "every", "every must be a duration from 1s to 87600h", every="0s"),
    _bad("every-bare-zero", "every", "every must be a duration from 1s to 87600h", every="0"),
    _bad("every-under-a-second", "every", "every must be a duration from 1s to 87600h", every="999ms"),
    _bad("every-over-ten-years", "every", "every must be a duration from 1s to 87600h", every="87601h"),
    _bad("every-a-number", "every", "must be of type string", every=5),
]

_CALENDARS = [
    _bad("calendar-empty", "calendar.unit", "Required value", calendar={}),
    _bad("calendar-a-text", "calendar", "must be of type object", calendar="daily"),
    _in("calendar", "unit-unknown", ".unit", '"Day", "Week", "Month"', unit="Year"),
    _in("calendar", "unit-in-plural", ".unit", '"Day", "Week", "Month"', unit="Days"),
    _in("calendar", "unit-in-lower-case", ".unit", '"Day", "Week", "Month"', unit="day"),
    _in("calendar", "every-zero", ".every", "greater than or equal to 1", every=0),
    _in("calendar", "every-negative", ".every", "greater than or equal to 1", every=-1),
    _in("calendar", "every-1001", ".every", "less than or equal to 1000", every=1001),
    _in("calendar", "every-a-duration", ".every", "must be of type integer", every="2h"),
    _in("calendar", "second-60", ".atSecond", "less than or equal to 59", unit="Minute", atSecond=60),
    _in("calendar", "second-negative", ".atSecond", "greater than or equal to 0", unit="Minute", atSecond=-1),
    _in("calendar", "minute-60", ".atMinute", "less than or equal to 59", unit="Hour", atMinute=60),
    _in("calendar", "minute-negative", ".atMinute", "greater than or equal to 0", unit="Hour", atMinute=-1),
    _in("calendar", "times-none", ".atTimes", AT_LEAST_ONE, atTimes=[]),
    _in("calendar", "times-49", ".atTimes", "at most 48 items", atTimes=["09:00"] * 49),
    _in("calendar", "times-a-text", ".atTimes", "must be of type array", atTimes="09:00"),
    _in("calendar", "day-0", ".onDay", "greater than or equal to 1", onDay=0),
    _in("calendar", "day-32", ".onDay", "less than or equal to 31", onDay=32),
    _in("calendar", "day-a-weekday", ".onDay", "must be of type integer", onDay="Monday"),
    _in("calendar", "days-none", ".onDays", AT_LEAST_ONE, onDays=[]),
    _in("calendar", "days-32", ".onDays", "at most 31 items", onDays=[1] * 32),
    _in("calendar", "days-a-weekday", ".onDays", "must be of type array", onDays="Monday"),
    _in(
        "calendar",
        "ordinal-fifth",
        ".onWeekday.ordinal",
        '"Last"',
        onWeekday={"ordinal": "Fifth", "day": "Friday"},
    ),
    _in(
        "calendar",
        "ordinal-a-number",
        ".onWeekday.ordinal",
        "string",
        onWeekday={"ordinal": 1, "day": "Friday"},
    ),
    _in(
        "calendar",
        "weekday-short",
        ".onWeekday.day",
        '"Friday"',
        onWeekday={"ordinal": "First", "day": "Fri"},
    ),
    _in("calendar", "weekday-without-ordinal", ".onWeekday.ordinal", "Required", onWeekday={"day": "Friday"}),
    _in("calendar", "weekday-without-day", ".onWeekday.day", "Required value", onWeekday={"ordinal": "Last"}),
    _in("calendar", "months-none", ".onMonths", AT_LEAST_ONE, onMonths=[]),
    _in("calendar", "months-13", ".onMonths", "at most 12 items", onMonths=[1] * 13),
    _in("calendar", "month-0", ".onMonths[0]", "greater than or equal to 1", onMonths=[0]),
    _in("calendar", "month-13", ".onMonths[1]", "less than or equal to 12", onMonths=[12, 13]),
    _in("calendar", "month-by-name", ".onMonths[0]", "must be of type integer", onMonths=["January"]),
    _in("calendar", "field-unknown", ".atTime", "unknown field", atTime="09:00"),
]

_TIMES_OF_DAY = ["9:00", "09:60", "24:00", "0900", "09", "", "09:00:60", "09:00Z", "09:00 ", "09:00\n", "9am"]
_NO_DAYS: list[Any] = [0, 32, -1, "Mon", "monday", "MONDAY", "Montag", "1", "32", "", "Weekday", "Monday\n"]
_ODD = [
    *(
        _in("calendar", f"time-{time!r}", ".atTimes[0]", WRITE_TIME_OF_DAY, atTimes=[time])
        for time in _TIMES_OF_DAY
    ),
    _in("calendar", "time-too-long", ".atTimes[1]", "not be more than 8", atTimes=["09:00", "09:00:00.5"]),
    *(_in("calendar", f"days-{day!r}", ".onDays[1]", WRITE_DAY, onDays=[1, day]) for day in _NO_DAYS),
    _in("calendar", "days-a-switch", ".onDays[0]", "must be of type", onDays=[True]),
    _in("calendar", "days-a-fraction", ".onDays[0]", "must be of type", onDays=[1.5]),
]

_FIRSTS = [
    _in("first", "none", "", ONE_FIRST),
    _in("first", "not-immediately", "", ONE_FIRST, immediately=False),
    _in("first", "two", "", ONE_FIRST, immediately=True, after="1m"),
    _in("first", "the-other-two", "", ONE_FIRST, after="1m", at="2026-12-25T10:00:00Z"),
    _in("first", "all", "", ONE_FIRST, immediately=True, after="1m", at="2026-12-25T10:00:00Z"),
    _in(
        "first",
        "immediately-a-text",
        ".immediately",
        "must be of type boolean",
        in_python=False,
        immediately="true",
    ),
    _in("first", "after-negative", ".after", WRITE_DURATION, after="-1m"),
    _in(
        "first",
        "after-over-ten-years",
        ".after",
        "after must be a duration from 0s to 87600h",
        after="87601h",
    ),
    _in("first", "at-without-zone", ".at", WRITE_TIME, at="2026-12-25T10:00:00"),
    _in("first", "at-no-date", ".at", WRITE_TIME, at="2026-02-30T10:00:00Z"),
    _in("first", "unknown", ".then", "unknown field", immediately=True, then="1m"),
    _bad("first-a-text", "first", "must be of type object", every="5m", first="now"),
    _bad("first-none-alone", "first", ONE_FIRST, first={}),
]

_ENDS = [
    _bad("until-without-zone", "until", WRITE_TIME, every="5m", until="2026-12-25T10:00:00"),
    _bad("until-a-date", "until", WRITE_TIME, every="5m", until="2026-12-25"),
    _bad("until-year-3000", "until", "from 1970 to 2999", every="5m", until="3000-01-01T00:00:00Z"),
    _bad("max-runs-zero", "maxRuns", "greater than or equal to 1", every="5m", maxRuns=0),
    _bad("max-runs-negative", "maxRuns", "greater than or equal to 1", every="5m", maxRuns=-1),
    _bad("max-runs-too-many", "maxRuns", "less than or equal to 10000000", every="5m", maxRuns=10**9 + 1),
    _bad("max-runs-a-text", "maxRuns", "type integer", in_python=False, every="5m", maxRuns="3"),
    _bad("jitter-negative", "jitter", WRITE_DURATION, every="5m", jitter="-5s"),
    _bad(
        "jitter-over-a-day", "jitter", "jitter must be a duration from 0s to 24h", every="5m", jitter="24h1s"
    ),
]

_POLICIES = [
    _bad("overlap-unknown", "overlap", '"Skip", "Queue", "Replace", "Allow"', every="5m", overlap="Forbid"),
    _in("daylightSaving", "gap-unknown", ".gap", '"RunAfter", "Skip"', gap="RunBefore"),
    _in("daylightSaving", "fold-unknown", ".fold", '"First", "Second", "Both"', fold="Third"),
    _in("daylightSaving", "field-unknown", ".overlap", "unknown field", overlap="First"),
    _in("catchUp", "policy-unknown", ".policy", '"Latest", "All", "None"', policy="Newest"),
    _in("catchUp", "policy-null-by-name", ".policy", '"Latest", "All", "None"', policy=""),
    _in("catchUp", "window-zero", ".window", "window must be a duration from 1s to 87600h", window="0s"),
    _in("catchUp", "window-without-unit", ".window", WRITE_DURATION, window="60"),
    _in("catchUp", "limit-101", ".limit", "less than or equal to 100", policy="All", limit=101),
    _in("catchUp", "limit-zero", ".limit", "greater than or equal to 1", policy="All", limit=0),
    _bad("catch-up-a-text", "catchUp", "must be of type object", every="5m", catchUp="All"),
]

BAD_RECURRENCES = [
    *_FORMS,
    *_CRONS,
    *_INTERVALS,
    *_CALENDARS,
    *_ODD,
    *_FIRSTS,
    *_ENDS,
    *_POLICIES,
]
