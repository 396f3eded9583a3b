"""The auditor: compares what handlers really did with what the objects say, and finds what must not be.

Pure: a ``World`` in, findings out. Each rule is a function over one task; the kinds of finding are the rows of the
table that the suite prints, and each is expected to be empty.

What is *no* finding: a handler that ran again because its pod was lost and the status says so (at-least-once); an
occurrence that was skipped, missed, replaced or cancelled and counted as such; a task that somebody deleted.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.chaos import audit_counts, audit_outcomes
from benchmarks.chaos.records import Deed, How
from benchmarks.chaos.runs import is_series, runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.chaos.records import Call, JobLife, Json, Left, Life, World
    from benchmarks.chaos.runs import Run

TERMINAL = frozenset({"Completed", "Failed", "Cancelled"})
OPEN = frozenset({"Held", "Launching", "Running", "Backoff"})
LATE_SECONDS = 1.0
"""Between a run's endTime and a start that cannot be before it: clocks of two processes."""


class Kind(StrEnum):
    """What can be wrong."""

    LOST = "lost: a task or an occurrence without an outcome"
    TWICE = "executed twice without a recorded retry or interruption"
    UNDER_FAIL = "started again under onInterruption: Fail"
    OUTCOME = "wrong outcome"
    CHANGED = "a final state that changed"
    STUCK = "stuck after the calm"
    LEAKED = "leaked Jobs or pods"
    LAUNCH = "launch numbers used twice"
    COUNTS = "counts that do not add up"


class Finding(NamedTuple):
    """One thing that must not be."""

    kind: Kind
    task: str
    text: str


def audit(world: World) -> list[Finding]:
    """Judge everything."""
    calls: dict[str, list[Call]] = {}
    for call in sorted(world.calls, key=lambda one: one.start):
        calls.setdefault(call.uid, []).append(call)
    findings = list(_never_seen(world))
    for life in world.lives:
        runs = list(runs_of(life).values())
        theirs = calls.get(life.uid, [])
        findings += _lost(world, life)
        findings += _executions(world, life, runs, theirs)
        findings += (
            Finding(Kind.OUTCOME, life.name, text)
            for text in audit_outcomes.wrong_outcomes(world, life, runs, theirs)
        )
        findings += _changed(life)
        findings += _stuck(world, life)
        findings += (Finding(Kind.COUNTS, life.name, text) for text in audit_counts.wrong_counts(life, runs))
        findings += (
            Finding(Kind.LOST, life.name, text) for text in audit_counts.lost_occurrences(world, life, runs)
        )
    return [*findings, *_children(world), *_leaked(world), *_launch_numbers(world.jobs)]


def _never_seen(world: World) -> Iterator[Finding]:
    seen = {life.name for life in world.lives}
    for request in world.asked:
        if request.deed is Deed.CREATE and request.task not in seen:
            yield Finding(Kind.LOST, request.task, "was created, and no such task has ever been seen")


def _children(world: World) -> Iterator[Finding]:
    """A run dispatches its children once, however often it was launched; a chain that breaks says so."""
    there = Counter(life.parent for life in world.lives)
    for life in world.lives:
        payload = life.last.spec.get("payload") or {}
        wanted = payload.get("children", 0) + bool(payload.get("next_steps"))
        found, state = there[life.uid], life.last.status.get("state")
        if found > wanted and Deed.REARM not in world.deeds_of(life.name):
            yield Finding(Kind.TWICE, life.name, f"has {found} children; one life of it has {wanted}")
        elif found < wanted and state == "Completed" and not _is_broken(life):
            yield Finding(Kind.LOST, life.name, f"has {found} of {wanted} children")


def _is_broken(life: Life) -> bool:
    """Tell whether a callback is recorded that did not come to its end."""
    return any(run.callback_errors for run in runs_of(life).values())


def _lost(world: World, life: Life) -> Iterator[Finding]:
    """A task that is gone was over, or somebody deleted it."""
    if life.gone is None or Deed.DELETE in world.deeds_of(life.name):
        return
    if life.last.status.get("state") not in TERMINAL:
        yield Finding(Kind.LOST, life.name, f"is gone in state {life.last.status.get('state')}")


def _executions(world: World, life: Life, runs: list[Run], calls: list[Call]) -> Iterator[Finding]:
    by_launch = {launch: run for run in runs for launch in run.launches}
    of_run: dict[int, list[Call]] = {}
    for call in calls:
        run = by_launch.get(call.launch)
        if run is None or run.id != call.run:
            if life.is_complete:
                yield Finding(Kind.TWICE, life.name, f"{_say(call)} belongs to no run of the status")
            continue
        of_run.setdefault(id(run), []).append(call)
    for run in runs:
        theirs = of_run.get(id(run), [])
        if theirs and not run.outcome and life.gone is None and run.id not in _last_runs(life):
            yield Finding(
                Kind.LOST, life.name, f"run {run.id} is gone without an outcome: {_say(theirs[-1])}"
            )
        yield from _repeated(world, life, run, theirs)
        for call in theirs:
            if run.end is not None and call.start > run.end + LATE_SECONDS:
                yield Finding(Kind.TWICE, life.name, f"{_say(call)} began after the run's end")


def _repeated(world: World, life: Life, run: Run, calls: list[Call]) -> Iterator[Finding]:
    """Each call after a run's first needs a failure or an interruption that is recorded."""
    relaunches = 0
    for before, call in pairwise(calls):
        pair = f"{_say(before)}, then {_say(call)}"
        if before.end is not None and before.end > call.start:
            yield Finding(Kind.TWICE, life.name, f"at the same time: {pair}")
        if call.attempt > before.attempt:
            if run.failed_attempts < call.attempt - 1:
                yield Finding(Kind.TWICE, life.name, f"failedAttempts is {run.failed_attempts}: {pair}")
            elif before.how is How.RETURNED and not world.done_to({before.pod}):
                yield Finding(Kind.TWICE, life.name, f"the first had returned: {pair}")
        elif call.launch == before.launch:
            yield Finding(Kind.TWICE, life.name, f"in one launch: {pair}")
        else:
            relaunches += 1
            if run.spec.get("onInterruption") == "Fail":
                yield Finding(Kind.UNDER_FAIL, life.name, pair)
            elif run.interruptions < relaunches:
                yield Finding(Kind.TWICE, life.name, f"interruptions is {run.interruptions}: {pair}")


def _last_runs(life: Life) -> Iterable[str]:
    return life.last.status.get("runs") or {}


def _say(call: Call) -> str:
    end = f"{call.how or 'open'} {call.end - call.start:.2f} s later" if call.end else "open end"
    return f"run {call.run} launch {call.launch} attempt {call.attempt} in {call.pod} at {call.start:.2f} ({end})"


def _changed(life: Life) -> Iterator[Finding]:
    """A final state stays what it is within an incarnation."""
    final: dict[int, str] = {}
    for version in life.versions:
        incarnation, state = version.status.get("incarnation") or 0, version.status.get("state")
        if incarnation in final and state != final[incarnation]:
            yield Finding(Kind.CHANGED, life.name, f"{final[incarnation]} became {state}")
        if state in TERMINAL:
            final[incarnation] = str(state)


def _stuck(world: World, life: Life) -> Iterator[Finding]:
    if life.gone is not None:
        return
    spec, status = life.last.spec, life.last.status
    state = status.get("state")
    said = f"{state}: {status.get('message')}"
    open_runs = [run for run, entry in (status.get("runs") or {}).items() if entry["phase"] in OPEN]
    if Deed.DELETE in world.deeds_of(life.name):
        yield Finding(Kind.STUCK, life.name, f"was deleted and is there; {said}")
    elif (spec.get("incarnation") or 0) != (status.get("incarnation") or 0):
        yield Finding(Kind.STUCK, life.name, f"incarnation {spec.get('incarnation')} is not taken up; {said}")
    elif spec.get("cancel") and state not in TERMINAL:
        yield Finding(Kind.STUCK, life.name, f"was cancelled; {said}")
    elif open_runs:
        yield Finding(Kind.STUCK, life.name, f"open runs {open_runs}; {said}")
    elif not spec.get("suspend") and state not in TERMINAL and not _rests(spec, status):
        yield Finding(Kind.STUCK, life.name, said)


def _rests(spec: Json, status: Json) -> bool:
    """Tell whether it is a series between two runs."""
    return is_series(spec) and not status.get("waiting") and status.get("state") == "Pending"


def _leaked(world: World) -> Iterator[Finding]:
    open_launches = set()
    names = {}
    for life in world.lives:
        if life.gone is None:
            names[life.uid] = life.name
            runs = life.last.status.get("runs") or {}
            open_launches |= {
                (life.uid, entry["launch"]) for entry in runs.values() if entry["phase"] in OPEN
            }
    for left in world.left:
        if _is_leaked(left, names, open_launches, keeps=world.keeps_jobs):
            state = "over" if left.is_over else "active"
            yield Finding(
                Kind.LEAKED,
                names.get(left.task_uid, "a task that is gone"),
                f"{left.kind} {left.name}, {state}",
            )


def _is_leaked(left: Left, tasks: Iterable[str], open_launches: set[tuple[str, int]], *, keeps: bool) -> bool:
    if left.task_uid not in tasks:
        return True
    if (left.task_uid, left.launch) in open_launches:
        return False
    return not (left.is_over and keeps)


def _launch_numbers(jobs: Iterable[JobLife]) -> Iterator[Finding]:
    """One Job for each launch number of a task, over all time."""
    made: dict[tuple[str, int], JobLife] = {}
    for job in jobs:
        first = made.setdefault((job.task_uid, job.launch), job)
        if first.uid != job.uid:
            yield Finding(Kind.LAUNCH, job.task_uid, f"{first.name} ({first.uid}) and {job.name} ({job.uid})")
