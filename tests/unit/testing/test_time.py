"""Time stands still until it is told to go on: delays, instants and series are due to the second, and none sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest

from evertask import Recurrence, State
from evertask.testing import InMemoryDispatcher
from tests.unit.testing.bakery import Bake, Burn, Patient
from tests.unit.testing.conftest import NOON

if TYPE_CHECKING:
    from evertask import TaskView

Overlap = Literal["Skip", "Queue", "Replace", "Allow"]

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


async def view_of(dispatcher: InMemoryDispatcher, ref: Any) -> TaskView:
    view = await dispatcher.get(ref)
    assert view is not None
    return view


@pytest.mark.parametrize(
    "timing",
    [{"delay": HOUR}, {"delay": timedelta(seconds=30)}, {"at": NOON + HOUR}],
    ids=["delay", "short-delay", "instant"],
)
async def test_a_task_runs_at_its_time_and_not_before(
    dispatcher: InMemoryDispatcher, timing: dict[str, Any]
) -> None:
    view = await view_of(dispatcher, await dispatcher.dispatch(Bake(), **timing))
    assert (view.state, view.next_run_time is not None) == (State.PENDING, True)
    assert view.next_run_time is not None
    wait = view.next_run_time - NOON
    assert await dispatcher.advance(wait - timedelta(microseconds=1)) == []
    (view,) = await dispatcher.advance(timedelta(microseconds=1))
    assert view.start_time == NOON + wait


async def test_each_run_sees_its_own_time(dispatcher: InMemoryDispatcher) -> None:
    for minutes in (30, 10, 20):
        await dispatcher.dispatch(Bake(loaves=minutes), delay=minutes * MINUTE)
    views = await dispatcher.advance(HOUR)
    assert [view.start_time for view in views] == [NOON + minutes * MINUTE for minutes in (10, 20, 30)]
    assert dispatcher.now == NOON + HOUR


async def test_without_a_begin_the_clock_begins_now() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    async with InMemoryDispatcher() as dispatcher:
        assert before <= dispatcher.now <= datetime.now(UTC)


async def test_a_naive_begin_is_refused() -> None:
    with pytest.raises(ValueError, match="is naive"):
        InMemoryDispatcher(now=datetime(2026, 3, 1))  # noqa: DTZ001  (that is what is refused)


async def test_time_does_not_go_back(dispatcher: InMemoryDispatcher) -> None:
    with pytest.raises(ValueError, match="negative"):
        await dispatcher.advance(-MINUTE)


async def test_run_all_goes_as_far_as_the_last_task(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Bake(), delay=48 * HOUR)
    assert len(await dispatcher.run_all()) == 1
    assert dispatcher.now == NOON + 48 * HOUR


async def test_run_all_names_the_series_that_has_no_end(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), recurring=HOUR)
    with pytest.raises(RuntimeError, match=f"after 5 runs .*{task_id.name}.*give a series an end"):
        await dispatcher.run_all(max_runs=5)


async def test_a_series_runs_at_each_occurrence(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), recurring="0 9 * * *")
    views = await dispatcher.advance(timedelta(days=3))
    times = [NOON.replace(day=day, hour=9) for day in (2, 3, 4)]
    assert [view.history[0].start_time for view in views] == times
    view = await view_of(dispatcher, task_id)
    assert (view.state, view.next_run_time) == (State.PENDING, times[-1] + timedelta(days=1))
    assert view.schedule
    assert (view.counts.runs, view.counts.skipped, len(view.history)) == (3, 0, 3)


async def test_a_series_that_fails_goes_on(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Burn(), recurring=HOUR)
    *_, view = await dispatcher.advance(2 * HOUR)
    assert (view.state, view.counts.failed) == (State.PENDING, 2)
    assert [(run.outcome, run.error_type) for run in view.history] == [("Failed", "RuntimeError")] * 2


async def test_a_series_ends_with_its_last_run(dispatcher: InMemoryDispatcher) -> None:
    recurrence = Recurrence(every="1h", max_runs=3)
    task_id = await dispatcher.dispatch(Bake(), recurring=recurrence)
    views = await dispatcher.run_all()
    assert len(views) == 3
    view = await view_of(dispatcher, task_id)
    assert (view.state, view.message) == (
        State.COMPLETED,
        "the series has ended: recurrence.maxRuns (3) is reached",
    )


async def test_a_series_ends_before_its_end(dispatcher: InMemoryDispatcher) -> None:
    recurrence = Recurrence(every="1h", until="2026-03-01T15:00:00Z")
    task_id = await dispatcher.dispatch(Bake(), recurring=recurrence)
    assert len(await dispatcher.advance(2 * HOUR)) == 2
    assert (await view_of(dispatcher, task_id)).state is State.COMPLETED


@pytest.mark.parametrize(
    ("overlap", "outcomes", "skipped"),
    [
        pytest.param("Skip", ["Succeeded"] * 2, 4, id="skip"),
        pytest.param("Queue", ["Succeeded"] * 2, 0, id="queue"),
        pytest.param("Allow", ["Succeeded"] * 2, 0, id="allow"),
        pytest.param("Replace", ["Cancelled"] * 2, 3, id="replace"),
    ],
)
async def test_what_is_due_while_a_run_goes_on_is_the_overlap_policys(
    dispatcher: InMemoryDispatcher, overlap: Overlap, outcomes: list[str], skipped: int
) -> None:
    recurrence = Recurrence(every="1h", overlap=overlap)
    task_id = await dispatcher.dispatch(Patient(minutes=150), recurring=recurrence)
    view = await view_of(dispatcher, task_id)
    while len(view.history) < len(outcomes):
        with pytest.raises(TimeoutError):
            await dispatcher.wait(task_id, HOUR)
        view = await view_of(dispatcher, task_id)
    assert [run.outcome for run in view.history] == outcomes
    assert view.counts.skipped == skipped


async def test_a_run_that_makes_way_is_told_so(dispatcher: InMemoryDispatcher, calls: list[str]) -> None:
    recurrence = Recurrence(every="1h", overlap="Replace")
    await dispatcher.dispatch(Patient(minutes=70), recurring=recurrence)
    (view,) = await dispatcher.advance(HOUR)
    assert view.history[0].message == "replaced by a later run"
    assert calls == [
        "CancellationRequested: the run makes way for a later one; the handler stopped when it was asked to"
    ]


async def test_a_suspended_series_skips_what_is_due_meanwhile(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), recurring=HOUR)
    await dispatcher.suspend(task_id)
    assert await dispatcher.advance(3 * HOUR) == []
    await dispatcher.resume(task_id)
    (view,) = await dispatcher.advance(HOUR)
    assert (view.counts.runs, view.counts.skipped) == (1, 3)


async def test_a_suspended_task_runs_when_it_is_resumed(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), delay=HOUR)
    assert await dispatcher.suspend(task_id)
    assert await dispatcher.advance(2 * HOUR) == []
    assert "suspended" in ((await view_of(dispatcher, task_id)).message or "")
    assert await dispatcher.resume(task_id)
    (view,) = await dispatcher.run_due()
    assert view.state is State.COMPLETED


async def test_an_extra_run_moves_no_schedule(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), recurring=HOUR)
    token = await dispatcher.run_now(task_id)
    (view,) = await dispatcher.run_due()
    answer = view.raw["status"]["runNow"]
    assert (answer["token"], answer["answer"], view.counts.runs) == (token, "Started", 1)
    assert view.next_run_time == NOON + HOUR


async def test_a_finished_task_expires(dispatcher: InMemoryDispatcher) -> None:
    task_id = await dispatcher.dispatch(Bake(), ttl_after_finished=HOUR)
    await dispatcher.run_due()
    await dispatcher.advance(HOUR - timedelta(microseconds=1))
    assert await dispatcher.get(task_id) is not None
    await dispatcher.advance(timedelta(microseconds=1))
    assert await dispatcher.get(task_id) is None


async def test_jitter_delays_a_run_within_its_bounds(dispatcher: InMemoryDispatcher) -> None:
    recurrence = Recurrence(every="1h", jitter="10m")
    await dispatcher.dispatch(Bake(), recurring=recurrence)
    (view,) = await dispatcher.advance(HOUR + 10 * MINUTE)
    (run,) = view.history
    assert run.scheduled_time == NOON + HOUR
    assert run.start_time is not None
    assert NOON + HOUR < run.start_time < NOON + HOUR + 10 * MINUTE
    assert run.lateness == timedelta(0)


async def test_an_edited_schedule_begins_anew(dispatcher: InMemoryDispatcher) -> None:
    await dispatcher.dispatch(Bake(), recurring=HOUR, task_key="bread")
    await dispatcher.advance(HOUR)
    await dispatcher.dispatch(Bake(), recurring=2 * HOUR, task_key="bread")
    view = await dispatcher.get(key="bread")
    assert view is not None
    assert (view.next_run_time, view.counts.runs) == (NOON + 2 * HOUR, 1)
