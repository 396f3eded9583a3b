"""What the decisions are made from: one task, its Jobs and pods, the time, and the settings that matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import apply_outcome, is_one_shot
from evertask.api.protocol import Condition, Phase
from evertask.api.times import parse_time
from evertask_operator.decisions.plans import Plan
from evertask_operator.resources.conditions import with_condition

if TYPE_CHECKING:
    from datetime import datetime

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
    """The run that is open."""

    id: str
    launch: int
    phase: Phase
    pod_name: str
    launch_time: datetime
    scheduled_time: datetime
    interruptions: int

    @property
    def claimed(self) -> bool:
        """Whether a pod was let in."""
        return bool(self.pod_name)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a decision may look at."""

    task: TaskRecord
    now: datetime
    settings: Settings
    jobs: tuple[JobRecord, ...] = ()
    pods: tuple[PodRecord, ...] = ()
    verified: bool = False
    """Jobs and pods were just read from the API server: what is absent here is absent."""
    refusal: str = ""
    """Why the API server refused the Job of this generation of the spec."""
    postponement: str = ""
    """Why the API server did not take the Job for now (a quota, throttling)."""
    diagnosis: Diagnosis | None = None
    keep_jobs: bool = True
    """Jobs of finished tasks may be kept for their logs; False: their room is needed."""
    room: str = ""
    """How full it is, where there is no room for the task; empty while nobody asked or it has room."""

    @property
    def run(self) -> OpenRun | None:
        """The open run, if there is one."""
        for run_id, run in self.task.open_runs.items():
            return OpenRun(
                id=run_id,
                launch=run["launch"],
                phase=Phase(run["phase"]),
                pod_name=run.get("podName", ""),
                launch_time=parse_time(run.get("launchTime") or run["scheduledTime"]),
                scheduled_time=parse_time(run["scheduledTime"]),
                interruptions=run.get("interruptions", 0),
            )
        return None

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

    def withdrawn(self, run: OpenRun, status: Json | None) -> Json:
        """A status change that also takes back a run that nobody has claimed: from then on nobody can."""
        return self.observed(**(status or {}), runs={run.id: None}, job=None)

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
        """Write 7: commit an outcome that the runner could not."""
        change = apply_outcome(self.task.status, run.id, outcome, one_shot=is_one_shot(self.task.spec))
        return Plan(status=self.observed(**change), note=note)
