"""What the type checker says to an application: nothing about good code, something about each mistake."""

from __future__ import annotations

import re

import pytest

from tests.support.type_checks import check_types, is_found

GOOD = """
from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from evertask import AuditLevel, Context, Dispatch, Dispatcher, DispatchResult, Handler, Registration, Task, TaskId
from evertask import TRANSIENT_NETWORK_ERRORS, ExitRetry, Failure, Retry, RetryPolicy


class WelcomeEmail(Task):
    handler = "shop.emails:SendWelcomeEmail"
    timeout = timedelta(minutes=5)
    on_interruption = "Fail"
    run_timeout = timedelta(hours=1)
    retry = Retry(limit=5, backoff="Exponential", only_for=TRANSIENT_NETWORK_ERRORS, on_exit=ExitRetry("Fail"))
    max_interruptions = 3
    fence_after = timedelta(seconds=15)
    queue = "emails"
    audit_level = "Minimal"
    user_id: int


class SendWelcomeEmail(Handler[WelcomeEmail]):
    async def handle(self, task: WelcomeEmail, ctx: Context) -> dict[str, int]:
        return {"sent": task.user_id}


class Patient:
    def next_delay(self, failure: Failure) -> timedelta | None:
        return timedelta(seconds=failure.attempt) if isinstance(failure.error, OSError) else None


policy: RetryPolicy = Retry(delays=[timedelta(seconds=1)], not_for=[KeyError, "shop.errors.Sold"])


class MakeReport(Handler["Report"]):
    retry = Patient()
    queue = "reports"
    audit_level = AuditLevel.NONE
    ttl_after_finished = timedelta(days=1)

    def handle(self, task: Report, ctx: Context) -> str:
        return task.region

    async def on_started(self, task_id: UUID, ctx: Context) -> None:
        print(task_id)

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        print(task_id, exception, message)


class Report(Task):
    handler = MakeReport
    region: str


class UrgentReport(Report):
    handler = MakeReport  # who handles a Report handles what is derived from it too
    priority: int = 1


async def many() -> AsyncIterator[Task | Dispatch]:
    yield Report(region="eu")
    yield Dispatch(Report(region="us"), delay=timedelta(hours=1), task_key="us", recurring=None)


async def main() -> None:
    async with Dispatcher(namespace="shop", pod_template={"spec": {}}) as dispatcher:
        made: TaskId = await dispatcher.dispatch(WelcomeEmail(user_id=1), delay=timedelta(seconds=1))
        task_id: UUID = made
        outcome: Registration = made.outcome
        await dispatcher.dispatch(Report(region="eu"), at=datetime.now(UTC), timeout=timedelta(0))
        await dispatcher.dispatch(Report(region="eu"), retry=Retry.none(), run_timeout=timedelta(1))
        await dispatcher.dispatch(Report(region="eu"), max_interruptions=0, fence_after=timedelta(seconds=20))
        await dispatcher.dispatch(Report(region="eu"), task_key="eu", recurring=lambda r: r.schedule().every_day())
        await dispatcher.dispatch(UrgentReport(region="eu"), queue="now", audit_level="None", deadline=timedelta(1))
        results: list[DispatchResult] = await dispatcher.dispatch_many([Report(region="eu"), WelcomeEmail(user_id=1)])
        results += await dispatcher.dispatch_many([WelcomeEmail(user_id=n) for n in range(9)], concurrency=4)
        async for result in dispatcher.dispatch_stream(many(), progress=lambda over, failed: print(over, failed)):
            ended: TaskId | None = result.id
            print(ended, result.error, result.ok, task_id, outcome)
"""

MISTAKES = {
    'WelcomeEmail(user_id="one")': "arg-type",
    "WelcomeEmail(user=1)": "call-arg",
    'Dispatcher().dispatch("WelcomeEmail")': "arg-type",
    "Dispatcher().dispatch(WelcomeEmail)": "arg-type",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), delay=5)": "arg-type",
    'Dispatcher().dispatch(WelcomeEmail(user_id=1), at="noon")': "arg-type",
    'Dispatcher().dispatch(WelcomeEmail(user_id=1), on_interruption="Stop")': "arg-type",
    'Dispatcher().dispatch(WelcomeEmail(user_id=1), audit_level="Most")': "arg-type",
    'Dispatcher().dispatch(WelcomeEmail(user_id=1), on_interrupt="Fail")': "call-arg",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), retry=3)": "arg-type",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), retry=Patient())": "arg-type",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), retries=None)": "call-arg",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), run_timeout=5)": "arg-type",
    'Dispatcher().dispatch(WelcomeEmail(user_id=1), max_interruptions="3")': "arg-type",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), fence_after=15)": "arg-type",
    "Dispatch(WelcomeEmail(user_id=1), retry=3)": "arg-type",
    "Dispatch(WelcomeEmail(user_id=1), run_timeuot=None)": "call-arg",
    "Retry(delay=5)": "arg-type",
    'Retry(backoff="Linear")': "arg-type",
    "Retry(only_for=[int])": "list-item",
    "Retry(limits=5)": "call-arg",
    'ExitRetry("Stop")': "arg-type",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), task_key=5)": "arg-type",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), deadline=5)": "arg-type",
    "Dispatch(WelcomeEmail(user_id=1), delay=5)": "arg-type",
    "Dispatch(WelcomeEmail(user_id=1), dealy=None)": "call-arg",
    "Dispatcher().dispatch_many(WelcomeEmail(user_id=1))": "arg-type",
    "Dispatcher().dispatch_many([1, 2])": "list-item",
    "Handler[int]": "type-var",
}

WRONG_HANDLER = """

class Confused(Handler[WelcomeEmail]):
    def handle(self, task: Report, ctx: Context) -> None:
        return None
"""

WRONG_OPTION = """

class Strict(Handler[WelcomeEmail]):
    timeout = 5

    def handle(self, task: WelcomeEmail, ctx: Context) -> None:
        return None
"""

WRONG_POLICY = """

class Hasty(Handler[WelcomeEmail]):
    retry = 3

    def handle(self, task: WelcomeEmail, ctx: Context) -> None:
        return None
"""

ANOTHERS_HANDLER = """

class Invoice(Task):
    handler = MakeReport
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> str:
    return check_types(
        tmp_path_factory.mktemp("typing"),
        GOOD,
        [*MISTAKES, WRONG_HANDLER, WRONG_OPTION, WRONG_POLICY, ANOTHERS_HANDLER],
    )


def test_good_code_passes(said):
    assert "good.py" not in said
    assert "bad.py" in said


@pytest.mark.parametrize(("mistake", "code"), MISTAKES.items())
def test_a_mistake_is_found_where_it_is(said, mistake, code):
    assert is_found(said, GOOD, [*MISTAKES], mistake, code), said


def test_a_handler_of_another_task_is_found(said):
    assert re.search(r'"handle" is incompatible with supertype.*\[override\]', said), said


def test_an_option_of_another_type_is_found_in_a_handler(said):
    assert re.search(r'expression has type "int", base class "Handler".*\[assignment\]', said), said


def test_a_number_is_no_policy_of_a_handler(said):
    assert re.search(
        r'expression has type "int", base class "Handler".*"RetryPolicy \| None".*\[assignment\]', said
    ), said


def test_the_handler_of_another_task_is_found_in_a_task(said):
    assert re.search(r'expression has type "type\[MakeReport\]".*Handler\[Invoice\].*\[assignment\]', said), (
        said
    )
