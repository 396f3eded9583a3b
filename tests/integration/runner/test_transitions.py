"""The last changes of a one-shot's state come with its outcome."""

from __future__ import annotations

import pytest

from tests.support.runner_pods import RUN

QUEUED = {"time": "2025-01-01T10:00:00Z", "state": "Queued", "run": RUN}


def transitions_after(launched, pod, handler: str, **spec):
    task = launched(handler, **spec)
    assert task.patch_status({"transitions": [QUEUED]}).status == 200
    with pod(task) as runner:
        assert runner.wait(30) == 0, runner.log
    return task.get()["status"]


def test_a_success_adds_start_and_end(launched, pod):
    status = transitions_after(launched, pod, "work:nothing")
    run = status["runs"][RUN]
    assert status["transitions"] == [
        {"time": run["endTime"], "state": "Completed", "run": RUN},
        {"time": run["startTime"], "state": "InProgress", "run": RUN},
        QUEUED,
    ]


@pytest.mark.parametrize(
    ("level", "states"),
    [
        ("Full", ["Failed", "InProgress", "Queued"]),
        ("ErrorsOnly", ["Failed", "Queued"]),
        ("None", ["Queued"]),
    ],
)
def test_the_level_says_which_are_kept(launched, pod, level, states):
    status = transitions_after(launched, pod, "work:fail", auditLevel=level)
    assert [one["state"] for one in status["transitions"]] == states


def test_a_failure_says_why(launched, pod):
    status = transitions_after(launched, pod, "work:fail", retry={"limit": 0})
    assert status["transitions"][0]["message"] == "ValueError: no such order"
