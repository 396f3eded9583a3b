"""Handlers that fail are called again, by the runner's code: short delays pass within the run, long ones without it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import Field

from evertask import (
    CancellationRequested,
    Failure,
    Handler,
    NonRetryable,
    Recurrence,
    Retry,
    RetryAfter,
    State,
    Task,
)
from evertask.testing import InMemoryDispatcher
from tests.unit.testing.bakery import Bake
from tests.unit.testing.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from evertask import Context, TaskView

PATH = "shop.dough:KneadHandler"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
HOURLY = [HOUR, HOUR]


class Knead(Task):
    handler = PATH
    turns: list[int] = Field(default_factory=list)


class KneadHandler(Handler[Knead]):
    """Does what the test says at each attempt, and says what it was told."""

    script: ClassVar[dict[int, Callable[[Context], Any]]] = {}
    told: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        self.attempts: list[int] = []

    def handle(self, task: Knead, ctx: Context) -> list[int]:
        self.attempts.append(ctx.attempt)
        task.turns.append(ctx.attempt)
        if does := self.script.get(ctx.attempt):
            does(ctx)
        return self.attempts

    def on_started(self, task_id: UUID, ctx: Context) -> None:
        self.told.append(f"started {ctx.attempt}")

    def on_retry(
        self, task_id: UUID, attempt: int, error: BaseException, delay: timedelta, ctx: Context
    ) -> None:
        self.told.append((attempt, str(error), delay, ctx.attempt))

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        self.told.append((type(exception).__name__, message))


def raising(error: BaseException) -> Callable[[Context], None]:
    def fail(_: Context) -> None:
        raise error

    return fail


@pytest.fixture
def kneading() -> Callable[..., InMemoryDispatcher]:
    """Make a dispatcher whose handler does something at each attempt; attempts that are not named succeed."""

    def make(script: dict[int, Any] | None = None, **attributes: Any) -> InMemoryDispatcher:
        does = {n: one if callable(one) else raising(one) for n, one in (script or {}).items()}
        handler = type("KneadHandler", (KneadHandler,), {"script": does, "told": [], **attributes})
        made = InMemoryDispatcher(now=NOON, handlers={PATH: handler})
        made.told = handler.told  # type: ignore[attr-defined]
        return made

    return make


async def view_of(dispatcher: InMemoryDispatcher, task_id: UUID) -> TaskView:
    view = await dispatcher.get(task_id)
    assert view is not None
    return view


async def test_a_handler_that_fails_is_called_again_after_half_a_second(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour"), 2: OSError("no water")})
    await dispatcher.dispatch(Knead())
    (view,) = await dispatcher.run_due()
    assert (view.state, view.result, view.attempt) == (State.COMPLETED, [1, 2, 3], 3)
    assert dispatcher.now == NOON + SECOND
    assert [(one.attempt, one.message) for one in view.failures] == [(2, "no water"), (1, "no flour")]
    assert (view.failed_attempts, view.next_attempt_time, view.counts.retries) == (2, None, 2)


async def test_the_same_object_is_told_of_each_retry_before_it(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour"), 2: OSError("no water")})
    await dispatcher.dispatch(Knead(), retry=Retry(delays=[SECOND, 2 * SECOND]))
    await dispatcher.run_due()
    assert dispatcher.told == [
        "started 1",
        (1, "no flour", SECOND, 2),
        (2, "no water", 2 * SECOND, 3),
    ]


async def test_when_retries_are_used_up_the_last_failure_is_the_runs(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour"), 2: KeyError("water")})
    await dispatcher.dispatch(Knead(), retry=Retry(limit=1))
    (view,) = await dispatcher.run_due()
    assert (view.state, view.attempt) == (State.FAILED, 2)
    assert "KeyError: 'water'" in view.message
    assert "no other follows" in view.message
    assert (view.error.type, view.error.attempt) == ("KeyError", 2)
    assert dispatcher.told[-1] == ("KeyError", "'water'")


@pytest.mark.parametrize(
    ("raised", "policy", "attempts"),
    [
        pytest.param(OSError(), Retry.none(), 1, id="none"),
        pytest.param(OSError(), Retry(only_for=[KeyError]), 1, id="another-exception"),
        pytest.param(NonRetryable(), Retry(limit=5), 1, id="non-retryable"),
        pytest.param(RetryAfter(7), Retry.none(), 1, id="retry-after-without-a-retry"),
        pytest.param(RetryAfter(7), Retry(limit=2, only_for=[KeyError]), 3, id="retry-after"),
        pytest.param(KeyError(), Retry(limit=1, only_for=[LookupError]), 2, id="subclass"),
    ],
)
async def test_the_policy_decides(kneading, raised, policy, attempts) -> None:
    dispatcher = kneading(dict.fromkeys(range(1, 10), raised))
    await dispatcher.dispatch(Knead(), retry=policy)
    (view,) = await dispatcher.run_due()
    assert (view.state, view.attempt) == (State.FAILED, attempts)


async def test_retry_after_says_when(kneading) -> None:
    dispatcher = kneading({1: RetryAfter(7)})
    await dispatcher.dispatch(Knead())
    (view,) = await dispatcher.run_due()
    assert (view.state, dispatcher.now) == (State.COMPLETED, NOON + 7 * SECOND)


class Stubborn:
    def next_delay(self, failure: Failure) -> timedelta | None:
        return timedelta(seconds=failure.attempt) if failure.attempt < 3 else None


class Broken:
    def next_delay(self, failure: Failure) -> timedelta | None:
        raise LookupError("lost")


@pytest.mark.parametrize(
    ("own", "said", "attempt"),
    [
        pytest.param(Stubborn(), None, 3, id="policy-of-your-own"),
        pytest.param(Retry(limit=9, when=lambda error: "1" not in str(error)), None, 1, id="predicate"),
        pytest.param(Retry(limit=2), None, 3, id="handler-class"),
        pytest.param(Retry(limit=2), Retry.none(), 1, id="dispatch-over-handler-class"),
        pytest.param(Stubborn(), Retry(limit=4), 5, id="dispatch-over-a-policy-of-your-own"),
    ],
)
async def test_a_policy_of_the_handler_class_counts_where_the_task_has_none(kneading, own, said, attempt):
    dispatcher = kneading({n: OSError(f"no flour {n}") for n in range(1, 11)}, retry=own)
    await dispatcher.dispatch(Knead(), retry=said)
    (view,) = await dispatcher.run_due()
    assert (view.state, view.attempt) == (State.FAILED, attempt)


async def test_a_policy_that_raises_fails_the_run_and_is_blamed(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")}, retry=Broken())
    await dispatcher.dispatch(Knead())
    (view,) = await dispatcher.run_due()
    assert (view.state, view.error.type, view.attempt) == (State.FAILED, "HandlerInvalid", 1)
    assert "LookupError: lost" in view.error.message


async def test_a_payload_is_fresh_at_each_attempt(kneading) -> None:
    seen = []
    dispatcher = kneading({1: OSError()}, on_completed=lambda _, task_id, ctx: seen.append(ctx.payload.turns))
    await dispatcher.dispatch(Knead(turns=[9]))
    await dispatcher.run_due()
    assert seen == [[9, 2]]


async def test_each_attempt_has_a_token_of_its_own(kneading) -> None:
    tokens = []

    def keep(ctx: Context) -> None:
        tokens.append(ctx.cancellation)
        if ctx.attempt == 1:
            ctx.cancellation.wait(5)
            ctx.cancellation.raise_if_cancelled()

    dispatcher = kneading({1: keep, 2: keep})
    await dispatcher.dispatch(
        Knead(), timeout=timedelta(milliseconds=20), retry=Retry(only_for=[TimeoutError])
    )
    (view,) = await dispatcher.run_due()
    assert view.state is State.COMPLETED
    assert view.failures[0].type == "TimeoutError"
    assert [token.reason for token in tokens] == ["Timeout", None]


async def test_a_timeout_is_not_retried_unless_it_is_named(kneading) -> None:
    def linger(ctx: Context) -> None:
        ctx.cancellation.wait(5)
        ctx.cancellation.raise_if_cancelled()

    dispatcher = kneading({1: linger})
    await dispatcher.dispatch(Knead(), timeout=timedelta(milliseconds=20))
    (view,) = await dispatcher.run_due()
    assert (view.state, view.error.type, view.attempt) == (State.FAILED, "TimeoutError", 1)


async def test_no_attempt_begins_after_the_run_timeout(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour"), 2: OSError("no water")})
    await dispatcher.dispatch(
        Knead(), run_timeout=timedelta(minutes=1), retry=Retry(delays=[20 * SECOND, 50 * SECOND])
    )
    (view,) = await dispatcher.run_due()
    assert (view.state, view.attempt, view.error.type) == (State.FAILED, 2, "OSError")
    assert "not tried again, for that would be after spec.runTimeout 1m" in view.message


async def test_the_run_timeout_ends_an_attempt(kneading) -> None:
    def linger(ctx: Context) -> None:
        ctx.cancellation.wait(5)
        ctx.cancellation.raise_if_cancelled()

    dispatcher = kneading({1: linger})
    await dispatcher.dispatch(
        Knead(), run_timeout=timedelta(milliseconds=20), retry=Retry(only_for=[TimeoutError])
    )
    (view,) = await dispatcher.run_due()
    assert (view.state, view.error.type, view.attempt) == (State.FAILED, "TimeoutError", 1)
    assert "runTimeout" in view.error.message


async def test_after_a_long_delay_the_run_goes_on_as_another_object(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")})
    task_id = await dispatcher.dispatch(Knead(), retry=Retry(delays=HOURLY))
    (given_back,) = await dispatcher.run_due()
    assert (given_back.state, given_back.runs[0].phase) == (State.IN_PROGRESS, "Backoff")
    assert (given_back.next_attempt_time, dispatcher.now) == (NOON + HOUR, NOON)
    assert given_back.message.startswith(
        "attempt 1 of 3 failed: OSError: no flour; the next at 2026-03-01T13"
    )
    assert await dispatcher.advance(HOUR - SECOND) == []
    (view,) = await dispatcher.advance(SECOND)
    assert (view.state, view.result, view.attempt, view.id) == (State.COMPLETED, [2], 2, task_id)
    assert (view.start_time, view.end_time, view.next_attempt_time) == (NOON, NOON + HOUR, None)
    retry = dispatcher.told[-1]
    assert (retry[0], "no flour" in retry[1], retry[2:]) == (1, True, (HOUR, 2))


async def test_while_a_run_waits_without_a_pod_others_run(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")})
    await dispatcher.dispatch(Knead(), retry=Retry(delays=HOURLY))
    await dispatcher.dispatch(Bake(), delay=timedelta(minutes=30))
    ran = await dispatcher.run_all()
    assert [(view.handler.partition(":")[2], view.state) for view in ran] == [
        ("KneadHandler", State.IN_PROGRESS),
        ("BakeHandler", State.COMPLETED),
        ("KneadHandler", State.COMPLETED),
    ]


async def test_to_wait_for_a_task_is_to_wait_for_its_retries(kneading) -> None:
    dispatcher = kneading({1: OSError(), 2: OSError()})
    view = await dispatcher.wait(await dispatcher.dispatch(Knead(), retry=Retry(delays=HOURLY)))
    assert (view.state, dispatcher.now) == (State.COMPLETED, NOON + 2 * HOUR)


async def test_a_task_that_is_cancelled_between_two_attempts_has_no_other(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")})
    task_id = await dispatcher.dispatch(Knead(), retry=Retry(delays=HOURLY))
    await dispatcher.run_due()
    await dispatcher.cancel(task_id)
    view = await view_of(dispatcher, task_id)
    assert (view.state, view.message) == (State.CANCELLED, "cancelled while it waited for attempt 2")
    assert (view.next_attempt_time, await dispatcher.run_all()) == (None, [])


async def test_a_task_that_is_suspended_between_two_attempts_waits_for_its_resumption(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")})
    task_id = await dispatcher.dispatch(Knead(), retry=Retry(delays=HOURLY))
    await dispatcher.run_due()
    await dispatcher.suspend(task_id)
    assert await dispatcher.advance(3 * HOUR) == []
    assert (await view_of(dispatcher, task_id)).state is State.IN_PROGRESS
    await dispatcher.resume(task_id)
    (view,) = await dispatcher.run_due()
    assert (view.state, view.attempt) == (State.COMPLETED, 2)


async def test_a_task_that_is_cancelled_by_its_handler_is_not_tried_again(kneading) -> None:
    def cancel(ctx: Context) -> None:
        ctx.sync_dispatcher.cancel(ctx.task_name)
        raise OSError("no flour")

    dispatcher = kneading({1: cancel})
    await dispatcher.dispatch(Knead(), retry=Retry(delays=HOURLY))
    (view,) = await dispatcher.run_due()
    assert (view.state, view.attempt) == (State.CANCELLED, 1)


async def test_a_cancellation_in_a_short_delay_is_met_by_the_next_attempt(kneading) -> None:
    def cancel(ctx: Context) -> None:
        ctx.sync_dispatcher.cancel(ctx.task_name)
        raise OSError("no flour")

    dispatcher = kneading({1: cancel})
    await dispatcher.dispatch(Knead())
    (view,) = await dispatcher.run_due()
    assert (view.state, view.attempt) == (State.CANCELLED, 1)
    assert dispatcher.told[-1][0] == CancellationRequested.__name__


async def test_children_of_a_failed_attempt_are_met_by_the_next(kneading) -> None:
    def dispatch(ctx: Context) -> None:
        ctx.sync_dispatcher.dispatch(Bake(loaves=5))
        if ctx.attempt < 3:
            raise OSError("no flour")

    dispatcher = kneading({1: dispatch, 2: dispatch, 3: dispatch})
    await dispatcher.dispatch(Knead(), retry=Retry(delays=[SECOND, HOUR]))
    await dispatcher.run_all()
    assert [view.handler.partition(":")[2] for view in (await dispatcher.query()).items].count(
        "BakeHandler"
    ) == 1


async def test_a_runs_retries_count_in_the_history_of_its_series(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")})
    task_id = await dispatcher.dispatch(Knead(), recurring=Recurrence(every="1h", max_runs=2))
    await dispatcher.run_all()
    view = await view_of(dispatcher, task_id)
    assert [run.attempts for run in view.history] == [2, 2]
    assert (view.counts.runs, view.counts.retries) == (2, 2)


async def test_a_series_run_that_waits_makes_way_for_the_next_under_replace(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")})
    recurrence = Recurrence(every="1h", overlap="Replace", max_runs=1)
    task_id = await dispatcher.dispatch(Knead(), recurring=recurrence, retry=Retry(delays=[5 * HOUR]))
    await dispatcher.advance(2 * HOUR)
    view = await view_of(dispatcher, task_id)
    assert (view.history[0].outcome, view.history[0].message) == ("Cancelled", "replaced by a later run")
    assert view.counts.cancelled == 1


async def test_a_series_that_is_cancelled_between_two_attempts_ends(kneading) -> None:
    dispatcher = kneading({1: OSError("no flour")})
    task_id = await dispatcher.dispatch(Knead(), recurring="@hourly", retry=Retry(delays=[HOUR * 9]))
    await dispatcher.advance(HOUR)
    await dispatcher.cancel(task_id)
    view = await view_of(dispatcher, task_id)
    assert (view.state, view.history[0].outcome) == (State.CANCELLED, "Cancelled")


async def test_no_test_waits_for_a_delay(kneading) -> None:
    dispatcher = kneading(dict.fromkeys(range(1, 9), OSError()))
    await dispatcher.dispatch(Knead(), retry=Retry(limit=8, delay=10 * SECOND))
    begun = time.monotonic()
    await dispatcher.run_due()
    assert dispatcher.now == NOON + 80 * SECOND
    assert time.monotonic() - begun < 10
