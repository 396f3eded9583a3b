"""Tasks for the measurement of waiting: thousands of series of which none is due soon, and some that are at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from evertask.api import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

QUIET = timedelta(hours=2)
"""From the beginning of the measurement: none of those that wait is due."""
DAY = timedelta(days=1)
DUE_LABEL = "bench-due"
"""On the tasks of a round; they are removed after it."""


def series(name: str, labels: dict[str, str] | None = None, **recurrence: Any) -> Json:
    """A recurring task. Its pod is never started."""
    return _task(name, {"recurrence": recurrence}, labels)


def immediate(name: str) -> Json:
    """A task that is due at once."""
    return _task(name, {})


def _task(name: str, spec: Json, labels: dict[str, str] | None = None) -> Json:
    return {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"handler": "shop.reports:daily", **spec},
    }


def waiting_series(count: int, begin: datetime) -> Iterator[Json]:
    """Give series of which none is due for two hours: daily crons spread over the day, and every third an interval."""
    room = DAY - 2 * QUIET
    for number in range(count):
        name = f"waits-{number:05}"
        if number % 3 == 2:  # noqa: PLR2004  (every third)
            yield series(name, every=f"{24 + number % 24}h{number % 60}m")
        else:
            at = begin.astimezone(UTC) + QUIET + room * number / count
            yield series(name, cron=f"{at.minute} {at.hour} * * *")


def due_series(prefix: str, count: int, instant: datetime) -> list[Json]:
    """Give daily series that are due in the same second."""
    at = instant.astimezone(UTC)
    cron = f"{at.second} {at.minute} {at.hour} * * *"
    return [series(f"{prefix}-{number}", {DUE_LABEL: prefix}, cron=cron) for number in range(count)]


def cron_job(name: str) -> Json:
    """A CronJob that is due each minute."""
    container = {"name": "main", "image": "none", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}},
    }


def minute_of(job: str) -> float:
    """Give the nominal time of a CronJob's Job, in Unix seconds: its name ends in the minute."""
    return int(job.rpartition("-")[2]) * 60.0
