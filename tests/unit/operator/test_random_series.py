"""Whatever happens to a series, in whatever order: nothing runs twice or beside another, and nothing is stuck."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evertask.api.protocol import TERMINAL_STATES, State
from tests.support.series_worlds import SeriesWorld

Json = dict[str, Any]

recurrences = st.builds(
    lambda every, overlap, policy, first: {
        "every": f"{every}s",
        "overlap": overlap,
        "catchUp": {"policy": policy},
        **({"first": {"immediately": True}} if first else {}),
    },
    st.integers(2, 9),
    st.sampled_from(["Skip", "Queue", "Replace", "Allow"]),
    st.sampled_from(["Latest", "All", "None"]),
    st.booleans(),
)

actions = st.one_of(
    st.tuples(st.just("pass"), st.floats(0.3, 12)),
    st.tuples(st.just("outage"), st.floats(0.3, 25)),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("every"), st.integers(1, 12)),
    st.tuples(st.just("runNow"), st.text("ab", min_size=1, max_size=2)),
    st.tuples(st.just("room"), st.booleans()),
    st.tuples(st.just("template"), st.integers(1, 3)),
    st.tuples(st.just("auditLevel"), st.sampled_from(["Full", "Minimal", "ErrorsOnly", "None"])),
)


def act(world: SeriesWorld, kind: str, value: Any) -> None:
    if kind == "pass":
        world.pass_time(value)
    elif kind == "outage":
        world.stop_operator(value)
    elif kind == "suspend":
        world.edit(suspend=value)
    elif kind == "every":
        world.edit(recurrence={**world.spec["recurrence"], "every": f"{value}s"})
    elif kind == "runNow":
        world.edit(runNow=value)
    elif kind == "auditLevel":
        world.edit(auditLevel=value)
    elif kind == "room":
        world.room, world.wake = value, None
    else:
        world.edit(gracePeriod=f"{value}s")


@settings(max_examples=60, deadline=None)
@given(
    recurrence=recurrences,
    handler=st.sampled_from([0.4, 1.5, 4.0, 11.0]),
    launch=st.sampled_from([0.2, 1.0, 2.5]),
    lead=st.sampled_from([0.0, 1.5, 4.0]),
    retry=st.sampled_from([(0, 0.0), (0, 0.0), (1, 0.5), (2, 6.0)]),
    lived=st.lists(actions, max_size=12),
)
def test_no_life_of_a_series_breaks_its_promises(recurrence, handler, launch, lead, retry, lived):
    world = SeriesWorld(recurrence, handler, launch, lead)
    world.failing_attempts, world.retry_seconds = retry
    for kind, value in lived:
        act(world, kind, value)
        world.pass_time(0.5)
    world.room, world.failing_attempts = True, 0
    world.edit(suspend=False)
    world.pass_time(30)
    before = len(world.executions)
    world.pass_time(40)
    assert len(world.executions) > before, "it goes on"
    # A token that was there before, with another one in between, asks anew.
    scheduled = [execution for execution in world.executions if execution.run_id.startswith("s")]
    ids = [execution.run_id for execution in scheduled if not execution.killed and not execution.failed]
    assert len(ids) == len(set(ids)), "nothing runs twice"
    attempts = Counter(execution.run_id for execution in scheduled if execution.failed)
    assert max(attempts.values(), default=0) <= retry[0], "a failed attempt is not forgotten"
    if recurrence["overlap"] != "Allow":
        assert world.most_at_once() <= 1
    counts = world.status.get("counts", {})
    done = [one for one in world.executions if one.end is not None and not one.failed]
    assert counts.get("runs", 0) + counts.get("cancelled", 0) >= len(done) - 1

    world.edit(cancel=True)
    world.pass_time(8 + handler)
    assert world.status["state"] == State.CANCELLED
    assert State(world.status["state"]) in TERMINAL_STATES
    assert not world.jobs


@settings(max_examples=60, deadline=None)
@given(
    overlap=st.sampled_from(["Skip", "Queue", "Allow"]),
    handler=st.sampled_from([0.3, 2.0, 5.0]),
    launch=st.sampled_from([0.3, 1.5, 3.0]),
    lead=st.sampled_from([0.0, 2.0, 4.0]),
    lived=st.lists(st.tuples(st.floats(0.1, 14), st.floats(0.1, 14)), max_size=10),
)
def test_no_outage_loses_an_occurrence_where_all_are_caught_up_with(overlap, handler, launch, lead, lived):
    recurrence = {"every": "10s", "overlap": overlap, "catchUp": {"policy": "All"}}
    world = SeriesWorld(recurrence, handler, launch, lead)
    for outage, up in lived:
        world.stop_operator(outage)
        world.pass_time(up)
    world.pass_time(120)
    seconds = world.seconds(world.now)
    due = [float(n) for n in range(10, int(seconds) - 9, 10)]
    assert sorted(world.nominal())[: len(due)] == due
