"""What waits is not due while it is measured; what is due together is so in one second; the table."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.waiting.measured import HEAD, Measured, Sample
from benchmarks.waiting.tasks import QUIET, due_series, minute_of, waiting_series
from evertask.api.task import EverTaskSpec

BEGIN = datetime(2027, 1, 15, 22, 30, 17, tzinfo=UTC)


def recurrences(count):
    return [body["spec"]["recurrence"] for body in waiting_series(count, BEGIN)]


def time_of_day(cron):
    minute, hour = cron.split()[:2]
    return timedelta(hours=int(hour), minutes=int(minute))


def test_there_are_as_many_as_asked_for_and_each_has_its_name():
    names = [body["metadata"]["name"] for body in waiting_series(1000, BEGIN)]
    assert len(set(names)) == len(names) == 1000


def test_every_third_is_an_interval_and_the_others_are_crons():
    forms = Counter(form for recurrence in recurrences(300) for form in recurrence)
    assert forms == {"cron": 200, "every": 100}


def test_no_cron_is_due_while_it_is_measured():
    midnight = BEGIN.replace(hour=0, minute=0, second=0)
    for recurrence in recurrences(3000):
        if "cron" in recurrence:
            at = midnight + time_of_day(recurrence["cron"])
            due = at if at > BEGIN else at + timedelta(days=1)
            assert due - BEGIN > QUIET - timedelta(minutes=1)


def test_crons_are_spread_over_the_day():
    hours = {recurrence["cron"].split()[1] for recurrence in recurrences(3000) if "cron" in recurrence}
    assert len(hours) >= 20


def test_every_spec_is_one_that_the_api_takes():
    for body in [*waiting_series(300, BEGIN), *due_series("due", 5, BEGIN)]:
        EverTaskSpec.model_validate(body["spec"])


def test_what_is_due_together_is_due_in_the_same_second():
    assert {body["spec"]["recurrence"]["cron"] for body in due_series("due", 50, BEGIN)} == {"17 30 22 * * *"}


def test_a_cron_jobs_job_is_named_by_its_minute():
    assert minute_of("cron-7-30000000") == 1_800_000_000


def measured() -> Measured:
    rest = [Sample(0, 5.0, 80e6), Sample(10, 5.1, 80e6), Sample(20, 5.2, 80e6), Sample(30, 8.0, 90e6)]
    return Measured(
        tasks=10_000, create=20, take_up=100, taken_up=rest[0], rest=rest, due=[0.5], cron_jobs=[1.0]
    )


@pytest.mark.parametrize(
    ("what", "figure"),
    [
        ("10,000 series created, 32 requests in flight", "500/s"),
        ("operator, at rest: memory (RSS)", "90 MB"),
        ("operator, at rest: processor", "1.0 % of a core"),
        ("… mean of 30 s, relists included", "10.0 % of a core"),
    ],
)
def test_a_relist_counts_in_the_mean_and_not_in_what_is_usual(what, figure):
    assert {row[0]: row[2] for row in measured().rows()}[what] == figure


def test_every_row_has_all_columns():
    assert {len(row) for row in measured().rows()} == {len(HEAD)}
    assert measured().rows()[-1][3] == "0.50"
