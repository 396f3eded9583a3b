"""What the decisions are made from: one task, its Jobs and pods, the time, and the settings that matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from evertask.api.audit import keeps_run, level_of
from evertask.api.outcomes import apply_outcome, fold_outcome, is_one_shot
from evertask.api.protocol import Condition, Phase
from evertask.api.times import parse_time
from evertask_operator.decisions.announcing import announce_end
from evertask_operator.decisions.merging import merged, merged_patches
from evertask_operator.decisions.plans import Plan
from evertask_operator.records import EPOCH
from evertask_operator.resources.conditions import with_condition

if TYPE_CHECKING:
    from evertask.api.outcomes import Outcome
    from evertask_operator.decisions.plans import Note
    from evertask_operator.records import JobRecord, PodRecord, TaskRecord
    from evertask_operator.settings import Settings

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a pod does not start, as the cluster's events say."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is open."""

    id: str
    launch: int
    phase: Phase
    pod_name: str
    launch_time: datetime
    scheduled_time: datetime
    due_time: datetime
    """When its handler starts at the earliest: the nominal time and its jitter."""
    start_time: datetime | None
    """When its pod was let in, or its handler starts; None before."""
    interruptions: int
    stop: str
    """Why the operator ends it before its outcome; empty: it does not."""
    failed_attempts: int = 0
    """Attempts that have failed and were, or will be, followed by another."""
    failures: tuple[Json, ...] = ()
    """The newest of them, the newest first."""
    next_attempt_time: datetime | None = None
    """When the next attempt begins at the earliest, where one has failed."""
    first_start_time: datetime | None = None
    """When its first attempt started; None before."""

    @property
    def claimed(self) -> bool:
        """Whether a pod was let in."""
        return bool(self.pod_name)

    @property
    def in_backoff(self) -> bool:
        """Whether it waits for its next attempt without a pod."""
        return self.phase is Phase.BACKOFF

    @property
    def launched(self) -> bool:
        """Whether a pod of it is on its way, or waits, and was not let in yet."""
        return not self.claimed and not self.in_backoff

    @property
    def has_failed_before(self) -> bool:
        """Whether an attempt of it has failed: then it has started, and is not taken back as if it had not."""
        return self.in_backoff or self.failed_attempts > 0

    @property
    def is_under_way(self) -> bool:
        """Whether it has started: a pod was let in, or an attempt has failed."""
        return self.claimed or self.has_failed_before

    @property
    def taken_back(self) -> Json | None:
        """What its entry in the status becomes when its launch is taken back; None: it goes."""
        return {"phase": str(Phase.BACKOFF), "launchTime": None} if self.has_failed_before else None

    @property
    def begins_at(self) -> datetime:
        """When its next attempt begins at the earliest."""
        return max(self.due_time, self.next_attempt_time or self.due_time)


def _instant(text: str | None) -> datetime | None:
    """Read a time that a runner wrote: one that cannot be read is none."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _open_run(run_id: str, run: Json) -> OpenRun:
    scheduled = parse_time(run["scheduledTime"])
    return OpenRun(
        id=run_id,
        launch=run["launch"],
        phase=Phase(run["phase"]),
        pod_name=run.get("podName") or "",
        launch_time=parse_time(run["launchTime"]) if run.get("launchTime") else scheduled,
        scheduled_time=scheduled,
        due_time=parse_time(run["dueTime"]) if run.get("dueTime") else scheduled,
        start_time=_instant(run.get("startTime")),
        interruptions=run.get("interruptions", 0),
        stop=run.get("stop", ""),
        failed_attempts=run.get("failedAttempts") or 0,
        failures=tuple(run.get("failures") or ()),
        next_attempt_time=_instant(run.get("nextAttemptTime")),
        first_start_time=_instant(run.get("firstStartTime") or run.get("startTime")),
    )


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a decision may look at."""

    task: TaskRecord
    now: datetime
    settings: Settings
    jobs: tuple[JobRecord, ...] = ()
    pods: tuple[PodRecord, ...] = ()
    parent: TaskRecord | None = None
    """The task whose run dispatched this one, if it is (still) there, in the same namespace."""
    key_holder: TaskRecord | None = None
    """Another task that holds the key of this one."""
    verified: bool = False
    """Jobs and pods were just read from the API server: what is absent here is absent."""
    refusal: str = ""
    """Why the API server refused the Job of this generation of the spec."""
    postponement: str = ""
    """Why the API server did not take the Job for now (a quota, throttling)."""
    diagnosis: Diagnosis | None = None
    keep_jobs: bool = True
    """Jobs of finished tasks may be kept for their logs; False: their room is needed."""
    beyond_limit: bool = False
    """The task is finished, and its namespace has too many that finished after it."""
    room: str = ""
    """How full it is, where there is no room for the task; empty while nobody asked or it has room."""
    lead: timedelta = timedelta(0)
    """How long before its time a pod is made, so that it is up in time; zero: at its time."""
    awake_since: datetime = EPOCH
    """Since when the operator has been watching without a break: what was due before may have been missed."""
    focus: str = ""
    """Id of the open run that the decision is about, where a series has several."""

    @property
    def run(self) -> OpenRun | None:
        """The open run, if there is one; the one in focus, where there are several."""
        return next((run for run in self.runs if self.focus in {"", run.id}), None)

    @property
    def runs(self) -> tuple[OpenRun, ...]:
        """The open runs, the earliest first."""
        runs = [_open_run(run_id, run) for run_id, run in self.task.open_runs.items()]
        return tuple(sorted(runs, key=lambda run: (run.scheduled_time, run.launch)))

    @property
    def history(self) -> list[Json]:
        """The past runs, newest first."""
        drafted: list[Json] | None = self.task.status.get("history")
        return self.task.history_entries if drafted is None else drafted

    @property
    def keeps_all_runs(self) -> bool:
        """Whether the history has every run, or only those that failed, or none."""
        return keeps_run(level_of(self.task.spec), Phase.SUCCEEDED)

    def about(self, run: OpenRun) -> Situation:
        """The same with one of the open runs in focus."""
        return replace(self, focus=run.id)

    def job_of(self, run: OpenRun) -> JobRecord | None:
        """The Job of the run's present launch."""
        return next((j for j in self.jobs if j.run_id == run.id and j.launch == run.launch), None)

    def pod_of(self, run: OpenRun) -> PodRecord | None:
        """The pod that works for the run: the holder, or before the claim the pod of its launch."""
        if run.claimed:
            return next((p for p in self.pods if p.name == run.pod_name), None)
        pods = [p for p in self.pods if p.run_id == run.id and p.launch == run.launch]
        return next((p for p in pods if not p.ended), pods[0] if pods else None)

    def pods_of(self, job: JobRecord) -> list[PodRecord]:
        """The pods of a Job."""
        return [p for p in self.pods if p.run_id == job.run_id and p.launch == job.launch]

    @property
    def is_armed_anew(self) -> bool:
        """Whether the incarnation was raised since the status was written."""
        return bool(self.task.spec.get("incarnation", 0) > self.task.status.get("incarnation", 0))

    def withdrawn(self, run: OpenRun, status: Json | None) -> Json:
        """A status change that also takes back a launch that nobody has claimed: from then on nobody can.

        A run that never started is gone with it; one that has failed before waits for its next attempt again.
        """
        return self.observed(**(status or {}), runs={run.id: run.taken_back}, job=None)

    def conditions(self, type_: Condition, value: str, reason: str, message: str) -> list[Json]:
        """The task's conditions with one of them set."""
        return with_condition(
            list(self.task.status.get("conditions") or ()),
            type_,
            value,
            reason,
            message,
            now=self.now,
            generation=self.task.generation,
        )

    def accepted(self) -> list[Json]:
        """The task's conditions, saying that it can run as it is written."""
        return self.conditions(Condition.ACCEPTED, "True", "Accepted", "the task can run as it is written")

    def observed(self, **fields: Any) -> Json:
        """A status change that also says which spec it speaks of."""
        return {
            "observedGeneration": self.task.generation,
            "incarnation": self.task.spec.get("incarnation", 0),
            **fields,
        }

    def changed(self, **fields: Any) -> Json | None:
        """As ``observed``, but None when the status says all of it already."""
        status = self.observed(**fields)
        return None if all(self.task.status.get(k) == v for k, v in status.items()) else status

    def end_run(self, run: OpenRun, outcome: Outcome, note: Note | None = None) -> Plan:
        """Write 7: commit an outcome that the runner could not.

        Args:
            run: the run that is over.
            outcome: how it ended.
            note: an Event to make of it; without one a failure or a cancellation gets its plain Event.
        """
        one_shot = is_one_shot(self.task.spec)
        change = apply_outcome(self.task.status, run.id, outcome, one_shot=one_shot)
        if (
            change["error"] and not one_shot
        ):  # what an earlier run's error says besides must not stay beside this one
            change["error"] = dict.fromkeys(("traceback", "attempt", "logTail")) | change["error"]
        message = (change if one_shot else change["runs"][run.id]).get("message")
        if not one_shot:
            ended = merged(self.task.status, change)
            fold = fold_outcome(ended, self.history, run.id, self.now, level=level_of(self.task.spec))
            change = merged_patches(change, fold)
        is_expected = bool(run.stop) or (not one_shot and self.task.spec.get("cancel"))
        if outcome.phase is Phase.CANCELLED and is_expected:
            return Plan(
                status=self.observed(**change)
            )  # it makes way for the next run, or its series is cancelled
        notes = (note,) if note else announce_end(self.task.spec, outcome.phase, message)
        return Plan(status=self.observed(**change), notes=notes)
