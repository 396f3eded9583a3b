"""The exit code of waiting for several tasks."""

from __future__ import annotations

import pytest

from evertask.cli.exits import FAILED, NOT_FOUND, TIMEOUT
from evertask.cli.following import Waited, readable
from evertask.views import TaskView, view_of


def view(name: str, state: str) -> TaskView:
    metadata = {"name": name, "uid": name, "namespace": "shop", "creationTimestamp": "2026-11-24T11:00:00Z"}
    return view_of({"metadata": metadata, "spec": {"handler": "a:b"}, "status": {"state": state}})


@pytest.mark.parametrize(
    ("states", "code"),
    [
        pytest.param(["Completed", "Completed"], 0, id="completed"),
        pytest.param(["Completed", "Failed"], FAILED, id="failed"),
        pytest.param(["Cancelled", None], NOT_FOUND, id="gone"),
        pytest.param([None, "Queued"], TIMEOUT, id="unfinished"),
    ],
)
def test_the_worst_decides(states, code):
    waited = Waited([f"t{number}" for number in range(len(states))])
    for name, state in zip(waited.names, states, strict=True):
        waited.note(name, view(name, state) if state else None)
    assert waited.code == code


def test_a_task_that_has_finished_and_then_expires_has_finished():
    waited = Waited(["a"])
    waited.note("a", view("a", "Completed"))
    waited.note("a", None)
    assert (waited.code, waited.gone) == (0, set())


def test_a_line_of_a_log_is_readable_whatever_it_holds():
    assert readable(b"50%\r60% \x1b[31m\xff\r") == "50%\\r60% \\x1b[31m\ufffd"
