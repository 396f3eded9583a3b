"""A task as rows: of a list, of its history, of its family; and at length."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from evertask.cli import histories, trees
from evertask.cli.descriptions import describe
from evertask.cli.rows import message_of, row, state_of
from evertask.views import TaskView, view_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RUN = {"scheduledTime": "2026-11-24T11:00:00Z", "launch": 1, "phase": "Running"}

FAILURE = {
    "attempt": 1,
    "time": "2026-11-24T11:00:05Z",
    "type": "OSError",
    "message": "no\x1broute",
    "delay": "1m30s",
}
WAITING = {
    **RUN,
    "attempt": 1,
    "failedAttempts": 1,
    "failures": [FAILURE],
    "startTime": "2026-11-24T11:59:00Z",
    "nextAttemptTime": "2026-11-24T12:01:30Z",
}
GIVEN_BACK = {
    **RUN,
    "phase": "Backoff",
    "firstStartTime": "2026-11-24T11:00:00Z",
    "failedAttempts": 3,
    "failures": [{**FAILURE, "attempt": 3, "delay": "2h"}],
    "nextAttemptTime": "2026-11-24T13:00:00Z",
}
SECOND_ATTEMPT = {**RUN, "attempt": 2, "failedAttempts": 1, "failures": [FAILURE]}


def view(
    status: dict[str, Any] | None = None, name: str = "a", parent: str | None = None, **spec: Any
) -> TaskView:
    labels = {"evertask.io/parent-uid": f"uid-{parent}"} if parent else {}
    annotations = {"evertask.io/parent-name": parent} if parent else {}
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "creationTimestamp": "2026-11-24T11:30:00Z",
        "labels": labels,
        "annotations": annotations,
    }
    return view_of({"metadata": metadata, "spec": {"handler": "a:b", **spec}, "status": status or {}})


def condition(kind: str, status: str, message: str = "why") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": "Because", "message": message}


@pytest.mark.parametrize(
    ("status", "spec", "state"),
    [
        pytest.param({}, {}, "Pending", id="nobody-has-seen-it"),
        pytest.param({"state": "InProgress", "runs": {"s1": RUN}}, {}, "InProgress", id="no-progress"),
        pytest.param(
            {"state": "InProgress", "runs": {"s1": {**RUN, "progress": {"percent": 0}}}},
            {},
            "InProgress (0%)",
            id="percent",
        ),
        pytest.param(
            {"state": "InProgress", "runs": {"s1": WAITING}},
            {},
            "InProgress (waits for attempt 2)",
            id="waits-for-an-attempt",
        ),
        pytest.param(
            {"state": "InProgress", "runs": {"s1": GIVEN_BACK}},
            {},
            "InProgress (waits for attempt 4)",
            id="waits-without-a-pod",
        ),
        pytest.param(
            {"state": "InProgress", "runs": {"s1": {**SECOND_ATTEMPT, "progress": {"percent": 5}}}},
            {},
            "InProgress (attempt 2, 5%)",
            id="second-attempt",
        ),
        pytest.param(
            {"state": "InProgress", "runs": {"s1": {**RUN, "attempt": 1}}},
            {},
            "InProgress",
            id="first-attempt",
        ),
        pytest.param({"state": "InProgress"}, {"cancel": True}, "InProgress (cancelling)", id="cancelling"),
        pytest.param({"state": "Pending"}, {"suspend": True}, "Pending (suspended)", id="suspended"),
        pytest.param({"state": "InProgress"}, {"suspend": True}, "InProgress", id="a-run-goes-on"),
        pytest.param(
            {"state": "Pending", "conditions": [condition("Accepted", "False")]},
            {},
            "Pending (not accepted)",
            id="not-accepted",
        ),
        pytest.param({"state": "Cancelled"}, {"cancel": True}, "Cancelled", id="finished"),
    ],
)
def test_the_state_has_what_a_person_should_know_beside_it(status, spec, state):
    assert state_of(view(status, **spec)) == state


def test_a_row_has_its_ages():
    made = view({"nextRunTime": "2026-11-24T12:20:00Z", "lastRunTime": "2026-11-24T11:59:30Z"})
    assert row(made, NOW, wide=False, namespaces=True) == [
        "shop",
        "a",
        "Pending",
        "a:b",
        "in 20m",
        "30s",
        "30m",
    ]


def test_a_wide_row_has_key_queue_schedule_and_counts():
    counts = {"runs": 7, "failed": 2, "retries": 9}
    status = {"schedule": "every 1h", "counts": counts, "message": "x" * 100, "runs": {"s1": SECOND_ATTEMPT}}
    made = view(status, taskKey="daily", queue="emails")
    *cells, message = row(made, NOW, wide=True, namespaces=False)[6:]
    assert cells == ["daily", "emails", "every 1h", "2", "7", "2", "9"]
    assert (len(message), message[-1]) == (80, "…")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param(
            {"state": "Failed", "error": {"type": "KeyError", "message": "'a'"}}, "KeyError: 'a'", id="error"
        ),
        pytest.param(
            {"conditions": [condition("Accepted", "False", "no zone")], "message": "x"},
            "no zone",
            id="refusal",
        ),
        pytest.param({"message": "waits"}, "waits", id="message"),
        pytest.param(
            {"state": "InProgress", "runs": {"s1": WAITING}},
            "until 2026-11-24T12:01:30Z after OSError: no\x1broute",
            id="waits-for-an-attempt",
        ),
        pytest.param(
            {"state": "InProgress", "runs": {"s1": {**WAITING, "failures": None}}},
            "until 2026-11-24T12:01:30Z",
            id="waits-for-an-attempt-and-does-not-say-why",
        ),
        pytest.param({"state": "Failed", "runs": {"s1": WAITING}}, None, id="finished"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_most_telling_sentence(status, message):
    assert message_of(view(status)) == message


def test_open_runs_come_before_past_ones():
    status = {
        "runs": {
            "s2": {**RUN, "startTime": "2026-11-24T11:58:00Z", "progress": {"percent": 30, "message": "rows"}}
        },
        "history": [{"run": "s1", "outcome": "Succeeded"}],
    }
    first, second = histories.run_rows(view(status), NOW)
    assert (first[0], first[3], first[6], first[7]) == ("s2", "2m so far", "Running", "30% rows")
    assert (second[0], second[6]) == ("s1", "Succeeded")


def test_the_history_shows_attempts_and_what_an_open_run_waits_for():
    past = {"run": "s0", "outcome": "Failed", "attempts": 4}
    made = view({"runs": {"s1": GIVEN_BACK, "s2": {**SECOND_ATTEMPT, "launch": 2}}, "history": [past]})
    running, waiting, over = histories.run_rows(made, NOW)
    assert [cells[5] for cells in (running, waiting, over)] == ["2", "3", "4"]
    assert waiting[2:4] == ["2026-11-24T11:00:00Z", "1h so far"]
    assert waiting[6:] == ["Backoff", "next attempt 2026-11-24T13:00:00Z; OSError: no\\x1broute"]


def test_a_run_that_is_folded_already_is_there_once():
    status = {"runs": {"s1": RUN}, "history": [{"run": "s1", "outcome": "Failed"}]}
    assert [run["outcome"] for run in histories.runs_of(view(status))] == ["Failed"]


def test_a_past_run_tells_its_error_and_what_its_callbacks_raised():
    entry = {
        "run": "s1",
        "outcome": "Failed",
        "message": "'a'",
        "error": {"type": "KeyError"},
        "callbackErrors": [{"callback": "on_error", "message": "OSError: disk"}],
    }
    (cells,) = histories.run_rows(view({"history": [entry]}), NOW)
    assert cells[7] == "KeyError: 'a'; on_error raised OSError: disk"


def test_a_description_leaves_out_what_there_is_not():
    told = describe(view(), NOW, children=[], events=[])
    for absent in ("Result", "Error", "Conditions", "Runs", "Events", "Children", "None", "ttempt", "retry"):
        assert absent not in told


def test_a_description_says_where_events_may_not_be_read():
    assert "Events: not shown" in describe(view(), NOW, children=[], events=None)


def test_a_description_has_the_failed_attempts_and_the_policy():
    retry = {"delays": ["1s", "5m"], "onlyFor": ["OSError"], "onExit": {"action": "Fail", "codes": [2, 3]}}
    made = view(
        {"state": "InProgress", "runs": {"s1": WAITING}}, retry=retry, runTimeout="1h", fenceAfter="15s"
    )
    told = describe(made, NOW, children=[], events=[])
    for said in (
        "s1    1         2026-11-24T11:00:05Z   1m30s   OSError: no\\x1broute",
        "2026-11-24T12:01:30Z (in 1m30s)",
        "delays 1s 5m, onlyFor OSError, onExit Fail 2 3",
        "runTimeout:     1h",
        "fenceAfter:     15s",
    ):
        assert said in told


def test_an_empty_policy_is_the_default_one():
    assert "as by default" in describe(view(retry={}), NOW, children=[], events=[])


def test_a_description_has_children_payload_and_times():
    made = view({"nextRunTime": "2026-11-24T12:20:00Z"}, payload={"region": "eu"})
    told = describe(made, NOW, children=[view(name="child")], events=[])
    assert "2026-11-24T12:20:00Z (in 20m)" in told
    assert '"region": "eu"' in told
    assert "child   Pending   a:b" in told


def test_a_description_cuts_a_long_payload():
    told = describe(view(payload={"rows": list(range(100))}), NOW, children=[], events=[])
    assert "more lines: evertask get NAME -o yaml" in told


def test_repeated_events_are_counted():
    event = {
        "metadata": {"creationTimestamp": "2026-11-24T11:00:00Z"},
        "type": "Warning",
        "reason": "Failed",
        "message": "boom",
        "series": {"count": 5, "lastObservedTime": "2026-11-24T11:59:00Z"},
    }
    assert "1m (x5)" in describe(view(), NOW, children=[], events=[event])


async def test_a_family_that_goes_in_circles_ends():
    a, b = view(name="a", parent="b"), view(name="b", parent="a")

    async def read(name: str) -> TaskView | None:
        return {"a": a, "b": b}[name]

    found, ended = await trees.ancestors(a, read)
    assert ([one.name for one in found], ended) == (["b"], "a has more parents than are shown")


async def test_descendants_that_go_in_circles_are_shown_once():
    a, b = view(name="a", parent="b"), view(name="b", parent="a")

    async def children_of(uids, limit) -> list[TaskView]:
        return [each for each in (a, b) if trees.parent_uid_of(each) in uids][:limit]

    tree, cut = await trees.descendants(a, children_of, depth=5, limit=10)
    assert ([each.name for each in trees.views(tree)], cut) == (["a", "b"], "")


def test_branches_can_be_plain_characters():
    tree = trees.Tree(view(name="a"), (trees.Tree(view(name="b")), trees.Tree(view(name="c"))))
    assert [cells[0] for cells in trees.rows(tree, ascii_only=True)] == ["a", "|- b", "`- c"]
