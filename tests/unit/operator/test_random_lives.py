"""Whatever happens to a task, in whatever order: the decisions never crash, never break a rule, and come to rest.

The machine below adds a Job controller, kubelets, runners and people to a small world. After each of their deeds the
operator looks at the task until it has nothing more to do.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from evertask.api.audit import AuditLevel
from evertask.api.outcomes import Outcome, apply_outcome
from evertask.api.protocol import MAX_FAILURES, TERMINAL_STATES, Condition, Phase, State
from evertask.api.times import format_time
from evertask_operator.decisions import decide
from evertask_operator.decisions.situation import Diagnosis
from evertask_operator.records import TaskKey
from tests.support.situations import make_pod, make_record, pod_name
from tests.support.small_worlds import MAX_ROUNDS, SmallWorld

TIMES = [
    {},
    {"delay": "5s"},
    {"delay": "2m"},
    {"runAt": "2026-11-24T12:00:30Z"},
    {"runAt": "2020-01-01T00:00:00Z"},
]
TEMPLATES = [None, {"spec": {"nodeSelector": {"a": "b"}}}, {"spec": {"containers": "x"}}]
DEATHS = [
    {"phase": "Failed", "exit_code": 1},
    {"phase": "Failed", "exit_code": 143},
    {"phase": "Failed", "exit_code": 137, "exit_reason": "OOMKilled"},
    {"phase": "Failed", "exit_code": None, "reason": "DeadlineExceeded"},
    {"phase": "Succeeded", "exit_code": 0},
    {"phase": "Running", "exit_code": 139, "runner_ended": True},
]
HOLDER = make_record({"handler": "a:b", "taskKey": "daily"}, {}, key=TaskKey("shop", "daily"))
WORDS = ["", "Traceback", "{}", "[]", '{"error": {"message": "no token"}}']
POLICIES = [
    None,
    {"limit": 0},
    {"limit": 2, "delay": "0s"},
    {"delays": ["2m"]},
    {"onExit": {"action": "Fail", "codes": [137]}},
]
MANY = 100
"""Steps after which a task must be over in a world in which all goes well."""


class Life(SmallWorld, RuleBasedStateMachine):
    """One task and all that may happen to it."""

    def __init__(self):
        RuleBasedStateMachine.__init__(self)
        SmallWorld.__init__(self)

    @initialize(policy=st.sampled_from(POLICIES), begun=st.booleans())
    def begin_with_a_run(self, policy, begun):
        """Most of what may happen happens to a run that has started."""
        self.edit(retry=policy)
        if begun:
            self.start_and_claim()

    # --- people --------------------------------------------------------------------------------------------

    def edit(self, **fields):
        self.spec = {k: v for k, v in {**self.spec, **fields}.items() if v is not None}
        self.generation += 1
        self.look()

    @property
    def may_edit(self):
        return self.state in {State.PENDING, State.QUEUED}

    @precondition(lambda self: self.may_edit)
    @rule(when=st.sampled_from(TIMES))
    def move_the_time(self, when):
        self.edit(**{"delay": None, "runAt": None, **when})

    @precondition(lambda self: self.may_edit)
    @rule(template=st.sampled_from(TEMPLATES), policy=st.sampled_from([None, "Fail", "Relaunch"]))
    def change_the_template(self, template, policy):
        self.edit(podTemplate=template, onInterruption=policy)

    @precondition(lambda self: self.may_edit)
    @rule(
        retry=st.sampled_from(POLICIES),
        most=st.sampled_from([None, 0, 2]),
        fence=st.sampled_from([None, "30s"]),
        limit=st.sampled_from([None, "2m"]),
    )
    def change_what_follows_a_failure(self, retry, most, fence, limit):
        self.edit(retry=retry, maxInterruptions=most, fenceAfter=fence, runTimeout=limit)

    @rule(level=st.sampled_from([None, *AuditLevel]))
    def change_the_audit_level(self, level):
        self.edit(auditLevel=level)

    @rule(value=st.booleans())
    def suspend(self, value):
        self.edit(suspend=value)

    @rule()
    def cancel(self):
        self.edit(cancel=True)

    @precondition(lambda self: self.state is not State.IN_PROGRESS)
    @rule()
    def arm_anew(self):
        self.edit(cancel=False, incarnation=self.spec.get("incarnation", 0) + 1)

    @precondition(lambda self: any(not job.gone for job in self.jobs.values()))
    @rule(data=st.data())
    def delete_a_job(self, data):
        self.vanish(data.draw(st.sampled_from([job for job in self.jobs.values() if not job.gone])))
        self.look()

    def vanish(self, job):
        run_id, run = self.open_run
        del self.jobs[job.name]
        if run_id == job.run_id and run["launch"] == job.launch:
            self.jobs[job.name] = replace(job, gone=True)
        self.pods = {k: p for k, p in self.pods.items() if (p.run_id, p.launch) != (job.run_id, job.launch)}

    # --- the clock and the operator's own restarts ---------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 3, 7, 31, 130, 1000, 4000]))
    def let_time_pass(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.look()

    @rule(
        known=st.sampled_from(["refuse_next", "postpone_next", "diagnosis", "room", "duplicate", "nothing"])
    )
    def look_again(self, known):
        if known == "diagnosis":
            self.look(diagnosis=Diagnosis("FailedMount", "no volume"))
        elif known == "duplicate":
            self.look(key_holder=HOLDER)
        elif known == "room" and self.open_run[0] is None:
            self.look(room="maxRunning (1) is reached")
        elif known in {"refuse_next", "postpone_next"}:
            self.look_with_an_unwilling_api_server(known)
        else:
            self.look()

    def look_with_an_unwilling_api_server(self, answer):
        known = {answer: True}
        for _ in range(MAX_ROUNDS):
            told = {k: v for k, v in known.items() if k in {"refusal", "postponement"}}
            plan = decide(self.situation(**told, verified=True))
            if not self.carry_out(plan, known):
                return

    @precondition(lambda self: any(job.gone for job in self.jobs.values()))
    @rule()
    def restart_the_operator(self):
        run_id, run = self.open_run
        # Only of a claimed run: an unclaimed launch whose Job was deleted by hand is made again after a restart.
        if run_id is not None and run.get("podName"):
            self.jobs = {name: job for name, job in self.jobs.items() if not job.gone}
            self.look()

    # --- the Job controller and kubelets -------------------------------------------------------------------

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), waiting=st.sampled_from(["", "ErrImagePull", "CreateContainerConfigError"]))
    def start_a_pod(self, data, waiting):
        job = data.draw(st.sampled_from(list(self.jobs.values())))
        name = pod_name(job.launch, job.run_id)
        if job.gone or job.deleting or job.failed_reason or job.complete or name in self.pods:
            return
        phase = "Pending" if waiting else "Running"
        self.pods[name] = make_pod(job.launch, run_id=job.run_id, phase=phase, waiting_reason=waiting)
        self.look()

    @precondition(lambda self: self.pods)
    @rule(
        data=st.data(), death=st.sampled_from(DEATHS), words=st.sampled_from(WORDS), disrupted=st.booleans()
    )
    def end_a_pod(self, data, death, words, disrupted):
        pod = data.draw(st.sampled_from(list(self.pods.values())))
        if pod.over_for_the_run:
            return
        disruption = "EvictionByEvictionAPI" if disrupted else ""
        self.pods[pod.name] = replace(pod, **death, termination_message=words, disruption=disruption)
        self.look()

    @precondition(lambda self: self.pods)
    @rule(data=st.data(), phase=st.sampled_from(["Succeeded", "Failed", "Cancelled", "Running"]))
    def end_a_pod_with_an_outcome(self, data, phase):
        pod = data.draw(st.sampled_from(list(self.pods.values())))
        said = {"run": pod.run_id, "launch": pod.launch, "phase": phase, "endTime": format_time(self.now)}
        if not pod.over_for_the_run:
            self.pods[pod.name] = replace(
                pod, phase="Failed", exit_code=70, termination_message=json.dumps(said)
            )
            self.look()

    @precondition(lambda self: self.pods)
    @rule(data=st.data(), lost=st.booleans())
    def delete_a_pod(self, data, lost):
        pod = data.draw(st.sampled_from(list(self.pods.values())))
        disruption = "DeletionByTaintManager" if lost else pod.disruption
        self.pods[pod.name] = replace(pod, delete_by=self.now, disruption=disruption)
        self.look()

    @precondition(lambda self: self.pods)
    @rule(data=st.data())
    def remove_a_pod(self, data):
        del self.pods[data.draw(st.sampled_from(sorted(self.pods)))]
        self.look()

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), end=st.sampled_from(["complete", "BackoffLimitExceeded", "PodFailurePolicy"]))
    def end_a_job(self, data, end):
        job = data.draw(st.sampled_from(list(self.jobs.values())))
        if not (job.gone or job.failed_reason or job.complete):
            self.jobs[job.name] = (
                replace(job, complete=True) if end == "complete" else replace(job, failed_reason=end)
            )
            self.look()

    @precondition(lambda self: any(job.deleting for job in self.jobs.values()))
    @rule()
    def finish_the_deletion_of_jobs(self):
        for job in [job for job in self.jobs.values() if job.deleting and not job.gone]:
            self.vanish(job)
        self.look()

    # --- runners -------------------------------------------------------------------------------------------

    @property
    def waiting_job(self):
        """The Job of a launch that may be claimed, and has no pod yet."""
        run_id, run = self.open_run
        if run is None or self.spec.get("cancel") or self.spec.get("suspend"):
            return None
        launch = (run_id, run["launch"])
        jobs = [
            j for j in self.jobs.values() if (j.run_id, j.launch) == launch and not (j.gone or j.deleting)
        ]
        if run["phase"] != Phase.LAUNCHING or any((p.run_id, p.launch) == launch for p in self.pods.values()):
            return None
        return next(iter(jobs), None)

    @precondition(lambda self: self.waiting_job)
    @rule()
    def start_and_claim(self):
        pod = make_pod(self.waiting_job.launch, run_id=self.waiting_job.run_id)
        self.pods[pod.name] = pod
        self.let_in(pod)

    def let_in(self, pod):
        run_id, run = self.open_run
        claimed = {
            "podName": pod.name,
            "phase": "Running",
            "startTime": format_time(self.now),
            "attempt": run.get("failedAttempts", 0) + 1,
        }
        self.write({"state": "InProgress", "message": "runs", "runs": {run_id: claimed}})
        self.look()

    @precondition(lambda self: self.pods)
    @rule(data=st.data())
    def claim(self, data):
        pod = data.draw(st.sampled_from(list(self.pods.values())))
        run_id, run = self.open_run
        unwanted = self.spec.get("cancel") or self.spec.get("suspend") or pod.over_for_the_run
        if unwanted or run_id != pod.run_id or run["launch"] != pod.launch or run["phase"] != Phase.LAUNCHING:
            return
        self.let_in(pod)

    @precondition(lambda self: self.open_run[1] and self.open_run[1].get("podName"))
    @rule(phase=st.sampled_from([Phase.SUCCEEDED, Phase.FAILED]))
    def commit(self, phase):
        run_id, _ = self.open_run
        attempt = self.open_run[1].get("failedAttempts", 0) + 1
        outcome = Outcome(phase, format_time(self.now), result={"n": 1}, attempt=attempt)
        self.write(apply_outcome(self.status, run_id, outcome, one_shot=True))
        self.look()

    @precondition(lambda self: self.open_run[1] and self.open_run[1].get("podName"))
    @rule(held=st.booleans())
    def fail_an_attempt(self, held):
        run_id, run = self.open_run
        self.write({"runs": {run_id: self.failed(run, 10 if held else 0)}})
        self.look()

    @precondition(lambda self: self.open_run[1] and self.open_run[1].get("podName") and not self.cancelled)
    @rule(delay=st.sampled_from([0, 31, 1000]))
    def give_the_run_back(self, delay):
        run_id, run = self.open_run
        none = dict.fromkeys(("podName", "readyTime", "startTime", "attempt", "progress"))
        first = run.get("firstStartTime") or run.get("startTime")
        given = {"phase": "Backoff", "firstStartTime": first, **self.failed(run, delay), **none}
        self.write({"runs": {run_id: given}, "message": "attempt failed"})
        self.look()

    @property
    def cancelled(self):
        return bool(self.spec.get("cancel"))

    def failed(self, run, delay):
        attempt = run.get("failedAttempts", 0) + 1
        failure = {"attempt": attempt, "time": format_time(self.now), "type": "ValueError"}
        return {
            "failedAttempts": attempt,
            "failures": [failure, *run.get("failures", [])][:MAX_FAILURES],
            "nextAttemptTime": format_time(self.now + timedelta(seconds=delay)),
        }

    # --- what holds at every moment ------------------------------------------------------------------------

    @invariant()
    def what_is_said_fits_the_spec(self):
        if not self.status:
            return
        conditions = {c["type"]: c["status"] for c in self.status.get("conditions", ())}
        if self.spec.get("suspend") and self.state is State.PENDING:
            # A fault of its template is told before its suspension.
            assert (
                conditions.get(Condition.SUSPENDED) == "True" or conditions.get(Condition.ACCEPTED) == "False"
            )
        if self.state is State.IN_PROGRESS:
            assert self.open_run[0] is not None

    @invariant()
    def a_cancelled_task_has_no_way_but_out(self):
        if self.spec.get("cancel") and self.status:
            assert self.state in TERMINAL_STATES or self.state is State.IN_PROGRESS

    # --- and in the end ------------------------------------------------------------------------------------

    def teardown(self):
        """No run is without end: where pods start, take their runs and succeed, the task is over."""
        incarnations = self.spec.get("incarnation", 0)
        for _ in range(MANY):
            if not self.status or self.state in TERMINAL_STATES:
                return
            fields = {"podTemplate": None} if self.may_edit else {}
            self.edit(suspend=None, **fields)
            self.pods = {name: pod for name, pod in self.pods.items() if not pod.delete_by}
            if any(job.deleting for job in self.jobs.values()):
                self.finish_the_deletion_of_jobs()
            self.end_well()
            self.now += timedelta(seconds=400)
            self.look()
        raise AssertionError(f"a run without end (incarnation {incarnations}): {self.status}")

    def end_well(self):
        """The pod of the open run is started, let in, and succeeds."""
        run_id, run = self.open_run
        job = next(
            (j for j in self.jobs.values() if run and (j.run_id, j.launch) == (run_id, run["launch"])), None
        )
        if job is None or job.gone or job.deleting or run["phase"] == Phase.BACKOFF:
            return
        pod = make_pod(job.launch, run_id=run_id, name=run.get("podName") or pod_name(job.launch, run_id))
        if pod.name in self.pods and self.pods[pod.name].over_for_the_run:
            return
        self.pods[pod.name] = pod
        self.commit_for(run_id, pod)

    def commit_for(self, run_id, pod):
        run = self.status["runs"][run_id]
        if self.spec.get("cancel"):
            self.pods[pod.name] = replace(pod, phase="Failed", exit_code=143)
        else:
            if not run.get("podName"):
                self.write(
                    {"state": "InProgress", "runs": {run_id: {"podName": pod.name, "phase": "Running"}}}
                )
            outcome = Outcome(Phase.SUCCEEDED, format_time(self.now))
            self.write(apply_outcome(self.status, run_id, outcome, one_shot=True))
        self.look()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
