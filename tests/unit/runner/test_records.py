"""What a run leaves besides its outcome."""

from __future__ import annotations

from typing import Any

from evertask_runner.records import RunRecord


def record(*messages: dict[str, Any]) -> RunRecord:
    made = RunRecord(lambda _: None)
    for message in messages:
        assert made.take(message)
    return made


def dispatched(name: str) -> dict[str, Any]:
    return {"kind": "dispatched", "name": name}


def test_a_run_that_left_nothing_has_no_fields():
    assert record().fields() == {}


def test_a_child_counts_once_however_often_it_is_told():
    fields = record(dispatched("a"), dispatched("b"), dispatched("a")).fields()
    assert fields == {"children": ["a", "b"], "childrenCount": 2}


def test_the_first_32_children_are_named_and_all_are_counted():
    fields = record(*(dispatched(f"task-{number}") for number in range(40))).fields()
    assert fields["children"] == [f"task-{number}" for number in range(32)]
    assert fields["childrenCount"] == 40


def test_four_errors_of_callbacks_are_kept_each_within_its_bound():
    error = {"kind": "callbackError", "callback": "on_started", "message": "x" * 600}
    errors = record(*[error] * 5).fields()["callbackErrors"]
    assert len(errors) == 4
    assert len(errors[0]["message"]) == 512


def test_progress_is_passed_on():
    reported: list[object] = []
    assert RunRecord(reported.append).take({"kind": "progress", "progress": {"percent": 1}})
    assert reported == [{"percent": 1}]


def test_a_message_about_the_outcome_is_left_to_others():
    assert not RunRecord(lambda _: None).take({"kind": "succeeded", "result": 1})


def test_what_another_pod_has_left_is_the_runs_too():
    left = {
        "children": ["a"],
        "childrenCount": 40,
        "callbackErrors": [{"callback": "on_started", "message": "x"}],
    }
    record = RunRecord(lambda _: None, left)
    record.take({"kind": "dispatched", "name": "b"})
    assert record.fields() == left | {"children": ["a", "b"]}
