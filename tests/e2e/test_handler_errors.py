"""What is wrong with a handler, its input or its answer: each fault has a clear error of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State

if TYPE_CHECKING:
    from tests.support.workspaces import Workspace


@dataclass(frozen=True)
class Fault:
    """A task that cannot succeed."""

    id: str
    handler: str
    type: str
    says: str
    payload: dict[str, Any] = field(default_factory=dict)


FAULTS = [
    Fault("no-such-module", "answer:echo", "HandlerNotFound", "did you mean 'answers'"),
    Fault("no-such-attribute", "answers:ehco", "HandlerNotFound", "did you mean 'echo'"),
    Fault("import-raises", "broken_import:run", "HandlerImportFailed", "SMTP_SERVER is not set"),
    Fault("not-callable", "answers:not_callable", "HandlerInvalid", "name a handler class or a function"),
    Fault("payload-of-wrong-type", "answers:OrderHandler", "PayloadInvalid", "number", {"number": "many"}),
    Fault("payload-incomplete", "answers:OrderHandler", "PayloadInvalid", "customer", {"number": 1}),
    Fault("result-too-large", "answers:too_large", "ResultTooLarge", "return a reference to it"),
    Fault("result-no-json", "answers:not_json", "ResultNotSerialisable", "result.customers is of type set"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_named_and_not_tried_again(workspace: Workspace, fault: Fault):
    task = workspace.start(fault.handler, payload=fault.payload)
    status = task.until_state(State.FAILED)
    assert status["error"]["type"] == fault.type
    assert fault.says in status["error"]["message"]
    assert (status["launches"], status["counts"]["failed"]) == (1, 1)


def test_a_typed_payload_reaches_its_handler(workspace: Workspace):
    task = workspace.start("answers:OrderHandler", payload={"number": 17, "customer": "Ada"})
    assert task.until_state(State.COMPLETED)["result"] == {"number": 17, "customer": "Ada"}
