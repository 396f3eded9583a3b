"""The network swallows an answer: the write may have been made all the same, and the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.api import protocol
from evertask.api.protocol import State
from tests.support.waiting import eventually
from tests.support.workspaces import WORKING_DIRECTORY

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

NAME = "kubernetes.default.svc"
"""In every API server's certificate; the runner's pod finds the proxy under it."""

PORT = 8443


def _start_proxy(workspace: Workspace, image: str, number: int) -> str:
    """Start the proxy that swallows the answer to a request; give its address."""
    container = {
        "name": "proxy",
        "image": image,
        "command": ["python3", f"{WORKING_DIRECTORY}/cutting_proxy.py", str(number)],
        "volumeMounts": [{"name": "handlers", "mountPath": WORKING_DIRECTORY}],
    }
    spec = {"containers": [container], "volumes": [{"name": "handlers", "configMap": {"name": "handlers"}}]}
    workspace.create("pods", {"metadata": {"name": "proxy"}, "spec": spec})
    eventually(lambda: workspace.log_of("proxy"), lambda log: log.startswith("ready"), 30)
    path = workspace.core("pods", "proxy")
    address = eventually(lambda: workspace.client("GET", path).body["status"].get("podIP"), bool, 30)
    return str(address)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1, id="claim"),
        pytest.param(2, id="progress"),
        pytest.param(3, id="outcome"),
    ],
)
def test_an_answer_that_is_lost_changes_nothing(ledger: Workspace, runner_image: str, number: int):
    address = _start_proxy(ledger, runner_image, number)
    container = {"env": [{"name": protocol.ENV_API_SERVER, "value": f"https://{NAME}:{PORT}"}]}
    aliases = [{"ip": address, "hostnames": [NAME]}]
    task = ledger.start(
        "ledger:take_a_while", payload={"seconds": 3}, container=container, pod={"hostAliases": aliases}
    )
    task.until_state(State.COMPLETED)
    task.until_pods_ended()  # the runner has seen that its outcome is there, and ended well
    assert ledger.log_of("proxy").count("an answer was cut") == 1
    status = task.status
    assert (status["result"], status["launches"], len(ledger.calls())) == ({"launch": 1}, 1, 1)
    assert status["counts"] == {"runs": 1, "succeeded": 1, "consecutiveFailures": 0}
