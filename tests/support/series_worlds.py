"""A world of one series: what the operator decides is carried out, pods start and handlers run as told, time passes.

    world = SeriesWorld({"every": "10s"}, handler_seconds=25)
    world.pass_time(60)
    assert world.starts() == [10, 40]

Seconds count from the creation of the task. The runners here follow the write protocol: a claim needs the phase
Launching, and comes at most 250 ms before the nominal time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.outcomes import Outcome, apply_outcome
from evertask.api.protocol import TERMINAL_STATES, Phase, State, job_name
from evertask.api.status import EverTaskStatus
from evertask.api.times import format_time, parse_time
from evertask_operator.decisions import decide
from evertask_operator.decisions.merging import merged as merge_patch
from evertask_operator.decisions.situation import Situation
from evertask_operator.resources.jobs import template_digest
from evertask_operator.settings import Settings
from tests.support.situations import CREATED, UID, assert_transitions_hold, make_job, make_pod, make_record

if TYPE_CHECKING:
    from evertask_operator.decisions.plans import Note, Plan
    from evertask_operator.records import JobRecord, PodRecord

Json = dict[str, Any]

MAX_ROUNDS = 60
CLAIM_LEAD = timedelta(seconds=protocol.CLAIM_LEAD_SECONDS)


@dataclass
class Execution:
    """What a handler did."""

    run_id: str
    scheduled: float
    start: float
    end: float | None = None
    killed: bool = False
    failed: bool = False
    """Another attempt follows."""


def given_back(run_id: str, attempt: int, failed_at: datetime, delay: float) -> Json:
    """Make what a pod writes when it gives its run back (write 9)."""
    next_at = format_time(failed_at + timedelta(seconds=delay))
    failure = {"attempt": attempt, "time": format_time(failed_at), "type": "ValueError", "message": "no"}
    run = {
        "phase": "Backoff",
        "failedAttempts": attempt,
        "failures": [failure],
        "nextAttemptTime": next_at,
        **dict.fromkeys(("podName", "readyTime", "startTime", "attempt", "progress")),
    }
    message = f"attempt {attempt} of 4 failed: ValueError: no; the next at {next_at}"
    return {"runs": {run_id: run}, "message": message}


def _due(run: Json) -> datetime:
    """When the handler of a run starts at the earliest."""
    due = parse_time(run.get("dueTime") or run["scheduledTime"])
    return max(due, parse_time(run["nextAttemptTime"])) if run.get("nextAttemptTime") else due


@dataclass
class SeriesWorld:
    """One series and everything around it."""

    recurrence: Json
    handler_seconds: float = 1.0
    launch_seconds: float = 0.5
    lead: float = 0.0
    room: bool = True
    spec: Json = field(default_factory=dict)
    now: datetime = CREATED
    awake_since: datetime = CREATED
    is_operator_up: bool = True
    error: Json | None = None
    """What handlers fail of; None: they succeed."""
    failing_attempts: int = 0
    """So many attempts of each run fail first, and their pods give it back."""
    retry_seconds: float = 20.0
    """The delay before the next attempt."""

    def __post_init__(self) -> None:
        """Create the task."""
        self.spec = {"handler": "a:b", "recurrence": self.recurrence, **self.spec}
        self.generation = 1
        self.status: Json = {}
        self.jobs: dict[str, JobRecord] = {}
        self.pods: dict[str, PodRecord] = {}
        self.ready: dict[str, datetime] = {}
        self.executions: list[Execution] = []
        self.writes = 0
        self.wake: datetime | None = None
        self.most_jobs = 0
        self.notes: list[Note] = []

    # --- time ----------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float, *, step: float = 0.05) -> None:
        """Let time pass; the operator and the runners do what they do."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            changed = self._runners()
            if self.is_operator_up and (changed or self.wake is None or self.wake <= self.now):
                self.look()
            self.now = min(end, max(self.now + timedelta(seconds=step), self._next_event()))

    def _next_event(self) -> datetime:
        """When something can happen next: nothing changes before."""
        times = [self.now + timedelta(days=1)]
        if self.is_operator_up:
            times.append(self.wake or self.now)
        for name, job in self.jobs.items():
            run = (self.status.get("runs") or {}).get(job.run_id)
            if run is None or run["launch"] != job.launch or job.complete:
                continue
            if run["phase"] == Phase.RUNNING:
                times.append(self._end_of(job))
            elif run["phase"] == Phase.LAUNCHING and not self.spec.get("suspend"):
                due = _due(run)
                times.append(max(self.ready[name], due - CLAIM_LEAD))
        return min(times)

    def stop_operator(self, seconds: float) -> None:
        """Let time pass with no operator; then it starts again."""
        self.is_operator_up = False
        self.pass_time(seconds)
        self.is_operator_up, self.awake_since, self.wake = True, self.now, None

    def edit(self, **fields: Any) -> None:
        """Edit the spec; None removes a field."""
        self.spec = {k: v for k, v in {**self.spec, **fields}.items() if v is not None}
        self.generation += 1
        self.wake = None

    # --- the operator --------------------------------------------------------------------------------------

    def situation(self, **known: Any) -> Situation:
        """All that the operator knows."""
        record = make_record(self.spec, self.status, generation=self.generation)
        jobs, pods = tuple(self.jobs.values()), tuple(self.pods.values())
        return Situation(
            record,
            self.now,
            Settings(),
            jobs,
            pods,
            room="" if self.room else "maxRunning (1) is reached",
            lead=timedelta(seconds=self.lead),
            awake_since=self.awake_since,
            **known,
        )

    def look(self) -> None:
        """Look until there is nothing more to do."""
        for _ in range(MAX_ROUNDS):
            plan = decide(self.situation())
            if plan.verify:
                plan = decide(self.situation(verified=True))
            if not self._carry_out(plan):
                self.wake = plan.wake or self.now + timedelta(days=400)
                return
        raise AssertionError(f"the operator does not come to rest: {plan}")

    def _carry_out(self, plan: Plan) -> bool:
        if plan.status is not None:
            self._write(plan.status)
            self.notes += plan.notes
            return True
        if plan.job is not None:
            run = self.status["runs"][plan.job.run_id]
            assert run["launch"] == plan.job.launch
            name = job_name(UID, plan.job.run_id, plan.job.launch)
            assert name not in self.ready, "a launch number is never used twice"
            job = make_job(plan.job.launch, run_id=plan.job.run_id, created=self.now, uid=f"job-{name}")
            self.jobs[name] = replace(job, template=template_digest(self.spec), name=name)
            self.ready[name] = self.now + timedelta(seconds=self.launch_seconds)
            self.most_jobs = max(self.most_jobs, len(self.jobs))
            return True
        for deletion in plan.deletions:
            self._delete(deletion.job)
        return bool(plan.deletions)

    def _delete(self, job: JobRecord) -> None:
        """The Job and its pod go at once; a handler that runs is killed."""
        del self.jobs[job.name]
        self.pods.pop(f"{job.name}-pod", None)
        for execution in self.executions:
            if execution.run_id == job.run_id and execution.end is None:
                execution.end, execution.killed = self.seconds(self.now), True

    def _write(self, change: Json) -> None:
        before = self.status
        self.status = merge_patch(before, change)
        assert self.status != before, "a write that changes nothing"
        EverTaskStatus.model_validate(self.status)
        assert_transitions_hold(self.spec, before, self.status)
        assert (
            State(before.get("state", "Pending")) not in TERMINAL_STATES or change.get("state") == "Pending"
        )
        assert self.status.get("launches", 0) >= before.get("launches", 0)
        self.writes += 1

    # --- the runners ---------------------------------------------------------------------------------------

    def _runners(self) -> bool:
        changed = False
        for name, job in list(self.jobs.items()):
            run = (self.status.get("runs") or {}).get(job.run_id)
            if run is None or run["launch"] != job.launch or job.complete or self.ready[name] > self.now:
                continue
            due = _due(run)
            if (
                run["phase"] == Phase.LAUNCHING
                and not self.spec.get("suspend")
                and not self.spec.get("cancel")
            ):
                if self.now >= due - CLAIM_LEAD:
                    self._claim(name, job, due)
                    changed = True
            elif run["phase"] == Phase.RUNNING and self.now >= self._end_of(job):
                self._report(name, job)
                changed = True
        return changed

    def _claim(self, name: str, job: JobRecord, due: datetime) -> None:
        start = max(self.now, due)
        claim = {
            "phase": "Running",
            "podName": f"{name}-pod",
            "attempt": self.status["runs"][job.run_id].get("failedAttempts", 0) + 1,
            "startTime": format_time(start),
            "readyTime": format_time(self.ready[name]),
        }
        self.status = merge_patch(
            self.status,
            {"runs": {job.run_id: claim}, "state": "InProgress", "message": f"runs in pod {name}-pod"},
        )
        scheduled = parse_time(self.status["runs"][job.run_id]["scheduledTime"])
        self.executions.append(Execution(job.run_id, self.seconds(scheduled), self.seconds(start)))
        pod = make_pod(job.launch, run_id=job.run_id, name=f"{name}-pod", uid=f"pod-{name}")
        self.pods[pod.name] = pod

    def _end_of(self, job: JobRecord) -> datetime:
        execution = next(e for e in reversed(self.executions) if e.run_id == job.run_id)
        return CREATED + timedelta(seconds=execution.start + self.handler_seconds)

    def _report(self, name: str, job: JobRecord) -> None:
        failed = self.status["runs"][job.run_id].get("failedAttempts", 0)
        if failed < self.failing_attempts:
            self._give_back(name, job, failed + 1)
            return
        phase = Phase.FAILED if self.error else Phase.SUCCEEDED
        outcome = Outcome(phase, format_time(self.now), error=self.error)
        self.status = merge_patch(
            self.status, apply_outcome(self.status, job.run_id, outcome, one_shot=False)
        )
        self._end(name, job)

    def _give_back(self, name: str, job: JobRecord, attempt: int) -> None:
        """Write 9: the attempt has failed, and the next is far off."""
        self.status = merge_patch(self.status, given_back(job.run_id, attempt, self.now, self.retry_seconds))
        self._end(name, job)
        next(e for e in reversed(self.executions) if e.run_id == job.run_id).failed = True

    def _end(self, name: str, job: JobRecord) -> None:
        execution = next(e for e in reversed(self.executions) if e.run_id == job.run_id)
        execution.end = self.seconds(self.now)
        self.jobs[name] = replace(job, complete=True)
        self.pods[f"{name}-pod"] = replace(self.pods[f"{name}-pod"], phase="Succeeded", exit_code=0)

    # --- what there is to say ------------------------------------------------------------------------------

    def seconds(self, instant: datetime) -> float:
        """Seconds since the creation."""
        return (instant - CREATED).total_seconds()

    def starts(self) -> list[float]:
        """When handlers started, to a tenth of a second."""
        return [round(execution.start, 1) for execution in self.executions]

    def nominal(self) -> list[float]:
        """Nominal times of the handlers that started."""
        return [execution.scheduled for execution in self.executions]

    def counts(self, *names: str) -> tuple[int, ...]:
        """Some of the counters."""
        counts = self.status.get("counts") or {}
        return tuple(counts.get(name, 0) for name in names)

    def condition(self, type_: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = [c for c in self.status.get("conditions") or () if c["type"] == type_]
        return (found[0]["status"], found[0]["reason"]) if found else ("", "")

    def most_at_once(self) -> int:
        """How many handlers ran at the same time at most."""
        marks = [(e.start, 1) for e in self.executions]
        marks += [(e.end, -1) for e in self.executions if e.end is not None]
        running = most = 0
        for _, step in sorted(marks):
            running += step
            most = max(most, running)
        return most
