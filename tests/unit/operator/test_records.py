"""Records: what the operator keeps of the API's objects."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from evertask.api import protocol
from evertask.api.protocol import State
from evertask_operator.records import Parent, TaskUid, read_job, read_pod, read_task
from tests.support.situations import CREATED, instant

LABELS = {protocol.LABEL_TASK_UID: "u", protocol.LABEL_RUN: "s1", protocol.LABEL_LAUNCH: "3"}


def raw(*, labels=LABELS, status=None, **meta):
    return {
        "metadata": {
            "namespace": "shop",
            "name": "et-u-s1-3",
            "uid": "x",
            "resourceVersion": "17",
            "creationTimestamp": instant(),
            "labels": labels,
            "annotations": {protocol.ANNOTATION_TASK_NAME: "report", protocol.ANNOTATION_TEMPLATE: "abc"},
            **meta,
        },
        "status": status or {},
    }


# --- tasks -------------------------------------------------------------------------------------------------


def test_a_task_is_kept_without_payload_and_result():
    task = read_task(
        raw(generation=4)
        | {
            "spec": {"handler": "a:b", "payload": {"big": "x"}},
            "status": {"state": "Completed", "result": {"big": "x"}},
        }
    )
    assert (task.key, task.version, task.generation) == (("shop", "et-u-s1-3"), 17, 4)
    assert (task.spec, task.status) == ({"handler": "a:b"}, {"state": "Completed"})
    assert (task.created, task.finished, task.deleting) == (CREATED, True, False)
    assert str(task.key) == "shop/et-u-s1-3"


def test_an_error_is_kept_without_its_traceback_and_its_log():
    error = {"type": "ValueError", "message": "no such report", "attempt": 2}
    task = read_task(
        raw(status={"error": {**error, "traceback": "deep in the shop", "logTail": "last words"}})
    )
    assert task.status == {"error": error}


ERROR = {"type": "ValueError", "traceback": "x" * 9000 + " the innermost frame", "logTail": "last words"}
FAILED_RUN = {"phase": "Failed", "scheduledTime": instant()}


def error_of(spec, *runs):
    status = {"error": ERROR, "runs": {f"s{number}": run for number, run in enumerate(runs)}}
    return read_task(raw(status=status) | {"spec": spec}).status["error"]


def test_a_failed_run_of_a_series_keeps_its_traceback_until_it_is_folded():
    error = error_of({"recurrence": {}}, FAILED_RUN)
    assert len(error["traceback"]) == protocol.HISTORY_TRACEBACK_LIMIT
    assert error["traceback"].endswith(" the innermost frame")
    assert "logTail" not in error


@pytest.mark.parametrize(
    ("spec", "runs"),
    [
        ({}, [FAILED_RUN]),
        ({"recurrence": {}}, []),
        ({"recurrence": {}}, [{**FAILED_RUN, "phase": "Running"}, {**FAILED_RUN, "phase": "Succeeded"}]),
    ],
    ids=["one-shot", "folded", "no-failed-run"],
)
def test_no_other_task_keeps_a_traceback(spec, runs):
    assert error_of(spec, *runs) == {"type": "ValueError"}


def test_the_changes_of_the_state_are_kept_as_text_beside_the_status():
    entries = [{"time": instant(), "state": "Queued", "run": "s1"}]
    task = read_task(raw(status={"transitions": entries}))
    assert task.transition_entries == entries
    assert (task.status, task.transitions[:1]) == ({}, b"[")
    assert read_task(raw()).transition_entries == []


PARENT = {"labels": {protocol.LABEL_PARENT_UID: "p"}, "annotations": {protocol.ANNOTATION_PARENT_RUN: "s1"}}


@pytest.mark.parametrize(
    ("meta", "parent"),
    [
        (PARENT, Parent(TaskUid("p"), "s1")),
        (PARENT | {"annotations": None}, Parent(TaskUid("p"), "")),
        (PARENT | {"labels": None}, None),
        (PARENT | {"labels": {protocol.LABEL_PARENT_UID: ""}}, None),
    ],
    ids=["child", "child-of-no-run", "no-labels", "no-uid"],
)
def test_a_task_bears_the_run_that_dispatched_it(meta, parent):
    assert read_task(raw(**meta)).parent == parent


@pytest.mark.parametrize(("run", "runs"), [({"podName": "p"}, True), ({}, False), (None, False)])
def test_a_task_runs_from_the_claim_on(run, runs):
    status = {"runs": {"s1": {"phase": "Running", **run}}} if run is not None else {}
    assert read_task(raw(status=status)).runs_now is runs


def test_the_history_is_kept_as_text_beside_the_status():
    entries = [
        {"run": "s2", "outcome": "Failed", "message": "größer als 5 €"},
        {"run": "s1", "outcome": "Succeeded"},
    ]
    task = read_task(raw(status={"history": entries}))
    assert task.history_entries == entries
    assert b'"s2","outcome"' in task.history
    assert "history" not in task.status
    assert "5 €" not in repr(task)


def test_who_changes_the_entries_of_a_history_does_not_change_the_record():
    task = read_task(raw(status={"history": [{"run": "s1"}]}))
    task.history_entries[0]["run"] = "s2"
    assert task.history_entries == [{"run": "s1"}]


@pytest.mark.parametrize("status", [{}, {"history": []}, {"history": None}], ids=str)
def test_a_task_without_a_history_has_no_entries(status):
    assert read_task(raw(status=status)).history_entries == []


def test_a_task_without_a_status_is_pending():
    task = read_task(raw())
    assert task.state is State.PENDING
    assert task.open_runs == {}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Cancelled"])
def test_a_run_with_an_outcome_is_not_open(phase):
    task = read_task(raw(status={"runs": {"s1": {"phase": phase}, "s2": {"phase": "Running"}}}))
    assert list(task.open_runs) == ["s2"]


def test_a_task_that_is_being_deleted_is_known_as_such():
    assert read_task(raw(deletionTimestamp=instant())).deleting


# --- Jobs --------------------------------------------------------------------------------------------------

FOREIGN = [
    pytest.param({}, id="no-labels"),
    pytest.param(None, id="labels-null"),
    pytest.param({**LABELS, protocol.LABEL_LAUNCH: "first"}, id="launch-in-words"),
    pytest.param({protocol.LABEL_RUN: "s1", protocol.LABEL_LAUNCH: "3"}, id="no-task"),
    pytest.param({protocol.LABEL_TASK_UID: "u", protocol.LABEL_LAUNCH: "3"}, id="no-run"),
]


@pytest.mark.parametrize("labels", FOREIGN)
def test_what_is_not_ours_is_no_record(labels):
    assert read_job(raw(labels=labels)) is None
    assert read_pod(raw(labels=labels)) is None


def job(*conditions, **meta):
    found = read_job(raw(status={"conditions": list(conditions)}, **meta))
    assert found is not None
    return found


def test_a_job_bears_its_launch():
    found = job()
    assert (found.task_uid, found.task_name, found.run_id, found.launch) == ("u", "report", "s1", 3)
    assert (found.template, found.version, found.deleting) == ("abc", 17, False)
    assert job(deletionTimestamp=instant()).deleting


@pytest.mark.parametrize(
    ("condition", "complete"),
    [
        ({"type": "Complete", "status": "True"}, True),
        ({"type": "SuccessCriteriaMet", "status": "True"}, True),
        ({"type": "Complete", "status": "False"}, False),
        ({"type": "Suspended", "status": "True"}, False),
    ],
    ids=str,
)
def test_a_job_is_complete(condition, complete):
    assert job(condition).complete is complete


@pytest.mark.parametrize("type_", ["Failed", "FailureTarget"])
def test_a_failed_job_says_why(type_):
    found = job({"type": type_, "status": "True", "reason": "PodFailurePolicy", "message": "evicted"})
    assert (found.failed_reason, found.failed_message) == ("PodFailurePolicy", "evicted")


def test_a_failed_job_without_a_reason_has_failed_all_the_same():
    assert job({"type": "Failed", "status": "True"}).failed_reason == "Failed"


# --- pods --------------------------------------------------------------------------------------------------


def pod(status=None, **meta):
    found = read_pod(raw(status=status, **meta))
    assert found is not None
    return found


def containers(**state):
    return {
        "containerStatuses": [{"name": "log", "state": {"running": {}}}, {"name": "runner", "state": state}]
    }


def test_a_pod_without_a_status_is_pending():
    assert (pod().phase, pod().ended, pod().over_for_the_run) == ("Pending", False, False)


@pytest.mark.parametrize(
    ("phase", "ended"), [("Pending", False), ("Running", False), ("Succeeded", True), ("Failed", True)]
)
def test_a_pod_has_ended(phase, ended):
    assert pod({"phase": phase}).ended is ended


def test_the_end_of_the_runner_is_kept():
    terminated = {"exitCode": 137, "reason": "OOMKilled", "message": "last words"}
    found = pod({"phase": "Running", **containers(terminated=terminated)})
    assert (found.exit_code, found.exit_reason, found.termination_message) == (137, "OOMKilled", "last words")
    assert (found.runner_ended, found.ended, found.over_for_the_run) == (True, False, True)


def test_the_termination_message_is_not_in_the_logs():
    assert "last words" not in repr(pod(containers(terminated={"exitCode": 1, "message": "last words"})))


def test_the_end_of_another_container_is_not_the_runners():
    status = {"containerStatuses": [{"name": "log", "state": {"terminated": {"exitCode": 1}}}]}
    assert (pod(status).exit_code, pod(status).runner_ended) == (None, False)


def test_a_waiting_container_says_why():
    found = pod(containers(waiting={"reason": "ErrImagePull", "message": "no such image"}))
    assert (found.waiting_reason, found.waiting_message) == ("ErrImagePull", "no such image")


@pytest.mark.parametrize(
    ("state", "reason", "exit_code"),
    [
        ({"waiting": {"reason": "ImagePullBackOff"}}, "ImagePullBackOff", None),
        ({"terminated": {"exitCode": 3}}, "", 3),
        ({"terminated": {"exitCode": 0}}, "PodInitializing", None),
        ({"running": {}}, "PodInitializing", None),
    ],
    ids=["waits", "failed", "done", "runs"],
)
def test_an_init_container_that_is_stuck_speaks_for_the_pod(state, reason, exit_code):
    status = containers(waiting={"reason": "PodInitializing"}) | {
        "initContainerStatuses": [{"name": "i", "state": state}]
    }
    assert (pod(status).waiting_reason, pod(status).exit_code) == (reason, exit_code)
    assert not pod(status).runner_ended


@pytest.mark.parametrize(
    ("state", "running", "failed"),
    [
        ({"running": {}}, "i", ""),
        ({"terminated": {"exitCode": 3}}, "", "i"),
        ({"terminated": {"exitCode": 0}}, "", ""),
        ({"waiting": {"reason": "ErrImagePull"}}, "", ""),
    ],
    ids=["runs", "failed", "done", "waits"],
)
def test_an_init_container_is_named(state, running, failed):
    status = containers(waiting={"reason": "PodInitializing"}) | {
        "initContainerStatuses": [{"name": "i", "state": state}]
    }
    assert (pod(status).init_running, pod(status).init_failed) == (running, failed)


@pytest.mark.parametrize(
    ("started", "named"), [(True, ""), (False, "proxy")], ids=["started", "its-startup-probe-fails"]
)
def test_a_sidecar_is_waited_for_until_it_was_started(started, named):
    init = {"name": "proxy", "state": {"running": {}}, "started": started}
    status = containers(waiting={"reason": "PodInitializing"}) | {"initContainerStatuses": [init]}
    made = raw(status=status)
    made["spec"] = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
    pod = read_pod(made)
    assert pod is not None
    assert pod.init_running == named


@pytest.mark.parametrize("state", ["running", "terminated"])
def test_what_becomes_of_a_sidecar_once_the_handler_runs_is_not_the_handlers(state):
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "a sidecar's"}}
    runner = {state: {"exitCode": 0, "message": "the runner's"} if state == "terminated" else {}}
    found = pod(containers(**runner) | {"initContainerStatuses": [{"name": "proxy", "state": ended}]})
    assert (found.init_failed, found.exit_reason) == ("", "")
    assert found.termination_message == ("the runner's" if state == "terminated" else "")


@pytest.mark.parametrize(
    ("ready", "deleted", "since"),
    [("False", True, True), ("True", True, False), ("False", False, False)],
    ids=["unready-and-to-go", "ready", "not-to-go"],
)
def test_of_a_pod_that_is_to_go_is_known_since_when_it_is_not_ready(ready, deleted, since):
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-24T12:00:40Z"}
    meta = {"deletionTimestamp": "2026-11-24T12:00:30Z"} if deleted else {}
    expected = datetime(2026, 11, 24, 12, 0, 40, tzinfo=UTC) if since else None
    assert pod({"conditions": [condition]}, **meta).unready_since == expected


@pytest.mark.parametrize(("value", "reason"), [("True", "EvictionByEvictionAPI"), ("False", "")])
def test_a_disruption_is_kept(value, reason):
    condition = {"type": "DisruptionTarget", "status": value, "reason": "EvictionByEvictionAPI"}
    assert pod({"conditions": [condition]}).disruption == reason


@pytest.mark.parametrize(("value", "message"), [("False", "no node"), ("True", "")])
def test_a_pod_that_no_node_takes_says_why(value, message):
    assert (
        pod({"conditions": [{"type": "PodScheduled", "status": value, "message": "no node"}]}).unschedulable
        == message
    )


def test_a_pod_that_is_being_deleted_has_a_deadline():
    assert pod(deletionTimestamp="2026-11-24T12:00:30Z").delete_by == datetime(
        2026, 11, 24, 12, 0, 30, tzinfo=UTC
    )
