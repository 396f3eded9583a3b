"""A handler that means harm harms its own run: the run ends with a bounded error, the operator and other tasks go on.

Each case runs in a real runner, under a real operator; a well-behaved task beside it must succeed afterwards.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from evertask.api.protocol import State

STATUS_BYTES = 128 * 1024
"""More than any status may be."""

MISNAMED = ("?$(X)" * 1000)[:255] + "…"


@pytest.fixture
def operator(stage):
    return stage.operator()


def outcome_of(stage: Any, handler: str, **spec: Any) -> dict[str, Any]:
    """Run a hostile task and give its status; then see that the operator still serves others."""
    task = stage.task("hostile", handler=f"hostile:{handler}", retry={"limit": 0}, **spec)
    status: dict[str, Any] = task.until_finished(90)
    assert len(json.dumps(status)) < STATUS_BYTES
    stage.task("neighbour", handler="work:echo", payload={"a": 1}).until_state(State.COMPLETED)
    return status


@pytest.mark.parametrize(
    ("handler", "spec", "type_", "part"),
    [
        ("flood_of_results", {}, "ResultTooLarge", "store it elsewhere"),
        ("many_results", {}, "ResultTooLarge", "store it elsewhere"),
        ("odd_objects", {}, "HandlerProcessDied", ""),
        ("raise_hostile", {"payload": {"how": "recurse"}}, "hostile.HostileError", "RecursionError"),
        ("raise_hostile", {"payload": {"how": "exit"}}, "hostile.HostileError", "SystemExit"),
        ("raise_hostile", {"payload": {"how": "interrupt"}}, "hostile.HostileError", "KeyboardInterrupt"),
        ("raise_hostile", {"payload": {"how": "large"}}, "hostile.HostileError", "yyy"),
        ("raise_hostile", {"payload": {"how": "number"}}, "hostile.HostileError", "TypeError"),
        ("raise_hostile", {"payload": {"how": "surrogate"}}, "hostile.HostileError", "?"),
        (
            "raise_hostile",
            {"payload": {"how": "format"}},
            "hostile.HostileError",
            "$(HOME) {0} {{ .Values }} %s %n",
        ),
        (
            "raise_hostile",
            {"payload": {"how": "hang"}, "timeout": "1s", "gracePeriod": "1s"},
            "TimeoutError",
            "was killed",
        ),
        ("raise_misnamed", {}, MISNAMED, "x"),
        ("raise_group", {}, "RuntimeError", "4999"),
        ("recurse", {}, "RecursionError", "maximum recursion depth"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
def test_a_hostile_end_is_an_error_of_its_own_run(stage, kubelet, operator, handler, spec, type_, part):
    status = outcome_of(stage, handler, **spec)
    assert status["state"] == State.FAILED, status
    assert status["error"]["type"] == type_
    assert part in status["error"]["message"]
    assert operator.metric("evertask_reconcile_errors_total") == 0


def test_a_flood_of_progress_costs_few_writes(stage, kubelet, operator):
    began = time.monotonic()
    status = outcome_of(stage, "flood_of_progress")
    assert status["state"] == State.COMPLETED, status
    (run,) = status["runs"].values()
    assert run["progress"]["message"] == "step 99999"
    task = stage.admin(
        "GET", f"/apis/evertask.io/v1alpha1/namespaces/{stage.namespace}/evertasks/hostile"
    ).body
    writes = [one for one in task["metadata"]["managedFields"] if one.get("subresource") == "status"]
    assert len(writes) < 5 + (time.monotonic() - began)


def test_a_flood_of_output_reaches_no_status(stage, kubelet, operator):
    status = outcome_of(stage, "flood_of_lines")
    assert status["state"] == State.COMPLETED
    assert "xxxx" not in json.dumps(status)
    assert "xxxx" not in operator.log


def test_what_was_forked_ends_with_the_run(stage, kubelet, operator):
    assert outcome_of(stage, "fork_many")["state"] == State.COMPLETED
    groups = [one.read_bytes() for one in Path("/proc").glob("[0-9]*/environ") if _is_readable(one)]
    mark = f"EVERTASK_TASK_NAMESPACE={stage.namespace}".encode()
    assert [group for group in groups if mark in group] == []


def _is_readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_handler_that_ends_its_runner_fails(stage, kubelet, operator, name):
    """In a pod the runner is process 1, which the kernel protects from these; here it is not."""
    status = outcome_of(stage, "kill_parent", payload={"signal": name}, onInterruption="Fail")
    assert status["state"] == State.FAILED, status


@pytest.mark.parametrize(
    "say",
    [
        "garbage\n",
        "{}\n",
        "[]\n",
        "null\n",
        '{"kind": "progress"}\n',
        '{"kind": "succeeded"}\n',
        '{"kind": "failed", "error": 7}\n',
        '{"kind": "failed", "error": {}}\n',
        '{"kind": "started", "time": "never"}\n',
        '{"kind": "prepared", "timeout": "x"}\n',
        '{"kind": "dispatched", "name": {"a": 1}}\n',
        '{"kind": "callbackError", "callback": 1, "message": 2}\n',
        '{"kind": "succeeded", "result": NaN}\n',
        "\xff\xfe\n",
        "[" * 60_000 + "\n",
    ],
    ids=lambda say: ascii(say[:30]),
)
def test_a_forged_message_to_the_runner_ends_the_run_at_worst(stage, kubelet, operator, say):
    status = outcome_of(stage, "forge", payload={"say": say}, onInterruption="Fail")
    assert status["state"] in {State.FAILED, State.COMPLETED}, status
    assert operator.metric("evertask_reconcile_errors_total") == 0


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000,
        "[" * 4000,
        '{"a":' * 700 + "1" + "}" * 700,
        "\u202e\x1b]0;owned\x07",
        '{"run":"RUN","launch":1,"phase":"Succeeded","endTime":"2026-01-01T00:00:00Z","result":NaN}',
        '{"run":"RUN","launch":1,"phase":"Succeeded","endTime":"2026-01-01T00:00:00Z","result":1e999}',
        '{"run":"RUN","launch":1,"phase":"Succeeded","endTime":"9999-12-31T23:59:59Z"}',
        '{"run":"RUN","launch":1,"phase":"Running","endTime":"2026-01-01T00:00:00Z"}',
        '{"run":"RUN","launch":1,"phase":"Failed","endTime":"9999-01-01T00:00:00Z","error":{"type":"'
        + "T" * 3000
        + '"}}',
        '{"run":"another","launch":1,"phase":"Succeeded","endTime":"2026-01-01T00:00:00Z"}',
        '{"error":{"type":"PodFailed","message":7}}',
        '{"error":[]}',
    ],
    ids=lambda text: ascii(text[:90]),
)
def test_a_false_termination_message_ends_the_run_at_worst(stage, kubelet, operator, text):
    status = outcome_of(stage, "write_termination_message", payload={"text": text}, onInterruption="Fail")
    assert status["state"] in {State.FAILED, State.COMPLETED}, status
    assert operator.metric("evertask_reconcile_errors_total") == 0


def test_a_handler_that_breaks_its_own_process_breaks_no_more(stage, kubelet, operator):
    assert outcome_of(stage, "change_the_interpreter")["state"] in {State.FAILED, State.COMPLETED}
