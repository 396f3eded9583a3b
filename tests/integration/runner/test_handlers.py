"""What handlers get, what they return, and how each failure looks in the status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runner_pods import RUN, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


def status_after(task, pod, expected_code: int = 0, **environment: str) -> dict[str, Any]:
    with pod(task, **environment) as runner:
        assert runner.wait() == expected_code, runner.log
    status: dict[str, Any] = task.get()["status"]
    return status


def deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


PAYLOADS: dict[str, dict[str, Any]] = {
    "expansions": {"a": "$(HOME) $$ $$(X) ${HOME} %s {0}", "$(X)": "$$"},
    "odd-keys": {"": 1, "a.b/c~d": 2, " ": {"": {}}, "é\u2028": 3, "constructor": 4},
    "odd-text": {"a": '\x00\x01\x7f\u2028\ufeff😀 "\\ \r\n\t </script>'},
    "numbers": {"max": 2**63 - 1, "min": -(2**63), "small": 5e-324, "large": 1e300, "third": 0.1},
    "nulls": {"a": None, "b": [None, {"c": None}]},
    "nested": {"deep": deep(60)},
    "wide": {f"k{n}": n for n in range(1024)},
    "empty": {},
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_arrives_unchanged_and_returns_unchanged(launched, pod, payload):
    status = status_after(launched("work:echo", payload=payload), pod)
    assert status["result"] == payload


@pytest.fixture
def deep_recursion() -> Iterator[None]:
    """Let the test's own JSON be as deep as what it tests."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(usual)


@pytest.mark.usefixtures("deep_recursion")
def test_100_kib_and_2000_levels_arrive_unchanged(launched, pod, tmp_path):
    payload = {"folder": str(tmp_path), "text": "é$(X)" * 20_000, "deep": deep(2000)}
    task = launched("payloads:digest", payload=payload)
    status = status_after(task, pod)
    assert status["result"] == {"length": 100_000, "levels": 2000}


@pytest.mark.parametrize("handler", ["work:OrderHandler", "work:order"])
def test_a_payload_becomes_the_handlers_model(launched, pod, handler):
    status = status_after(launched(handler, payload={"number": "7", "customer": "Ada"}), pod)
    expected: Any = {"number": 7, "customer": "Ada", "run": RUN} if "Handler" in handler else 7
    assert status["result"] == expected


def test_the_context_tells_the_run(launched, pod, namespace):
    task = launched("work:about")
    assert status_after(task, pod)["result"] == {
        "id": task.get()["metadata"]["uid"],
        "name": "a",
        "namespace": namespace,
        "run": RUN,
        "attempt": 1,
        "scheduled": "2025-01-01T10:00:00+00:00",
    }


def test_the_handlers_process_is_what_users_expect(launched, pod):
    assert status_after(launched("work:surroundings"), pod)["result"] == {
        "stdin": "",
        "leads_session": True,
        "path_has_cwd": True,
        "sigterm": True,
        "line_buffered": True,
    }


def test_sources_lie_under_the_payload(launched, pod, tmp_path):
    for index, values in enumerate([{"host": "a", "port": "1", "user": "u"}, {"host": "b", "user": "v"}]):
        source = tmp_path / "payload" / str(index)
        (source / "..data").mkdir(parents=True)
        for key, value in values.items():
            (source / key).write_text(value)
    sources = [{"secretRef": {"name": "mail"}}, {"configMapRef": {"name": "mail"}}]
    task = launched("work:echo", payload={"user": "w"}, payloadFrom=sources)
    assert status_after(task, pod)["result"] == {"host": "b", "port": "1", "user": "w"}


@pytest.mark.parametrize(
    ("handler", "result"), [("work:nothing", None), ("work:nulls", {"a": None, "b": [None, {"c": None}]})]
)
def test_nothing_and_nulls_are_kept_apart(launched, pod, handler, result):
    status = status_after(launched(handler), pod)
    assert status["state"] == "Completed"
    assert status.get("result") == result


def test_a_finished_one_shot_is_complete_with_no_operator_alive(launched, pod):
    task = launched("work:nothing")
    with pod(task) as runner:
        assert runner.wait() == 0
    status = task.get()["status"]
    assert status["counts"] == {"runs": 1, "succeeded": 1, "consecutiveFailures": 0}
    assert status["finishTime"] == status["lastSuccessTime"] == status["runs"][RUN]["endTime"]
    assert status["message"] == "the handler returned"
    assert runner.termination_message["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("handler", "spec", "type_", "parts"),
    [
        ("nowhere:run", {}, "HandlerNotFound", ["no module 'nowhere'"]),
        ("work:fial", {}, "HandlerNotFound", ["no attribute 'fial'", "did you mean 'fail'"]),
        ("broken:run", {}, "HandlerImportFailed", ["surely_not_installed"]),
        ("work:not_callable", {}, "HandlerInvalid", ["is of type int"]),
        ("work:WithoutHandle", {}, "HandlerInvalid", ["no method handle"]),
        ("work:three_parameters", {}, "HandlerInvalid", ["'more'", "(payload, ctx)"]),
        (
            "work:OrderHandler",
            {"payload": {"number": "x"}},
            "PayloadInvalid",
            ["number:", "customer: Field required"],
        ),
        ("work:echo", {"payloadFrom": [{"secretRef": {"name": "m"}}]}, "PayloadInvalid", ["payloadFrom[0]"]),
        ("work:odd_result", {}, "ResultNotSerialisable", ["result.at[1] is of type set"]),
        ("work:large_result", {}, "ResultTooLarge", ["40,002 bytes", "32,768"]),
        ("work:fail", {}, "ValueError", ["no such order"]),
        ("work:fail_elsewhere", {}, "work.OrderError", []),
        ("work:exit_3", {}, "HandlerProcessDied", ["exit code 3"]),
        ("work:call_sys_exit", {}, "HandlerProcessDied", ["sys.exit(5)"]),
        ("work:segfault", {}, "HandlerProcessDied", ["SIGSEGV"]),
        ("work:be_killed", {}, "HandlerProcessDied", ["SIGKILL"]),
        ("endless_import:run", {"startDeadline": "1s"}, "StartDeadlineExceeded", ["startDeadline 1s"]),
    ],
)
def test_each_failure_is_named(launched, pod, handler, spec, type_, parts):
    task = launched(handler, **spec)
    with pod(task) as runner:
        assert runner.wait() == 0, runner.log
    status = task.get()["status"]
    assert (status["state"], status["error"]["type"]) == ("Failed", type_)
    assert [part for part in parts if part not in status["error"]["message"]] == []
    assert status["message"].startswith(f"{type_}: ")
    assert runner.termination_message["error"]["type"] == type_


def test_a_traceback_shows_the_users_frames_and_causes_only(launched, pod):
    trace = status_after(launched("work:fail"), pod)["error"]["traceback"]
    assert "KeyError: 'missing'" in trace
    assert "in fail" in trace
    assert "evertask_runner" not in trace


def test_an_import_error_shows_the_users_line(launched, pod):
    trace = status_after(launched("broken:run"), pod)["error"]["traceback"]
    assert trace.splitlines()[1].endswith('broken.py", line 3, in <module>')


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z " not in stat.read_text()


def test_what_a_handler_started_ends_with_it(launched, pod, tmp_path):
    status = status_after(launched("work:leave_grandchild", payload={"folder": str(tmp_path)}), pod)
    assert status["state"] == "Completed"
    pid = int((tmp_path / "grandchild").read_text())
    wait_for(lambda: not is_running(pid))


def test_a_process_that_the_handler_forked_cannot_speak_for_it(launched, pod):
    status = status_after(launched("work:fork_and_raise", payload={"say": "the handler"}), pod)
    assert status["result"] == "the handler"


def test_exit_hooks_run_and_do_not_delay_the_outcome(launched, pod, tmp_path):
    status = status_after(launched("work:register_exit_hook", payload={"folder": str(tmp_path)}), pod)
    assert status["state"] == "Completed"
    assert (tmp_path / "hook").exists()


def test_a_handler_that_closes_the_runners_pipes_fails_and_hangs_nothing(launched, pod):
    status = status_after(launched("work:close_everything"), pod)
    assert status["error"]["type"] == "HandlerProcessDied"


def test_nothing_but_the_standard_library_is_imported_before_the_users_module(launched, pod):
    # What this Python's own start-up hooks load (editable installs, coverage) is not the runner's doing.
    hooks = subprocess.run(
        [sys.executable, "-c", "import sys; print(*{name.partition('.')[0] for name in sys.modules})"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = status_after(launched("timing:imported_before"), pod)["result"]
    assert set(loaded) - set(hooks.stdout.split()) == {"evertask", "evertask_runner"}
