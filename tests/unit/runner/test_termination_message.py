"""The copy of the outcome for the kubelet: always complete, never too long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evertask.api.outcomes import Outcome, make_error
from evertask.api.protocol import TERMINATION_MESSAGE_LIMIT, Phase
from evertask_runner.patches import Holder
from evertask_runner.termination_message import build, build_complaint, build_exits, write

HOLDER = Holder("u-1", "s5", 2, "pod-a")


def built(outcome: Outcome) -> dict[str, Any]:
    message = build(outcome, HOLDER)
    assert len(message) <= TERMINATION_MESSAGE_LIMIT
    document: dict[str, Any] = json.loads(message)
    return document


def test_a_success_carries_its_result():
    assert built(Outcome(Phase.SUCCEEDED, "then", result={"é": 1}, attempt=1)) == {
        "run": "s5",
        "launch": 2,
        "phase": "Succeeded",
        "endTime": "then",
        "attempt": 1,
        "result": {"é": 1},
    }


def test_a_result_that_does_not_fit_is_left_out_and_that_is_said():
    document = built(Outcome(Phase.SUCCEEDED, "then", result="x" * 4000, attempt=1))
    assert document["resultOmitted"] is True
    assert "result" not in document


def test_no_result_is_not_an_omitted_one():
    assert "resultOmitted" not in built(Outcome(Phase.SUCCEEDED, "then", attempt=1))


@pytest.mark.parametrize(
    "character", ["x", '"', "é", "\x00", "😀"], ids=["plain", "quote", "two", "six", "four"]
)
def test_a_long_error_fills_the_message_and_keeps_its_innermost_frames(character):
    error = make_error("E", "m", time="then", traceback=character * 8000 + "end")
    document = built(Outcome(Phase.FAILED, "then", error=error, attempt=1))
    assert document["error"]["traceback"].endswith("end")
    assert len(build(Outcome(Phase.FAILED, "then", error=error, attempt=1), HOLDER)) > 3980


def test_a_message_that_alone_is_too_long_is_cut_at_its_end():
    error = make_error("E", "begin" + "\x00" * 2000, time="then", traceback="t" * 100)
    document = built(Outcome(Phase.FAILED, "then", error=error, attempt=1))
    assert document["error"]["message"].startswith("begin")
    assert "traceback" not in document["error"]


def test_a_complaint_is_short_and_is_no_outcome():
    message = build_complaint("\x00" * 5000)
    assert len(message) <= TERMINATION_MESSAGE_LIMIT
    assert list(json.loads(message)) == ["error"]


def test_writing_replaces_what_was_there(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"something longer than the new one")
    write(str(path), b"{}")
    assert path.read_bytes() == b"{}"


def test_a_message_that_cannot_be_written_is_said_and_is_no_error(tmp_path, capfd):
    write(str(tmp_path / "no" / "folder"), b"{}")
    assert "termination message cannot be written" in capfd.readouterr().err


def test_word_of_a_policy_is_no_outcome_and_fits():
    names = [f"{'x' * 250}.E{n}" for n in range(32)]
    message = build_exits(HOLDER, 2, {"limit": 1, "onlyFor": names})
    told = json.loads(message)
    assert "phase" not in told
    assert (told["attempt"], told["exits"]["retry"]) == (2, {"limit": 1, "onlyFor": names[:1]})
    assert len(message) < TERMINATION_MESSAGE_LIMIT
