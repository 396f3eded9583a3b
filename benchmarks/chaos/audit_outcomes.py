"""Rules about outcomes: what a status says of a run must be what its handler did, or what was done to its pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.chaos.records import BY_HAND, DEATHS, Deed, How
from benchmarks.chaos.runs import is_series
from evertask.api.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.chaos.records import Call, Life, What, World
    from benchmarks.chaos.runs import Run

HANDLERS_OWN = frozenset({"ConnectionError", "LookupError"})
"""What the suite's handlers raise."""
PROCESS_DEATHS = frozenset({"HandlerProcessDied", "PodFailed"})
LOSSES = frozenset({"Interrupted", "OutcomeUnknown"})
TIMING_SECONDS = 0.25
"""What a handler's own clock may differ by from the runner's."""
STATES = {"Succeeded": "Completed", "Failed": "Failed", "Cancelled": "Cancelled"}


def wrong_outcomes(world: World, life: Life, runs: list[Run], calls: list[Call]) -> Iterator[str]:
    """Say what is wrong with the outcomes of a task's runs."""
    for run in runs:
        theirs = [call for call in calls if call.launch in run.launches and call.run == run.id]
        if run.outcome == "Succeeded":
            yield from _succeeded(run, theirs)
        elif run.outcome == "Failed":
            yield from _failed(run, theirs, _done_to(world, life, run))
        elif run.outcome == "Cancelled":
            yield from _cancelled(world, life, run)
    yield from _state(life, runs)


def _succeeded(run: Run, calls: list[Call]) -> Iterator[str]:
    good = [call for call in calls if call.how is How.RETURNED]
    if not good:
        yield f"run {run.id} Succeeded, and no call of its handler has returned"
    elif isinstance(run.result, dict) and "pod" in run.result:
        told = [(call.pod, call.launch, call.attempt) for call in good]
        said = (run.result["pod"], run.result["launch"], run.result["attempt"])
        if said not in told:
            yield f"run {run.id} has the result of {said}; calls that returned: {told}"


def _done_to(world: World, life: Life, run: Run) -> frozenset[What]:
    """Give what was done to the pods of a run, those too that were never let in."""
    jobs = tuple(f"et-{life.uid}-{run.id}-{launch}-" for launch in run.launches)
    return world.done_to({pod for pod in world.hit_pods if pod.startswith(jobs)}) if jobs else frozenset()


def _failed(run: Run, calls: list[Call], done: frozenset[What]) -> Iterator[str]:
    kind = run.error_type
    last = calls[-1] if calls else None
    if kind in HANDLERS_OWN:
        if last is None or last.how is not How.RAISED:
            yield f"run {run.id} Failed with {kind}; its last call has {last.how if last else 'not been'}"
        yield from _too_early(run, last)
    elif kind in PROCESS_DEATHS:
        if not done & DEATHS and not _payload(run).get("dies"):
            yield f"run {run.id} Failed with {kind}, and nobody killed its pod or its handler"
    elif kind in LOSSES:
        fails = run.spec.get("onInterruption") == "Fail"
        if not done or not fails:
            yield f"run {run.id} Failed with {kind}; onInterruption Fail: {fails}; done to its pods: {sorted(done)}"
    elif kind == "TimeoutError":
        yield from _timeout(run, last)
    else:
        yield f"run {run.id} Failed with {kind or 'no error'}, which nothing in the plan leads to"


def _payload(run: Run) -> dict[str, object]:
    found: dict[str, object] = run.spec.get("payload") or {}
    return found


def _too_early(run: Run, last: Call | None) -> Iterator[str]:
    """A handler that failed was tried as often as ``spec.retry`` says."""
    limit = (run.spec.get("retry") or {}).get("limit")
    if limit is not None and last is not None and last.attempt < limit + 1:
        yield f"run {run.id} Failed in attempt {last.attempt} of {limit + 1}"


def _timeout(run: Run, last: Call | None) -> Iterator[str]:
    limits = [run.spec[field] for field in ("timeout", "runTimeout") if run.spec.get(field)]
    if not limits:
        yield f"run {run.id} Failed with TimeoutError and has no time limit"
    elif last is not None and last.end is not None:
        least = min(parse_duration(limit).total_seconds() for limit in limits)
        if "runTimeout" not in run.spec and last.end - last.start < least - TIMING_SECONDS:
            yield f"run {run.id} timed out after {last.end - last.start:.2f} s of {least:g} s"


def _cancelled(world: World, life: Life, run: Run) -> Iterator[str]:
    if run.stop == "Replaced" or world.deeds_of(life.name) & {Deed.CANCEL, Deed.DELETE}:
        return
    done = _done_to(world, life, run)
    if not done & BY_HAND:
        yield f"run {run.id} was Cancelled, and nobody asked; done to its pods: {sorted(done)}"


def _state(life: Life, runs: list[Run]) -> Iterator[str]:
    """The state of a one-shot task is its run's outcome."""
    state, spec = life.last.status.get("state"), life.last.spec
    if is_series(spec) or state not in STATES.values():
        return
    incarnation = life.last.status.get("incarnation") or 0
    outcomes = {run.outcome for run in runs if run.incarnation == incarnation}
    if not outcomes:
        if state != "Cancelled":
            yield f"is {state} without a run"
    elif state not in {STATES.get(outcome) for outcome in outcomes} and state != "Cancelled":
        yield f"is {state}; outcomes of its runs: {sorted(outcomes)}"
