"""A world of one task: the API server's rules on writes, and an operator that looks until it has nothing more to do.

What happens in it is up to the test. Each rule that the decisions must not break is asserted where it would be broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evertask.api.protocol import TERMINAL_STATES, Phase, State
from evertask.api.status import EverTaskStatus
from evertask_operator.decisions import decide
from evertask_operator.decisions.merging import merged as merge_patch
from evertask_operator.decisions.situation import Situation
from evertask_operator.resources.jobs import build_job, template_digest
from evertask_operator.settings import RunnerSettings, Settings
from tests.support.situations import CREATED, assert_transitions_hold, make_job, make_record

if TYPE_CHECKING:
    from evertask_operator.decisions.plans import LaunchJob, Plan
    from evertask_operator.records import JobRecord, PodRecord, TaskRecord

Json = dict[str, Any]

MAX_ROUNDS = 8
"""Looks in a row after which the operator must have come to rest."""

_ENDS = {"Succeeded", "Failed", "Cancelled"}
NEXT_PHASES: dict[str | None, set[str | None]] = {
    None: {None, "Launching"},
    "Launching": {"Launching", "Running", "Backoff", *_ENDS, None},
    "Running": {"Running", "Launching", "Backoff", *_ENDS},
    "Backoff": {"Backoff", "Launching", "Cancelled", None},
    **{end: {None} for end in _ENDS},
}
"""What may follow a run's phase in one write; None: there is no such run. A launch is claimed and taken back, or given
another number; an outcome may be found in the termination message of a pod whose claim was not seen."""


class SmallWorld:
    """One task, its Jobs and pods, the time."""

    def __init__(self) -> None:
        """Begin with a task that was never looked at."""
        self.now = CREATED
        self.begin()

    def begin(self) -> None:
        """Create the task, or another one after it has expired."""
        self.spec: Json = {"handler": "a:b", "taskKey": "daily"}
        self.generation = 1
        self.status: Json = {}
        self.jobs: dict[str, JobRecord] = {}
        self.pods: dict[str, PodRecord] = {}
        self.made: set[str] = set()

    # --- the operator --------------------------------------------------------------------------------------

    def record(self) -> TaskRecord:
        """The task as the operator sees it."""
        return make_record(self.spec, self.status, generation=self.generation)

    def situation(self, **known: Any) -> Situation:
        """All that the operator knows."""
        jobs, pods = tuple(self.jobs.values()), tuple(self.pods.values())
        return Situation(self.record(), self.now, Settings(), jobs, pods, **known)

    def look(self, **known: Any) -> None:
        """Look at the task as the reconciler does, until there is nothing more to do."""
        for _ in range(MAX_ROUNDS):
            plan = decide(self.situation(**known))
            if plan.verify:
                plan = decide(self.situation(**known, verified=True))
                assert not plan.verify
            if not self.carry_out(plan, known):
                return
        raise AssertionError("the operator does not come to rest")

    def carry_out(self, plan: Plan, known: Json) -> bool:
        """Do what a plan says; tells whether the task must be looked at again."""
        assert (plan.status is not None) + (plan.job is not None) + plan.delete_task <= 1
        assert plan.status is not None or not plan.opens_run
        if plan.delete_task:
            assert self.state in TERMINAL_STATES
            self.begin()
            return False
        if plan.status is not None:
            before = self.status
            self.write(plan.status)
            assert_transitions_hold(self.spec, before, self.status)
            return True
        if plan.job is not None:
            self.create_job(plan.job, known)
            return True
        for deletion in plan.deletions:
            assert self.jobs[deletion.job.name] == deletion.job
            self.jobs[deletion.job.name] = replace(deletion.job, deleting=True)
        return bool(plan.deletions)

    def write(self, change: Json) -> None:
        """Write a status under the API server's rules."""
        before, old_state = self.status, self.state
        self.status = merge_patch(before, change)
        assert self.status != before, "a write that changes nothing"
        EverTaskStatus.model_validate(self.status)
        armed = self.status.get("incarnation", 0) > before.get("incarnation", 0)
        assert old_state not in TERMINAL_STATES or self.state is old_state or armed
        assert self.status.get("launches", 0) >= before.get("launches", 0)
        self._runs_go_on(before, armed=armed)
        assert len(self.record().open_runs) <= 1
        if self.state in TERMINAL_STATES:
            assert not self.record().open_runs
            assert self.status["finishTime"]
        wanted = {(run_id, run["launch"]) for run_id, run in self.record().open_runs.items()}
        self.jobs = {k: j for k, j in self.jobs.items() if not j.gone or (j.run_id, j.launch) in wanted}

    def _runs_go_on(self, before: Json, *, armed: bool) -> None:
        """Phases follow one another, and neither attempts nor lost pods are forgotten."""
        old, new = before.get("runs") or {}, self.status.get("runs") or {}
        for run_id in old.keys() | new.keys():
            was, now = old.get(run_id, {}), new.get(run_id, {})
            if was != now:
                assert now.get("phase") in NEXT_PHASES[was.get("phase")], (was, now)
            if was.get("failedAttempts") and not now:
                assert armed, "attempts are forgotten by a higher incarnation only"
            if now:
                assert now.get("failedAttempts", 0) >= was.get("failedAttempts", 0)
                assert now.get("interruptions", 0) >= was.get("interruptions", 0)
                assert now["launch"] >= was.get("launch", 0)
            if now.get("phase") == Phase.BACKOFF:
                assert now["failedAttempts"] >= 1
                assert not now.get("podName")

    def create_job(self, launch: LaunchJob, known: Json) -> None:
        """Write 3; ``known`` says whether the API server is willing."""
        run = self.record().open_runs[launch.run_id]
        assert (run["phase"], run["launch"]) == (Phase.LAUNCHING, launch.launch)
        assert not self.spec.get("cancel")
        assert not self.spec.get("suspend")
        name = build_job(self.record(), launch.run_id, launch.launch, RunnerSettings())["metadata"]["name"]
        assert name not in self.made, "a launch number is never used twice"
        assert name == self.status["job"]
        if known.pop("refuse_next", False):
            known["refusal"] = "the API server does not like it"
        elif known.pop("postpone_next", False):
            known["postponement"] = "exceeded quota"
        else:
            self.made.add(name)
            job = make_job(launch.launch, run_id=launch.run_id, created=self.now)
            self.jobs[name] = replace(job, template=template_digest(self.spec))

    @property
    def state(self) -> State:
        """The state; Pending while there is none."""
        return State(self.status.get("state") or State.PENDING)

    @property
    def open_run(self) -> tuple[Any, Any]:
        """Id and status of the open run; None twice when there is none."""
        return next(iter(self.record().open_runs.items()), (None, None))
