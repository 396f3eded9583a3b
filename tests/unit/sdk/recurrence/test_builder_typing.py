"""What the type checker says of the builder's sentences: nothing of good ones, something of each wrong one."""

from __future__ import annotations

import pytest

from tests.support.type_checks import check_types, is_found

GOOD = """
from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from evertask import FRI, MON, Dispatcher, Recurrence, Task
from evertask.recurrence import RecurrenceBuilder, build_recurrence


class Report(Task):
    handler = "shop.reports:Report"


built: Recurrence = build_recurrence(
    lambda r: r.schedule().every(3).weeks().on_days(MON, FRI).at_times(time(9), time(17, 30))
)
build_recurrence(lambda r: r.run_now().then().every_hour().at_minute(15).at_second(0).max_runs(3))
build_recurrence(lambda r: r.run_at(datetime.now(UTC)))
build_recurrence(lambda r: r.run_delayed(timedelta(hours=1)).then().every(2).months().on_days(1, 15))
build_recurrence(lambda r: r.schedule().on_months(1, 7).on_weekday("Second", "Tuesday").at_time(time(9)))
build_recurrence(lambda r: r.schedule().every_month().on_last(FRI).in_zone("UTC").overlap("Queue"))
build_recurrence(lambda r: r.schedule().use_cron("@daily").run_until(datetime.now(UTC)).catch_up("All", limit=3))
days = [MON, FRI]
build_recurrence(lambda r: r.schedule().on_days(*days).jitter(timedelta(1)).daylight_saving(fold="Both"))


async def main(dispatcher: Dispatcher, r: RecurrenceBuilder) -> None:
    await dispatcher.dispatch(Report(), recurring="@daily")
    await dispatcher.dispatch(Report(), recurring=timedelta(minutes=5))
    await dispatcher.dispatch(Report(), recurring=built)
    await dispatcher.dispatch(Report(), recurring=lambda s: s.schedule().every_day().at_time(time(9)))
"""

MISTAKES = {
    "build_recurrence(lambda r: r.schedule().every_day().at_minute(5))": "attr-defined",
    "build_recurrence(lambda r: r.schedule().every_week().at_time(time(9)))": "attr-defined",
    "build_recurrence(lambda r: r.schedule().every_month().at_times(time(9)))": "attr-defined",
    "build_recurrence(lambda r: r.schedule().every_hour().at_second(5))": "attr-defined",
    "build_recurrence(lambda r: r.schedule().every_day().every_hour())": "attr-defined",
    "build_recurrence(lambda r: r.schedule().every_week().on_day(MON).on_day(FRI))": "attr-defined",
    "build_recurrence(lambda r: r.schedule().every_week().on_first(MON))": "attr-defined",
    "build_recurrence(lambda r: r.schedule().every_day().in_zone('UTC').at_time(time(9)))": "attr-defined",
    "build_recurrence(lambda r: r.every_day())": "attr-defined",
    "build_recurrence(lambda r: r.run_now().every_day())": "attr-defined",
    "build_recurrence(lambda r: r.run_now().max_runs(1))": "attr-defined",
    "build_recurrence(lambda r: r.schedule())": "return-value",
    "build_recurrence(lambda r: r.run_now().then())": "return-value",
    "build_recurrence(lambda r: r.schedule().every(5))": "return-value",
    "build_recurrence(lambda r: r.schedule().every('5').days())": "arg-type",
    "build_recurrence(lambda r: r.schedule().every_day().at_time('09:00'))": "arg-type",
    "build_recurrence(lambda r: r.schedule().every_day().at_times())": "call-arg",
    "build_recurrence(lambda r: r.schedule().on_days())": "call-arg",
    "build_recurrence(lambda r: r.schedule().on_days('Mon'))": "arg-type",
    "build_recurrence(lambda r: r.schedule().on_days(1))": "arg-type",
    "build_recurrence(lambda r: r.schedule().every_month().on_days(MON))": "arg-type",
    "build_recurrence(lambda r: r.schedule().every_month().on_weekday('Fifth', MON))": "arg-type",
    "build_recurrence(lambda r: r.schedule().every_day().overlap('Wait'))": "arg-type",
    "build_recurrence(lambda r: r.run_delayed(5))": "arg-type",
    "Dispatcher().dispatch(Report(), recurring=5)": "arg-type",
    "Dispatcher().dispatch(Report(), recurring=lambda r: r.schedule())": "return-value",
    "Dispatcher().dispatch(Report(), recurring=lambda r: r.schedule().every_day().at_minute(5))": "attr-defined",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> str:
    return check_types(tmp_path_factory.mktemp("typing"), GOOD, [*MISTAKES])


def test_sentences_that_can_be_meant_pass(said):
    assert "good.py" not in said
    assert "bad.py" in said


@pytest.mark.parametrize(("mistake", "code"), MISTAKES.items())
def test_a_word_that_cannot_follow_is_found_where_it_is(said, mistake, code):
    assert is_found(said, GOOD, [*MISTAKES], mistake, code), said
