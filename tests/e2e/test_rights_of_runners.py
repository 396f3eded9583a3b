"""A runner's token writes the status of its own task and of no other, wherever it runs and whoever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.api import protocol
from evertask.api.protocol import State
from tests.support.api_client import tasks_path
from tests.support.live_tasks import checked

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def may_edit(workspace: Workspace, account: str, namespace: str) -> bool:
    """Ask the API server whether a service account of the workspace may edit tasks of a namespace."""
    wanted = {
        "namespace": namespace,
        "verb": "patch",
        "group": protocol.GROUP,
        "resource": protocol.PLURAL,
    }
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{workspace.name}", "system:authenticated"]
    user = f"system:serviceaccount:{workspace.name}:{account}"
    review = {"spec": {"resourceAttributes": wanted, "user": user, "groups": groups}}
    return bool(checked(workspace.client("POST", REVIEWS, review))["status"]["allowed"])


@pytest.mark.parametrize(
    ("namespace", "account"),
    [
        ("own", "default"),
        ("own", "somebody"),
        ("another", "default"),
        ("another", "somebody"),
    ],
)
def test_a_runner_cannot_write_another_tasks_status(
    workspace: Workspace, other_workspace: Workspace, namespace: str, account: str
):
    space = workspace if namespace == "own" else other_workspace
    victim = space.start("answers:nothing", "victim", suspend=True)
    before = victim.until(lambda s: s.get("state") == State.PENDING)
    if account != "default":
        workspace.create("serviceaccounts", {"metadata": {"name": account}})
    intruder = workspace.start(
        "intruder:write",
        "intruder",
        payload={"path": tasks_path(space.name, "victim")},
        pod={"serviceAccountName": account},
    )
    result = intruder.until_state(State.COMPLETED)["result"]
    assert (result["written"], result["read"]) == (403, 403)
    assert "by the pods of this very task" in result["message"]
    # Editing is another matter: it is granted where runners.createTasks says so, and nowhere else.
    edits = may_edit(workspace, account, space.name)
    assert result["edited"] == (200 if edits else 403)
    assert edits or victim.status == before


def test_a_pod_that_works_for_no_task_cannot_write_a_status(workspace: Workspace, runner_image: str):
    victim = workspace.start("answers:nothing", "victim", suspend=True)
    before = victim.until(lambda s: s.get("state") == State.PENDING)
    # Nothing but its name is asked for: a pod that anybody made, named as if it were a runner.
    uid = victim.read()["metadata"]["uid"]
    program = (
        "import intruder, json; "
        f"print(json.dumps(intruder.write({{'path': {tasks_path(workspace.name, 'victim')!r}}})))"
    )
    pod = {
        "metadata": {"name": f"x-{uid}"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "intruder",
                    "image": runner_image,
                    "command": ["python3", "-c", program],
                    "volumeMounts": [{"name": "handlers", "mountPath": "/app"}],
                }
            ],
            "volumes": [{"name": "handlers", "configMap": {"name": "handlers"}}],
        },
    }
    workspace.create("pods", pod)
    said = workspace.until_succeeded(f"x-{uid}")
    assert '"written": 403, "read": 403' in said
    assert may_edit(workspace, "default", workspace.name) or victim.status == before


def test_a_runner_runs_under_an_account_without_rights_of_its_own(workspace: Workspace):
    workspace.create("serviceaccounts", {"metadata": {"name": "nobody"}})
    task = workspace.start("answers:echo", payload={"a": 1}, pod={"serviceAccountName": "nobody"})
    assert task.until_state(State.COMPLETED)["result"] == {"a": 1}
