"""``evertask run`` against a real API server: what is created, what is refused, what is printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import yaml

from evertask.api import protocol
from evertask.api.keys import key_id
from tests.support.api_client import tasks_path
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def spec_of(admin, namespace) -> Callable[[str], dict[str, Any]]:
    def read(name: str) -> dict[str, Any]:
        spec: dict[str, Any] = StoredTask(admin, namespace, name).get()["spec"]
        return spec

    return read


def test_a_handler_is_enough(evertask, admin, namespace):
    answer = evertask("run", "shop.mails:send", "-o", "name")
    name = answer.stdout.strip()
    made = StoredTask(admin, namespace, name).get()
    assert made["metadata"]["labels"][protocol.LABEL_TASK_ID] == str(UUID(name.removeprefix("task-")))
    assert made["spec"]["handler"] == "shop.mails:send"
    assert answer.exit_code == 0


def test_every_option_of_the_spec_reaches_the_object(evertask, spec_of):
    options = {
        "queue": "emails",
        "delay": "30m",
        "timeout": "5m",
        "runTimeout": "1h",
        "retry": {"limit": 5, "delay": "2s", "backoff": "Exponential"},
        "maxInterruptions": 2,
        "fenceAfter": "15s",
        "gracePeriod": "10s",
        "startDeadline": "2m",
        "onInterruption": "Fail",
        "auditLevel": "Minimal",
        "ttlAfterFinished": "2h",
    }
    arguments = "--queue emails --delay 30m --timeout 5m --grace-period 10s --start-deadline 2m --ttl 2h"
    answer = evertask(
        "run",
        "a:b",
        "--name",
        "x",
        *arguments.split(),
        *["--retries", "5", "--retry-delay", "2s", "--retry-backoff", "exponential", "--run-timeout", "1h"],
        *["--max-interruptions", "2", "--fence-after", "15s"],
        "--on-interruption",
        "fail",
        "--audit-level",
        "minimal",
    )
    assert (answer.exit_code, answer.stdout) == (0, "x created\n")
    assert options.items() <= spec_of("x").items()


def test_a_series(evertask, spec_of):
    arguments = ["--cron", "30 9 * * MON-FRI", "--time-zone", "Europe/Rome", "--max-runs", "3"]
    evertask("run", "a:b", "--name", "x", *arguments, "--overlap", "queue", "--until", "2999-01-01T00:00:00Z")
    assert spec_of("x")["recurrence"] == {
        "cron": "30 9 * * MON-FRI",
        "timeZone": "Europe/Rome",
        "maxRuns": 3,
        "overlap": "Queue",
        "until": "2999-01-01T00:00:00Z",
    }


def test_a_payload_from_the_standard_input_and_parameters(evertask, spec_of):
    evertask(
        "run",
        "a:b",
        "--name",
        "x",
        "--payload",
        "-",
        "-p",
        "n=3",
        "-p",
        "who=ada",
        stdin='{"n": 1, "ok": null}',
    )
    assert spec_of("x")["payload"] == {"n": 3, "ok": None, "who": "ada"}


def test_a_pod_template_from_a_file(evertask, spec_of, tmp_path):
    file = tmp_path / "pod.yaml"
    file.write_text("spec:\n  nodeSelector: {disk: fast}\n")
    evertask("run", "a:b", "--name", "x", "--pod-template", str(file))
    assert spec_of("x")["podTemplate"] == {"spec": {"nodeSelector": {"disk": "fast"}}}


def test_a_dry_run_prints_what_can_be_applied_and_creates_nothing(evertask, admin, namespace):
    answer = evertask("run", "a:b", "--name", "x", "-p", "n=3", "--dry-run")
    printed = yaml.safe_load(answer.stdout)
    assert (printed["kind"], printed["spec"]) == ("EverTask", {"handler": "a:b", "payload": {"n": 3}})
    assert admin("GET", tasks_path(namespace, "x")).status == 404
    assert admin("POST", tasks_path(namespace), printed).status == 201


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["a.b"], "spec.handler: handler must be written module:attribute", id="handler"),
        pytest.param(["a:b", "--delay", "soon"], "--delay: spec.delay: delay must be a duration", id="delay"),
        pytest.param(["a:b", "--at", "2026-10-22"], "--at: spec.runAt: runAt must be", id="no-zone"),
        pytest.param(
            ["a:b", "--cron", "61 * * * *"], "--cron: spec.recurrence.cron: '61 * * * *'", id="cron"
        ),
        pytest.param(["a:b", "--delay", "1m", "--every", "5m"], "at most one of", id="two-timings"),
        pytest.param(["a:b", "--until", "2999-01-01T00:00:00Z"], "--until is about a series", id="no-series"),
        pytest.param(["a:b", "--queue", "A b"], "--queue: spec.queue: queue must be", id="queue"),
        pytest.param(["a:b", "--key", " x"], "--key ' x': it begins or ends with white space", id="key"),
        pytest.param(["a:b", "--key", "x", "--name", "y"], "leave --name out", id="key-and-name"),
        pytest.param(
            ["a:b", "--payload", "[1]"], "--payload must be a JSON object; it is a list", id="payload"
        ),
        pytest.param(["a:b", "--name", "No_Name"], "metadata.name", id="name"),
        pytest.param(["a:b", "--label", "evertask.io/parent-uid=x"], "EverTask's own", id="label"),
        pytest.param(
            ["a:b", "--wait-timeout", "soon"], "--wait-timeout: 'soon' is not a duration", id="wait"
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_field(evertask, admin, namespace, arguments, said):
    answer = evertask("run", *arguments)
    assert (answer.exit_code, answer.stdout, len(answer.stderr.splitlines())) == (2, "", 1)
    assert said in answer.stderr
    assert admin("GET", tasks_path(namespace)).body["items"] == []


def test_a_name_that_is_taken_is_refused(evertask, stored):
    stored("x")
    answer = evertask("run", "a:b", "--name", "x")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "x exists already" in answer.stderr
    assert "choose another --name" in answer.stderr


def test_a_namespace_that_is_not_there_ends_with_code_3(evertask):
    answer = evertask("run", "a:b", "-n", "nowhere")
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert "there is no namespace 'nowhere'" in answer.stderr


def test_a_key_registers_once(evertask, admin, namespace):
    said = [evertask("run", "a:b", "--key", "daily", "--every", every).stdout for every in ("1h", "1h", "2h")]
    assert said == ["daily created\n", "daily is unchanged\n", "daily updated\n"]
    made = StoredTask(admin, namespace, "daily").get()
    assert made["spec"]["recurrence"] == {"every": "2h"}
    assert made["metadata"]["labels"][protocol.LABEL_TASK_ID] == str(key_id(namespace, "daily"))


def test_a_finished_task_of_a_key_starts_anew(evertask, admin, namespace):
    evertask("run", "a:b", "--key", "daily")
    task = StoredTask(admin, namespace, "daily")
    task.patch_status({"state": "Failed", "incarnation": 0})
    assert evertask("run", "a:c", "--key", "daily").stdout == "daily replaced\n"
    assert (task.get()["spec"]["incarnation"], task.get()["spec"]["handler"]) == (1, "a:c")


def test_the_object_for_a_program(evertask):
    made = json.loads(evertask("run", "a:b", "-p", "n=3", "-o", "json").stdout)
    assert made["spec"]["payload"] == {"n": 3}
    assert made["metadata"]["uid"]


def test_options_of_the_cluster_after_the_verb_win(evertask, admin, namespace, control_plane):
    assert admin("POST", "/api/v1/namespaces", {"metadata": {"name": f"{namespace}-b"}}).status == 201
    evertask("run", "a:b", "--name", "x", "--namespace", f"{namespace}-b")
    assert admin("GET", tasks_path(f"{namespace}-b", "x")).status == 200
