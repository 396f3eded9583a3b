"""Bare Kubernetes on time, for comparison: Jobs that a client creates at the instant, and CronJobs.

Both print the clock's time in their first line of Python, in EverTask's runner image.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.bench_cluster import bare_job, jobs_path
from benchmarks.measures import PRINT_TIME
from evertask.api.times import parse_time

if TYPE_CHECKING:
    from benchmarks.bench_cluster import Bench

Json = dict[str, Any]

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""Annotation of a CronJob's Job: its nominal time."""
KEPT_JOBS = 100
"""The logs are read at the end, so none of them may be removed before."""


class JobStart(NamedTuple):
    """One start; Unix seconds."""

    job: str
    nominal: float
    """A CronJob's nominal time; of a bare Job, when the request to create it was sent."""
    first_line: float

    @property
    def lateness(self) -> float:
        """Seconds from the instant to the first line."""
        return self.first_line - self.nominal


async def until(instant: float) -> None:
    """Sleep until an instant."""
    await asyncio.sleep(max(0.0, instant - time.time()))


async def create_at(bench: Bench, name: str, instant: float) -> tuple[str, float]:
    """Create a bare Job at an instant; gives its name and when the request was sent."""
    await until(instant)
    return name, await bench.create(jobs_path(bench), bare_job(bench, name, PRINT_TIME))


def _cron_jobs_path(bench: Bench) -> str:
    return f"/apis/batch/v1/namespaces/{bench.namespace}/cronjobs"


def cron_job(name: str, job: Json) -> Json:
    """A CronJob that makes a Job each minute."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Allow",
            "successfulJobsHistoryLimit": KEPT_JOBS,
            "jobTemplate": {"spec": job["spec"]},
        },
    }


async def start_cron_jobs(bench: Bench, count: int) -> None:
    """Let CronJobs run, each once a minute."""
    for number in range(count):
        name = f"cron-{number}"
        await bench.create(_cron_jobs_path(bench), cron_job(name, bare_job(bench, name, PRINT_TIME)))


async def cron_starts(bench: Bench, begin: float) -> list[JobStart]:
    """Give what the CronJobs have started since an instant."""
    listed = await bench.connection.call("GET", jobs_path(bench))
    nominal = {
        job["metadata"]["name"]: parse_time(job["metadata"]["annotations"][SCHEDULED]).timestamp()
        for job in listed["items"]
        if SCHEDULED in (job["metadata"].get("annotations") or {})
    }
    due = {name: instant for name, instant in nominal.items() if instant >= begin}
    return [JobStart(name, due[name], await bench.first_line(name)) for name in due]
