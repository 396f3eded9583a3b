"""What write 6 sets."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import Phase
from evertask_runner.outcome_changes import outcome_change
from evertask_runner.patches import Holder
from evertask_runner.verdicts import Verdict

HOLDER = Holder("u-1", "s1", 1, "pod-a")
START, END = "2025-01-01T10:00:00Z", "2025-01-01T10:00:05Z"
QUEUED = {"time": "2025-01-01T09:59:59Z", "state": "Queued", "run": "s1"}
ERROR = make_error("ValueError", "bad", time=END)


def change(
    outcome: Outcome, *, only_if_cancelled: bool = False, claimed: str = START, **spec: Any
) -> dict[str, Any]:
    task = {
        "metadata": {"uid": "u-1"},
        "spec": spec,
        "status": {"runs": {"s1": {"startTime": claimed}}, "transitions": [QUEUED]},
    }
    return outcome_change(task, HOLDER, Verdict(outcome, only_if_cancelled), {"childrenCount": 3})


def states(made: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["state"], one["time"]) for one in made["transitions"]]


def test_what_the_run_leaves_goes_into_its_entry():
    assert change(Outcome(Phase.SUCCEEDED, END))["runs"]["s1"]["childrenCount"] == 3


def test_a_one_shot_gets_its_last_transitions_before_those_it_has():
    made = change(Outcome(Phase.SUCCEEDED, END, start_time=START))
    assert states(made) == [("Completed", END), ("InProgress", START), ("Queued", QUEUED["time"])]
    assert "message" not in made["transitions"][0]


def test_a_failure_says_why():
    made = change(Outcome(Phase.FAILED, END, error=ERROR, start_time=START))
    assert made["transitions"][0]["message"] == "ValueError: bad"


@pytest.mark.parametrize(
    ("level", "kept"),
    [("Minimal", ["Failed", "Queued"]), ("ErrorsOnly", ["Failed", "Queued"])],
)
def test_the_audit_level_decides_what_is_kept(level, kept):
    made = change(Outcome(Phase.FAILED, END, error=ERROR, start_time=START), auditLevel=level)
    assert [state for state, _ in states(made)] == kept


def test_where_nothing_is_kept_the_field_is_not_written():
    assert "transitions" not in change(Outcome(Phase.SUCCEEDED, END), auditLevel="None")


def test_a_series_run_leaves_transitions_to_the_operator():
    assert "transitions" not in change(Outcome(Phase.SUCCEEDED, END), recurrence={"every": "1h"})


def test_a_run_that_was_cancelled_before_its_time_was_in_progress_until_then():
    later = "2025-01-01T10:00:05.25Z"
    made = change(Outcome(Phase.CANCELLED, END), only_if_cancelled=True, claimed=later)
    assert states(made)[:2] == [("Cancelled", END), ("InProgress", END)]
    assert made["runs"]["s1"]["startTime"] is None
