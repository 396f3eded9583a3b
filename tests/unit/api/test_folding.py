"""The run of a series that is over goes from ``runs`` into history and counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evertask.api import protocol
from evertask.api.outcomes import Outcome, apply_outcome, fold_outcome
from evertask.api.protocol import OPEN_PHASES, Phase
from evertask.api.task import HistoryEntry
from evertask.api.times import format_time

DUE = datetime(2026, 12, 25, 10, tzinfo=UTC)
NOW = DUE + timedelta(minutes=5)
END = "2026-12-25T10:00:30Z"
ERROR = {"type": "ValueError", "message": "no such region", "time": END}
COUNTS = {"runs": 5, "succeeded": 2, "failed": 3, "consecutiveFailures": 3, "incarnationRuns": 1, "missed": 1}


def make_run(phase: Phase = Phase.SUCCEEDED, **fields: Any) -> dict[str, Any]:
    run = {
        "scheduledTime": format_time(DUE),
        "launch": 3,
        "phase": str(phase),
        "podName": "pod-a",
        "startTime": "2026-12-25T10:00:00.003Z",
        "endTime": END,
    } | fields
    return {field: value for field, value in run.items() if value is not None}


def fold(run: dict[str, Any], history: Any = (), **status: Any) -> dict[str, Any]:
    return fold_outcome({"runs": {"s1": run}} | status, list(history), "s1", NOW)


def entry_of(run: dict[str, Any], **status: Any) -> dict[str, Any]:
    newest: dict[str, Any] = fold(run, **status)["history"][0]
    return newest


def make_history(length: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"run": f"old-{n}", **fields} for n in range(length)]


def test_the_run_leaves_the_open_runs() -> None:
    assert fold(make_run())["runs"] == {"s1": None}


def test_the_entry_tells_the_run() -> None:
    assert entry_of(make_run()) == {
        "run": "s1",
        "scheduledTime": "2026-12-25T10:00:00Z",
        "startTime": "2026-12-25T10:00:00.003Z",
        "lateness": "3ms",
        "endTime": END,
        "outcome": "Succeeded",
    }


LATENESS: dict[str, tuple[str | None, str | None]] = {
    "on-time": ("2026-12-25T10:00:00Z", "0s"),
    "early-by-the-clock": ("2026-12-25T09:59:59.999Z", "0s"),
    "in-another-zone": ("2026-12-25T11:00:00.000412+01:00", "412us"),
    "hours": ("2026-12-25T12:03:00Z", "2h3m"),
    "beyond-any-duration": ("2999-01-01T00:00:00Z", "87840h"),
    "never-started": (None, None),
    "unreadable": ("2026-12-25T10:00:00+99:00", None),
}


@pytest.mark.parametrize(("start", "lateness"), LATENESS.values(), ids=LATENESS)
def test_lateness_is_a_duration(start: str | None, lateness: str | None) -> None:
    assert entry_of(make_run(startTime=start)).get("lateness") == lateness


def test_a_run_without_an_end_ends_now() -> None:
    change = fold(make_run(endTime=None))

    assert change["history"][0]["endTime"] == change["lastSuccessTime"] == "2026-12-25T10:05:00Z"


MESSAGES: dict[str, tuple[dict[str, Any], str | None]] = {
    "a-failure-has-that-of-its-run": (make_run(Phase.FAILED, message="KeyError: a"), "KeyError: a"),
    "or-else-that-of-the-error": (make_run(Phase.FAILED), "ValueError: no such region"),
    "a-cancelled-run-its-own": (make_run(Phase.CANCELLED, message="replaced"), "replaced"),
    "never-another-runs-error": (make_run(Phase.CANCELLED), None),
    "a-success-needs-none": (make_run(), None),
}


@pytest.mark.parametrize(("run", "message"), MESSAGES.values(), ids=MESSAGES)
def test_the_message_is_that_of_the_run(run: dict[str, Any], message: str | None) -> None:
    assert entry_of(run, error=ERROR).get("message") == message


def test_a_failure_that_nobody_explained_has_no_message() -> None:
    assert "message" not in entry_of(make_run(Phase.FAILED))


def test_the_message_is_bounded() -> None:
    message = entry_of(make_run(Phase.FAILED, message="x" * protocol.MESSAGE_LIMIT))["message"]

    assert len(message) == protocol.HISTORY_MESSAGE_LIMIT


def test_the_history_is_newest_first() -> None:
    assert [entry["run"] for entry in fold(make_run(), make_history(2))["history"]] == [
        "s1",
        "old-0",
        "old-1",
    ]


def test_the_oldest_entry_makes_room() -> None:
    history = fold(make_run(), make_history(protocol.HISTORY_LIMIT))["history"]

    assert len(history) == protocol.HISTORY_LIMIT
    assert history[-1] == {"run": f"old-{protocol.HISTORY_LIMIT - 2}"}


def test_the_history_is_bounded_in_bytes_of_utf_8() -> None:
    wide = make_history(9, message="☃" * 1000)

    history = fold(make_run(), wide)["history"]

    assert len(json.dumps(history, ensure_ascii=False).encode()) <= protocol.HISTORY_BYTES
    assert [entry["run"] for entry in history] == ["s1", "old-0", "old-1", "old-2", "old-3", "old-4"][
        : len(history)
    ]
    assert len(history) == 6


def test_the_newest_entry_always_stays() -> None:
    assert entry_of(make_run(Phase.FAILED, message="☃" * protocol.MESSAGE_LIMIT), error=ERROR)["run"] == "s1"


def test_an_entry_fits_the_schema() -> None:
    longest = make_run(Phase.FAILED, startTime="2034-12-25T09:59:59.999999Z", message="m" * 1024)

    assert HistoryEntry.model_validate(entry_of(longest)).lateness == "70127h59m59s999ms999us"


def test_a_success_counts_and_ends_a_row_of_failures() -> None:
    change = fold(make_run(), counts=COUNTS)

    raised = {"runs": 6, "succeeded": 3, "consecutiveFailures": 0, "incarnationRuns": 2}
    assert change["counts"] == COUNTS | raised
    assert (change["lastSuccessTime"], "lastFailureTime" in change) == (END, False)


def test_a_failure_counts_and_lengthens_the_row() -> None:
    change = fold(make_run(Phase.FAILED), counts=COUNTS)

    raised = {"runs": 6, "failed": 4, "consecutiveFailures": 4, "incarnationRuns": 2}
    assert change["counts"] == COUNTS | raised
    assert (change["lastFailureTime"], "lastSuccessTime" in change) == (END, False)


def test_a_cancelled_run_is_counted_apart() -> None:
    change = fold(make_run(Phase.CANCELLED), counts=COUNTS)

    assert change["counts"] == COUNTS | {"cancelled": 1}
    assert not {"lastSuccessTime", "lastFailureTime"} & set(change)


def test_counting_begins_at_one() -> None:
    assert fold(make_run())["counts"] == {
        "runs": 1,
        "succeeded": 1,
        "consecutiveFailures": 0,
        "incarnationRuns": 1,
    }


@pytest.mark.parametrize("phase", sorted(OPEN_PHASES))
def test_an_open_run_is_not_folded(phase: Phase) -> None:
    with pytest.raises(ValueError, match=f"run s1 is {phase}; only a run that has an outcome"):
        fold(make_run(phase))


def test_what_was_read_is_left_alone() -> None:
    status = {"runs": {"s1": make_run()}, "counts": dict(COUNTS)}
    history = make_history(protocol.HISTORY_LIMIT)

    fold_outcome(status, history, "s1", NOW)

    assert status == {"runs": {"s1": make_run()}, "counts": COUNTS}
    assert len(history) == protocol.HISTORY_LIMIT


def test_an_outcome_of_a_series_can_be_folded() -> None:
    """What the runner writes is what the operator reads."""
    outcome = Outcome(Phase.FAILED, END, error=ERROR, start_time="2026-12-25T10:00:00.25Z")
    written = apply_outcome({}, "s1", outcome, one_shot=False)

    folded = fold(make_run(Phase.RUNNING) | written["runs"]["s1"])["history"][0]

    assert (folded["outcome"], folded["lateness"]) == ("Failed", "250ms")
    assert folded["message"] == "ValueError: no such region"


def test_the_entry_counts_the_attempts_where_there_was_more_than_one() -> None:
    assert entry_of(make_run(attempt=3, failedAttempts=2))["attempts"] == 3
    assert "attempts" not in entry_of(make_run(attempt=1))


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED])
def test_each_attempt_but_the_first_counts_as_a_retry(phase: Phase) -> None:
    assert fold(make_run(phase, attempt=3), counts=COUNTS)["counts"]["retries"] == 2


def test_a_run_that_was_given_back_has_started_in_its_first_pod() -> None:
    run = make_run(startTime="2026-12-25T12:00:00Z", firstStartTime="2026-12-25T10:00:00.003Z")

    entry = entry_of(run)

    assert (entry["startTime"], entry["lateness"]) == ("2026-12-25T10:00:00.003Z", "3ms")
