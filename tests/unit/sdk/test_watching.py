"""What is told of tasks, from lists and events: nothing twice, no end missed."""

from __future__ import annotations

from typing import Any

import pytest

from evertask import State
from evertask.connection.watches import WatchEvent
from evertask.filters import Filters, filters_of
from evertask.watching import Told


def item(name: str, version: int, state: str | None = None, uid: str = "1") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "uid": uid,
            "namespace": "shop",
            "resourceVersion": str(version),
            "creationTimestamp": "2026-03-01T12:00:00Z",
        },
        "spec": {"handler": "a:b"},
        "status": {"state": state} if state else {},
    }


def said(events: list[Any]) -> list[tuple[str, str, str]]:
    return [(event.kind, event.view.name, str(event.view.state)) for event in events]


@pytest.fixture
def told() -> Told:
    """Someone who was told of the tasks a and b."""
    told = Told(Filters())
    told.compare([item("a", 1), item("b", 2)])
    return told


def test_the_first_list_is_added():
    events = Told(Filters()).compare([item("a", 1), item("b", 2, "Queued")])
    assert said(events) == [("added", "a", "Pending"), ("added", "b", "Queued")]


def test_after_a_gap_only_what_differs_is_told(told):
    events = told.compare([item("b", 5, "Completed"), item("c", 4)])
    assert said(events) == [
        ("removed", "a", "Pending"),
        ("changed", "b", "Completed"),
        ("added", "c", "Pending"),
    ]
    assert told.compare([item("b", 5, "Completed"), item("c", 4)]) == []


def test_a_task_that_was_deleted_and_made_again_is_another(told):
    events = told.compare([item("a", 9, uid="2"), item("b", 2)])
    assert said(events) == [("removed", "a", "Pending"), ("added", "a", "Pending")]


@pytest.mark.parametrize(
    ("kind", "object_", "events"),
    [
        pytest.param("ADDED", item("c", 3), [("added", "c", "Pending")], id="added"),
        pytest.param("ADDED", item("a", 1), [], id="known-already"),
        pytest.param("MODIFIED", item("a", 3, "Failed"), [("changed", "a", "Failed")], id="changed"),
        pytest.param("DELETED", item("a", 3, "Failed"), [("removed", "a", "Failed")], id="last-state"),
        pytest.param("DELETED", item("z", 3), [], id="never-told"),
    ],
)
def test_what_an_event_tells(told, kind, object_, events):
    assert said(told.take(WatchEvent(kind, object_))) == events


def test_a_task_in_another_state_is_removed_as_it_was_last_seen():
    told = Told(filters_of(state=State.IN_PROGRESS))
    assert said(told.compare([item("a", 1, "InProgress"), item("b", 1, "Queued")])) == [
        ("added", "a", "InProgress")
    ]
    left = ("removed", "a", "InProgress")
    assert said(told.take(WatchEvent("MODIFIED", item("a", 2, "Completed")))) == [left]
    assert said(told.take(WatchEvent("MODIFIED", item("a", 3, "InProgress")))) == [
        ("added", "a", "InProgress")
    ]
    assert said(told.take(WatchEvent("DELETED", item("a", 4, "Completed")))) == [left]
