"""What was written arrives, whatever is in it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace

ODD = {
    "expansion": "$(HOME) $(EVERTASK_TASK_UID) $$(HOME) $$ ${HOME} `id`",
    "quotes": "'\"\\ \t\n\r\x07",
    "characters": "größe \u2028 🐍 \u0000",
    "empty": {"": "", "list": [], "object": {}},
    "nested": [[[{"deep": [1, -1, 9223372036854775807, 0.1, 1e-300]}]]],
    "words": [True, False, None, "null", "yes", "1e3"],
    "keys": {"a/b": 1, "~": 2, "$(X)": 3, "with space": 4},
}

LARGE = {"blocks": [{"index": n, "text": "$(X) $$ " * 16} for n in range(800)]}


def test_an_odd_payload_arrives_unchanged(workspace: Workspace):
    task = workspace.start("answers:echo", payload=ODD)
    assert task.until_state(State.COMPLETED)["result"] == ODD


def test_a_payload_of_100_kib_arrives_unchanged(workspace: Workspace):
    text = json.dumps(LARGE, sort_keys=True)
    assert len(text) > 100 * 1024
    task = workspace.start("answers:digest", payload=LARGE)
    assert task.until_state(State.COMPLETED)["result"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("kind", ["configmaps", "secrets"])
def test_sources_are_merged_under_the_payload(workspace: Workspace, kind: str):
    data: dict[str, Any] = {"region": "from the source", "csv": "a,b\n1,2\n"}
    field = "data" if kind == "configmaps" else "stringData"
    workspace.create(kind, {"metadata": {"name": "source"}, field: data})
    reference = "configMapRef" if kind == "configmaps" else "secretRef"
    task = workspace.start(
        "answers:echo", payload={"region": "eu"}, payloadFrom=[{reference: {"name": "source"}}]
    )
    assert task.until_state(State.COMPLETED)["result"] == {"region": "eu", "csv": "a,b\n1,2\n"}


def test_nothing_of_the_payload_is_in_the_pod(workspace: Workspace):
    task = workspace.start("ledger:hang_at_first", payload={"word": "xyzzy"})
    (pod,) = [task.until_pod(lambda pod: True)]
    assert "xyzzy" not in json.dumps(pod)
