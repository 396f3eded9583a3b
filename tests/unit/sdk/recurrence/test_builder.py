"""A recurrence said in Python is the one that YAML says; what cannot be meant is refused with its way out."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from evertask.recurrence import (
    FRI,
    MON,
    SAT,
    SUN,
    THU,
    TUE,
    WED,
    RecurrenceError,
    build_recurrence,
    compile_recurrence,
)

ROME = ZoneInfo("Europe/Rome")
NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


def said(callback):
    return build_recurrence(callback).model_dump(by_alias=True, exclude_unset=True)


def calendar(unit, **fields):
    return {"calendar": {"unit": unit, **fields}}


INTERVALS = {
    "second": (lambda s: s.every_second(), {"every": "1s"}),
    "minute": (lambda s: s.every_minute(), {"every": "1m"}),
    "minute-at": (lambda s: s.every_minute().at_second(30), calendar("Minute", atSecond=30)),
    "minute-at-0": (lambda s: s.every_minute().at_second(0), calendar("Minute", atSecond=0)),
    "hour": (lambda s: s.every_hour(), {"every": "1h"}),
    "hour-at": (lambda s: s.every_hour().at_minute(15), calendar("Hour", atMinute=15)),
    "hour-at-second": (
        lambda s: s.every_hour().at_minute(15).at_second(5),
        calendar("Hour", atMinute=15, atSecond=5),
    ),
    "day": (lambda s: s.every_day(), calendar("Day")),
    "day-at": (lambda s: s.every_day().at_time(time(14, 30)), calendar("Day", atTimes=["14:30"])),
    "day-at-times": (
        lambda s: s.every_day().at_times(time(9), time(17, 30, 15)),
        calendar("Day", atTimes=["09:00", "17:30:15"]),
    ),
    "week": (lambda s: s.every_week(), calendar("Week")),
    "week-on": (lambda s: s.every_week().on_day(TUE), calendar("Week", onDays=["Tuesday"])),
    "week-on-days": (
        lambda s: s.every_week().on_days(WED, SAT).at_time(time(9)),
        calendar("Week", onDays=["Wednesday", "Saturday"], atTimes=["09:00"]),
    ),
    "month": (lambda s: s.every_month(), calendar("Month")),
    "month-on": (lambda s: s.every_month().on_day(15), calendar("Month", onDay=15)),
    "month-on-days": (
        lambda s: s.every_month().on_days(1, 15).at_times(time(1), time(2)),
        calendar("Month", onDays=[1, 15], atTimes=["01:00", "02:00"]),
    ),
    "month-first": (
        lambda s: s.every_month().on_first(MON),
        calendar("Month", onWeekday={"ordinal": "First", "day": "Monday"}),
    ),
    "month-last": (
        lambda s: s.every_month().on_last(FRI),
        calendar("Month", onWeekday={"ordinal": "Last", "day": "Friday"}),
    ),
    "month-nth": (
        lambda s: s.every_month().on_weekday("Second", THU).at_time(time(3)),
        calendar("Month", onWeekday={"ordinal": "Second", "day": "Thursday"}, atTimes=["03:00"]),
    ),
    "days-of-the-week": (lambda s: s.on_days(SUN, MON), calendar("Week", onDays=["Sunday", "Monday"])),
    "months": (lambda s: s.on_months(1, 7), calendar("Month", onMonths=[1, 7])),
    "months-on": (
        lambda s: s.on_months(2).on_last(SUN).at_time(time(4)),
        calendar("Month", onMonths=[2], onWeekday={"ordinal": "Last", "day": "Sunday"}, atTimes=["04:00"]),
    ),
    "every-seconds": (lambda s: s.every(90).seconds(), {"every": "1m30s"}),
    "every-minutes": (lambda s: s.every(5).minutes(), {"every": "5m"}),
    "every-minutes-at": (
        lambda s: s.every(5).minutes().at_second(10),
        calendar("Minute", every=5, atSecond=10),
    ),
    "every-hours": (lambda s: s.every(36).hours(), {"every": "36h"}),
    "every-hours-at": (
        lambda s: s.every(2).hours().at_minute(5).at_second(1),
        calendar("Hour", every=2, atMinute=5, atSecond=1),
    ),
    "every-days": (
        lambda s: s.every(3).days().at_time(time(6)),
        calendar("Day", every=3, atTimes=["06:00"]),
    ),
    "every-weeks": (
        lambda s: s.every(3).weeks().on_days(MON, FRI).at_times(time(9), time(17, 30)),
        calendar("Week", every=3, onDays=["Monday", "Friday"], atTimes=["09:00", "17:30"]),
    ),
    "every-months": (lambda s: s.every(2).months().on_day(31), calendar("Month", every=2, onDay=31)),
    "every-1": (lambda s: s.every(1).days(), calendar("Day")),
    "cron": (lambda s: s.use_cron("30 9 * * MON-FRI"), {"cron": "30 9 * * MON-FRI"}),
    "crons": (lambda s: s.use_cron("@daily", "0 12 * * *"), {"crons": ["@daily", "0 12 * * *"]}),
    "cron-both": (
        lambda s: s.use_cron("0 0 13 * FRI", day_match="Both"),
        {"cron": "0 0 13 * FRI", "dayMatch": "Both"},
    ),
}


@pytest.mark.parametrize(("interval", "expected"), INTERVALS.values(), ids=INTERVALS)
def test_an_interval_is_what_yaml_says(interval, expected):
    assert said(lambda r: interval(r.schedule())) == expected


@pytest.mark.parametrize(("interval", "expected"), INTERVALS.values(), ids=INTERVALS)
def test_an_interval_goes_on_from_a_first_run(interval, expected):
    assert said(lambda r: interval(r.run_now().then())) == {"first": {"immediately": True}, **expected}


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param(lambda r: r.run_now(), {"immediately": True}, id="now"),
        pytest.param(lambda r: r.run_delayed(timedelta(minutes=90)), {"after": "1h30m"}, id="delayed"),
        pytest.param(
            lambda r: r.run_at(datetime(2027, 7, 1, 9, tzinfo=ROME)), {"at": "2027-07-01T07:00:00Z"}, id="at"
        ),
    ],
)
def test_a_first_run_alone_and_before_a_schedule(first, expected):
    assert said(first) == {"first": expected}
    assert said(lambda r: first(r).then().every_hour()) == {"first": expected, "every": "1h"}


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        pytest.param(lambda s: s.run_until(NOON), {"until": "2027-01-01T12:00:00Z"}, id="until"),
        pytest.param(lambda s: s.max_runs(3), {"maxRuns": 3}, id="max-runs"),
        pytest.param(
            lambda s: s.run_until(NOON).max_runs(3),
            {"until": "2027-01-01T12:00:00Z", "maxRuns": 3},
            id="both",
        ),
        pytest.param(lambda s: s.in_zone("Europe/Rome"), {"timeZone": "Europe/Rome"}, id="zone"),
        pytest.param(lambda s: s.daylight_saving(gap="Skip"), {"daylightSaving": {"gap": "Skip"}}, id="gap"),
        pytest.param(
            lambda s: s.daylight_saving(fold="Both"), {"daylightSaving": {"fold": "Both"}}, id="fold"
        ),
        pytest.param(lambda s: s.catch_up("None"), {"catchUp": {"policy": "None"}}, id="catch-up"),
        pytest.param(
            lambda s: s.catch_up(window=timedelta(hours=2)), {"catchUp": {"window": "2h"}}, id="window-alone"
        ),
        pytest.param(
            lambda s: s.catch_up("All", window=timedelta(hours=2), limit=5),
            {"catchUp": {"policy": "All", "window": "2h", "limit": 5}},
            id="catch-up-all",
        ),
        pytest.param(lambda s: s.overlap("Queue"), {"overlap": "Queue"}, id="overlap"),
        pytest.param(lambda s: s.jitter(timedelta(seconds=30)), {"jitter": "30s"}, id="jitter"),
    ],
)
def test_limits_and_options_end_the_sentence(ending, expected):
    daily = calendar("Day", atTimes=["09:00"])
    assert said(lambda r: ending(r.schedule().every_day().at_time(time(9)))) == {**daily, **expected}
    assert said(lambda r: ending(r.schedule().every_day())) == {**calendar("Day"), **expected}


def test_the_builders_model_is_the_one_of_its_json():
    built = build_recurrence(lambda r: r.run_now().then().every(2).weeks().on_day(MON).overlap("Allow"))
    json = built.model_dump(by_alias=True, exclude_unset=True)
    assert compile_recurrence(json).recurrence == built == type(built).model_validate(json)


def test_a_state_can_be_gone_on_from_twice():
    def both(r):
        weekly = r.schedule().every_week()
        weekly.on_day(MON).at_time(time(9))
        return weekly.on_day(FRI)

    assert said(both) == calendar("Week", onDays=["Friday"])


def test_a_fraction_of_a_second_is_dropped_from_a_time_of_day():
    assert said(lambda r: r.schedule().every_day().at_time(time(9, 0, 0, 999_999))) == calendar(
        "Day", atTimes=["09:00"]
    )


WRONG_CHAINS = {
    "at-minute-of-a-day": lambda r: r.schedule().every_day().at_minute(5),
    "at-time-of-a-week": lambda r: r.schedule().every_week().at_time(time(9)),
    "at-time-of-a-month": lambda r: r.schedule().every_month().at_time(time(9)),
    "at-second-of-an-hour": lambda r: r.schedule().every_hour().at_second(5),
    "at-second-of-a-second": lambda r: r.schedule().every_second().at_second(5),
    "two-intervals": lambda r: r.schedule().every_day().every_hour(),
    "two-crons": lambda r: r.schedule().use_cron("@daily").use_cron("@hourly"),
    "days-twice": lambda r: r.schedule().every_week().on_day(MON).on_day(FRI),
    "times-twice": lambda r: r.schedule().every_day().at_time(time(9)).at_time(time(10)),
    "first-of-a-week": lambda r: r.schedule().every_week().on_first(MON),
    "no-schedule": lambda r: r.every_day(),
    "no-then": lambda r: r.run_now().every_day(),
    "then-after-schedule": lambda r: r.schedule().then(),
    "limits-of-a-first-run-alone": lambda r: r.run_now().max_runs(2),
    "refined-after-an-option": lambda r: r.schedule().every_day().in_zone("UTC").at_time(time(9)),
    "no-unit": lambda r: r.schedule().every(2).at_time(time(9)),
}


@pytest.mark.parametrize("callback", WRONG_CHAINS.values(), ids=WRONG_CHAINS)
def test_a_word_that_cannot_follow_is_not_offered(callback):
    with pytest.raises(AttributeError, match="object has no attribute"):
        build_recurrence(callback)


@pytest.mark.parametrize(
    ("callback", "returned"),
    [
        pytest.param(lambda r: r.schedule(), "Intervals", id="schedule-alone"),
        pytest.param(lambda r: r.run_now().then(), "Intervals", id="then-alone"),
        pytest.param(lambda r: r.schedule().every(5), "Units", id="no-unit"),
        pytest.param(lambda r: None, "NoneType", id="nothing"),
        pytest.param(lambda r: r, "RecurrenceBuilder", id="the-builder"),
    ],
)
def test_a_sentence_without_an_end_is_refused(callback, returned):
    with pytest.raises(TypeError, match=f"said to its end.*it returned {returned}"):
        build_recurrence(callback)


NAIVE = datetime(2027, 1, 1)  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("callback", "field", "message"),
    [
        pytest.param(lambda r: r.schedule().every(0).days(), "every", "1 or more", id="zero-days"),
        pytest.param(lambda r: r.schedule().every(-1).seconds(), "every", "1 or more", id="negative"),
        pytest.param(lambda r: r.schedule().every(10**9).hours(), "every", "ten years", id="too-long"),
        pytest.param(lambda r: r.schedule().every(10**30).hours(), "every", "ten years", id="beyond-all"),
        pytest.param(lambda r: r.schedule().every(1001).days(), "calendar.every", "1000", id="too-many-days"),
        pytest.param(
            lambda r: r.schedule().every_hour().at_minute(60), "calendar.atMinute", "60", id="minute-60"
        ),
        pytest.param(
            lambda r: r.schedule().every_minute().at_second(-1), "calendar.atSecond", "-1", id="second--1"
        ),
        pytest.param(lambda r: r.schedule().every_month().on_day(0), "calendar.onDay", "0", id="day-0"),
        pytest.param(
            lambda r: r.schedule().every_month().on_days(1, 32), "calendar.onDays", "1 to 31", id="day-32"
        ),
        pytest.param(
            lambda r: r.schedule().every_month().on_days(MON),
            "calendar.onDays",
            "days of the month",
            id="weekday-of-a-month",
        ),
        pytest.param(lambda r: r.schedule().on_days("Mon"), "calendar.onDays", "Monday to", id="short-name"),
        pytest.param(lambda r: r.schedule().on_days(3), "calendar.onDays", "weekdays", id="number-of-a-week"),
        pytest.param(lambda r: r.schedule().on_months(13), "calendar.onMonths", "13", id="month-13"),
        pytest.param(
            lambda r: r.schedule().every_month().on_weekday("Fifth", MON),
            "calendar.onWeekday.ordinal",
            "Last",
            id="fifth",
        ),
        pytest.param(
            lambda r: r.schedule().every_day().at_time(time(9, tzinfo=ROME)),
            "calendar.atTimes",
            "in_zone",
            id="time-with-a-zone",
        ),
        pytest.param(lambda r: r.schedule().use_cron("1 2 3"), "cron", "3 fields", id="cron"),
        pytest.param(lambda r: r.schedule().use_cron("@daily", "x"), "crons[1]", "1 fields", id="crons"),
        pytest.param(lambda r: r.schedule().use_cron("0 0 30 2 *"), "cron", "never fires", id="never"),
        pytest.param(
            lambda r: r.schedule().every_day().in_zone("Europe/Roma"), "timeZone", "Europe/Rome", id="zone"
        ),
        pytest.param(lambda r: r.run_at(NAIVE), "first.at", "naive.*different instant", id="naive-at"),
        pytest.param(
            lambda r: r.schedule().every_day().run_until(NAIVE),
            "until",
            "naive.*different instant",
            id="naive-until",
        ),
        pytest.param(lambda r: r.run_delayed(timedelta(-1)), "first.after", "negative", id="negative-delay"),
        pytest.param(lambda r: r.schedule().every_day().max_runs(0), "maxRuns", "0", id="max-runs-0"),
        pytest.param(
            lambda r: r.schedule().every_day().jitter(timedelta(days=2)), "jitter", "24h", id="jitter"
        ),
        pytest.param(
            lambda r: r.schedule().every_day().catch_up(window=timedelta(0)),
            "catchUp.window",
            "1s",
            id="window",
        ),
        pytest.param(
            lambda r: r.schedule().every_day().catch_up(limit=101), "catchUp.limit", "100", id="limit"
        ),
        pytest.param(lambda r: r.schedule().every_day().overlap("Wait"), "overlap", "Queue", id="overlap"),
        pytest.param(
            lambda r: r.schedule().every_day().daylight_saving(fold="Third"),
            "daylightSaving.fold",
            "Second",
            id="fold",
        ),
        pytest.param(
            lambda r: r.schedule().every_day().max_runs(2).max_runs(3), "maxRuns", "said before", id="twice"
        ),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(callback, field, message):
    with pytest.raises(RecurrenceError, match=message) as refused:
        build_recurrence(callback)
    assert refused.value.field.startswith(f"spec.recurrence.{field}")


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        pytest.param(lambda r: r.schedule().every("5").days(), "every takes a whole number", id="every"),
        pytest.param(lambda r: r.schedule().every(True).days(), "every takes a whole number", id="bool"),
        pytest.param(lambda r: r.run_delayed(5), r"first\.after takes a timedelta", id="delay"),
        pytest.param(lambda r: r.run_at("noon"), r"first\.at takes a datetime", id="at"),
        pytest.param(lambda r: r.schedule().every_day().at_time("09:00"), r"time\(9, 30\)", id="time"),
        pytest.param(lambda r: r.schedule().every_day().at_times(), "at_times", id="no-times"),
        pytest.param(lambda r: r.schedule().on_days(), "on_days", id="no-days"),
        pytest.param(lambda r: r.schedule().every_month().on_days(), "on_days", id="no-days-of-the-month"),
        pytest.param(lambda r: r.schedule().on_months(), "on_months", id="no-months"),
    ],
)
def test_a_value_of_another_type_is_a_type_error(callback, message):
    with pytest.raises(TypeError, match=message):
        build_recurrence(callback)
