"""``evertask list``, ``get``, ``describe``, ``history``, ``tree`` against a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from evertask.api import protocol
from tests.support.api_client import tasks_path
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.api_client import ApiClient

PAST = {
    "state": "Pending",
    "schedule": "every 1h",
    "history": [
        {
            "run": "s1795490000",
            "scheduledTime": "2026-11-24T07:00:00Z",
            "startTime": "2026-11-24T07:00:00Z",
            "endTime": "2026-11-24T07:01:30Z",
            "lateness": "3ms",
            "outcome": "Failed",
            "message": "KeyError: 'region'",
        },
        {"run": "s1795486400", "scheduledTime": "2026-11-24T06:00:00Z", "outcome": "Succeeded"},
    ],
    "transitions": [
        {"time": "2026-11-24T07:01:30Z", "state": "Pending"},
        {"time": "2026-11-24T07:00:00Z", "state": "InProgress", "run": "s1795490000"},
    ],
}


def names(answer: Any) -> list[str]:
    return [line.split()[0] for line in answer.stdout.splitlines()[1:]]


def test_a_list_is_an_aligned_table_when_it_is_piped(evertask, stored):
    stored("report", {"state": "InProgress", "runs": {}})
    answer = evertask("list")
    heading, line = answer.stdout.splitlines()
    assert heading.split() == ["NAME", "STATE", "HANDLER", "NEXT", "LAST", "AGE"]
    assert line.index("InProgress") == heading.index("STATE")
    assert answer.exit_code == 0


def test_ls_is_list(evertask, stored):
    stored("report")
    assert names(evertask("ls")) == ["report"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        pytest.param(["--state", "failed"], ["lost"], id="a-state"),
        pytest.param(["--state", "Failed", "--state", "Completed"], ["done", "lost"], id="two-states"),
        pytest.param(["--state", "Pending"], ["fresh"], id="pending-is-what-nobody-has-seen-too"),
        pytest.param(["--queue", "emails"], ["lost"], id="a-queue"),
        pytest.param(["--queue", "default"], ["done", "fresh"], id="the-default-queue"),
        pytest.param(["--handler", "shop.mails:send"], ["done"], id="a-handler"),
        pytest.param(["--key", "a, b=c"], ["fresh"], id="a-key-with-commas"),
        pytest.param(["--since", "1h"], ["done", "fresh", "lost"], id="since-a-duration"),
        pytest.param(["--since", "2999-01-01T00:00:00Z"], [], id="since-an-instant"),
        pytest.param(["--limit", "2"], ["done", "fresh"], id="a-limit"),
        pytest.param(["--limit", "0"], ["done", "fresh", "lost"], id="no-limit"),
    ],
)
def test_a_list_is_chosen_by(evertask, stored, options, found):
    stored("done", {"state": "Completed"}, handler="shop.mails:send")
    stored("fresh", taskKey="a, b=c")
    stored("lost", {"state": "Failed"}, queue="emails")
    answer = evertask("list", *options)
    assert (answer.exit_code, names(answer)) == (0, found)


def test_a_list_that_is_cut_says_so(evertask, stored):
    stored("a")
    stored("b")
    assert "these are the first 1" in evertask("list", "--limit", "1").stderr


def test_all_namespaces_show_the_namespace(evertask, stored, namespace):
    stored("report", queue="of-this-test")
    answer = evertask("list", "-A", "--queue", "of-this-test", "-o", "wide")
    assert [namespace, "report"] in [line.split()[:2] for line in answer.stdout.splitlines()]


def test_an_empty_list_says_so_and_is_no_failure(evertask, namespace):
    answer = evertask("list")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert f"there is no EverTask in namespace '{namespace}'" in answer.stderr


@pytest.mark.parametrize("read", [json.loads, yaml.safe_load], ids=["json", "yaml"])
def test_a_list_for_programs_is_a_list_of_objects(evertask, stored, read):
    stored("report", payload={"region": "eu"})
    form = "json" if read is json.loads else "yaml"
    found = read(evertask("list", "-o", form).stdout)
    assert found["kind"] == "List"
    assert [item["spec"]["payload"] for item in found["items"]] == [{"region": "eu"}]


def test_names_alone_can_be_passed_on(evertask, stored):
    stored("a")
    stored("b")
    assert evertask("list", "-o", "name").stdout == "a\nb\n"


def test_one_task_for_a_program_is_the_object_itself(evertask, stored):
    stored("report")
    assert json.loads(evertask("get", "report", "-o", "json").stdout)["metadata"]["name"] == "report"


def test_a_task_is_found_by_its_id_and_by_its_key(evertask):
    created = evertask("run", "shop:send", "--key", "Daily report!", "-o", "json")
    made = json.loads(created.stdout)["metadata"]
    by_id = evertask("get", made["labels"][protocol.LABEL_TASK_ID], "-o", "name")
    by_key = evertask("get", "--key", "Daily report!", "-o", "name")
    assert by_id.stdout == by_key.stdout == f"{made['name']}\n"


def test_a_name_that_is_not_there_does_not_keep_the_others_back(evertask, stored, namespace):
    stored("a")
    answer = evertask("get", "nobody", "a")
    assert (answer.exit_code, names(answer)) == (3, ["a"])
    assert answer.stderr.startswith(f"evertask: there is no EverTask 'nobody' in namespace '{namespace}'")


def test_a_description_has_what_went_wrong(evertask, stored, admin, namespace):
    error = {
        "type": "KeyError",
        "message": "'region'",
        "traceback": 'Traceback:\n  File "a.py"\nKeyError: \x1b[31mregion\n',
        "attempt": 1,
    }
    condition = {
        "type": "Accepted",
        "status": "False",
        "reason": "PodTemplateInvalid",
        "message": "no container",
        "lastTransitionTime": "2026-11-24T07:00:00Z",
    }
    task = stored(
        "report", {"state": "Failed", "error": error, "conditions": [condition]}, payload={"a": [1]}
    )
    say_event(admin, namespace, task.get())
    told = evertask("describe", "report").stdout
    for said in (
        "KeyError: 'region'",
        '  File "a.py"',
        "PodTemplateInvalid",
        '"a": [',
        "the pod was evicted",
    ):
        assert said in told
    assert "\x1b" not in told
    assert "\\x1b[31mregion" in told


def say_event(admin: ApiClient, namespace: str, task: dict[str, Any]) -> None:
    event = {
        "metadata": {"name": "report.1", "namespace": namespace},
        "involvedObject": {
            "apiVersion": protocol.API_VERSION,
            "kind": protocol.KIND,
            "name": task["metadata"]["name"],
            "namespace": namespace,
            "uid": task["metadata"]["uid"],
        },
        "reason": "Failed",
        "type": "Warning",
        "message": "the pod was evicted",
    }
    answer = admin("POST", f"/api/v1/namespaces/{namespace}/events", event)
    assert answer.status == 201, answer


def test_the_history_has_runs_and_transitions(evertask, stored):
    stored("report", PAST, recurrence={"every": "1h"})
    lines = evertask("history", "report").stdout.splitlines()
    assert lines[1].split() == [
        "s1795490000",
        "2026-11-24T07:00:00Z",
        "2026-11-24T07:00:00Z",
        "1m30s",
        "3ms",
        "Failed",
        "KeyError:",
        "'region'",
    ]
    assert lines[2].split() == ["s1795486400", "2026-11-24T06:00:00Z", "Succeeded"]
    assert lines[-1].split() == ["2026-11-24T07:00:00Z", "InProgress", "s1795490000"]


def test_the_history_for_a_program(evertask, stored):
    stored("report", PAST, recurrence={"every": "1h"})
    found = json.loads(evertask("history", "report", "-o", "json").stdout)
    assert [run["outcome"] for run in found["runs"]] == ["Failed", "Succeeded"]
    assert [one["state"] for one in found["transitions"]] == ["Pending", "InProgress"]


def test_a_task_without_a_past_says_so(evertask, stored):
    stored("report")
    answer = evertask("history", "report")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "report has no past" in answer.stderr


@pytest.fixture
def child(admin: ApiClient, namespace: str) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Make a task that was dispatched in a run of another one."""

    def make(name: str, parent: dict[str, Any]) -> dict[str, Any]:
        body = manifest(name)
        body["metadata"]["labels"] = {protocol.LABEL_PARENT_UID: parent["metadata"]["uid"]}
        body["metadata"]["annotations"] = {protocol.ANNOTATION_PARENT_NAME: parent["metadata"]["name"]}
        answer = admin("POST", tasks_path(namespace), body)
        assert answer.status == 201, answer
        made: dict[str, Any] = answer.body
        return made

    return make


def test_a_tree_shows_parents_and_children_to_the_last(evertask, stored, child):
    order = child("order", stored("checkout").get())
    invoice = child("invoice", order)
    child("mail", invoice)
    child("parcel", order)
    stored("stranger")
    answer = evertask("tree", "order")
    assert tree_names(answer) == [
        "checkout",
        "└─ order *",
        "   ├─ invoice",
        "   │  └─ mail",
        "   └─ parcel",
    ]
    assert (answer.exit_code, answer.stderr) == (0, "")


def tree_names(answer: Any) -> list[str]:
    return [line.partition("   Pending")[0].rstrip() for line in answer.stdout.splitlines()]


def test_a_tree_is_bounded_and_says_what_it_leaves_out(evertask, stored, child):
    root = stored("root").get()
    child("one", child("two", root))
    child("three", root)
    assert "more levels below it than 1; raise --depth" in evertask("tree", "root", "--depth", "1").stderr
    cut = evertask("tree", "root", "--limit", "1")
    assert (len(cut.stdout.splitlines()), "raise --limit" in cut.stderr) == (2, True)


def test_a_parent_that_is_gone_is_named(evertask, stored, child, admin, namespace):
    parent = stored("parent").get()
    child("orphan", parent)
    admin("DELETE", tasks_path(namespace, "parent"))
    answer = evertask("tree", "orphan")
    assert "the parent of orphan, parent, is gone" in answer.stderr
    assert tree_names(answer) == ["orphan *"]


def test_a_new_task_under_the_parents_name_is_no_parent(evertask, stored, child, admin, namespace):
    child("orphan", stored("parent").get())
    admin("DELETE", tasks_path(namespace, "parent"))
    stored("parent")
    assert tree_names(evertask("tree", "orphan")) == ["orphan *"]


def test_a_tree_for_a_program_is_nested(evertask, stored, child):
    child("leaf", stored("root").get())
    found = json.loads(evertask("tree", "root", "-o", "json").stdout)
    assert (found["name"], [one["name"] for one in found["children"]]) == ("root", ["leaf"])


def test_a_message_of_a_task_does_not_drive_the_terminal(evertask, stored):
    stored("report", {"state": "Failed", "message": "\x1b[2J\x9b31m\u202edone"})
    answer = evertask("list", "-o", "wide")
    assert "\\x1b[2J\\x9b31m\\u202edone" in answer.stdout
    assert not set("\x1b\x9b\u202e") & set(answer.stdout)


@pytest.mark.parametrize("verb", ["describe", "history", "tree", "logs", "wait", "cancel", "run-now"])
def test_a_task_that_is_not_there_ends_with_code_3(evertask, verb):
    answer = evertask(verb, "nobody")
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert "there is no EverTask 'nobody'" in answer.stderr


def test_a_stranger_is_told_what_right_is_missing(evertask, admin, namespace, control_plane, tmp_path):
    kubeconfig = kubeconfig_of(stranger_token(admin, namespace), control_plane, tmp_path)
    answer = evertask("list", "--kubeconfig", kubeconfig)
    assert (answer.exit_code, answer.stdout) == (4, "")
    assert "no right to list evertasks" in answer.stderr


def stranger_token(admin: ApiClient, namespace: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    assert admin("POST", path, {"metadata": {"name": "stranger"}}).status == 201
    answer = admin("POST", f"{path}/stranger/token", {"spec": {"expirationSeconds": 3600}})
    return str(answer.body["status"]["token"])


def kubeconfig_of(token: str, control_plane: Any, folder: Any) -> str:
    cluster = {"server": control_plane.server, "certificate-authority": control_plane.ca}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(content))
    return str(file)


def test_completion_knows_the_names_of_the_cluster(control_plane, namespace, stored):
    stored("report")
    stored("mail")
    words = f"evertask get --kubeconfig {control_plane.kubeconfig} -n {namespace} re"
    environment = {
        **os.environ,
        "_EVERTASK_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "evertask.cli"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["report"], "")
