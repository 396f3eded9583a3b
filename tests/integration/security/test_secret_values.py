"""A Secret's value appears in no object, no log, no message: looked for wherever EverTask writes anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from tests.support.live_tasks import checked

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("hunter2", "Tr0ub4dor")
SECRET = "hunter2-Tr0ub4dor&3-$(HOME)"

OBJECTS = (
    "/apis/evertask.io/v1alpha1/namespaces/{}/evertasks",
    "/apis/batch/v1/namespaces/{}/jobs",
    "/api/v1/namespaces/{}/pods",
    "/api/v1/namespaces/{}/events",
    "/api/v1/namespaces/{}/configmaps",
)


def everything(stage: Any, operator: Any, kubelet: Any, folder: Path) -> dict[str, str]:
    """All that anybody but the reader of Secrets gets to see."""
    found = {path: json.dumps(checked(stage.admin("GET", path.format(stage.namespace)))) for path in OBJECTS}
    found["the operator's log"] = operator.log
    found["the pods' logs"] = kubelet.log
    found["the operator's metrics"] = operator.metrics()
    messages = [path.read_text() for path in folder.parent.glob("message-*")]
    assert messages
    found["termination messages"] = "\n".join(messages)
    return found


@pytest.mark.parametrize(
    ("handler", "spec", "value", "type_"),
    [
        ("works", {}, SECRET, None),
        ("needs_a_number", {}, SECRET, "PayloadInvalid"),
        ("crashes", {}, SECRET, "PayloadInvalid"),
        ("parses", {}, json.dumps({SECRET: SECRET}), "PayloadInvalid"),
        ("works", {}, b"\xff" + SECRET.encode(), "PayloadInvalid"),
        ("fails", {}, SECRET, "LookupError"),
        ("exits", {}, SECRET, "HandlerProcessDied"),
        ("sleeps", {"timeout": "1s", "gracePeriod": "1s"}, SECRET, "TimeoutError"),
        ("returns_a_set", {}, SECRET, "ResultNotSerialisable"),
        ("Wired", {}, SECRET, "HandlerInvalid"),
        ("Telling", {}, SECRET, "LookupError"),
        ("nothing", {}, SECRET, "HandlerNotFound"),
    ],
    ids=[
        "succeeds", "does-not-fit", "validator-quotes-it", "its-keys-are-secret", "no-text", "fails",
        "ends-its-process", "times-out", "no-json", "not-wired", "callback-raises", "no-handler",
    ],
)  # fmt: skip
def test_a_secrets_value_is_shown_nowhere(stage, kubelet, payload_folder, handler, spec, value, type_):
    source = payload_folder / "0"
    source.mkdir()
    (source / "password").write_bytes(value if isinstance(value, bytes) else value.encode())
    checked(
        stage.admin(
            "POST",
            f"/api/v1/namespaces/{stage.namespace}/secrets",
            {"metadata": {"name": "mail"}, "stringData": {"password": SECRET}},
        )
    )
    operator = stage.operator(logLevel="DEBUG")
    task = stage.task(
        handler=f"secretive:{handler}",
        payloadFrom=[{"secretRef": {"name": "mail"}}],
        retry={"limit": 0},
        **spec,
    )
    status = task.until_finished()
    assert status["state"] == (State.FAILED if type_ else State.COMPLETED), status
    assert (status.get("error") or {}).get("type") == type_
    seen = everything(stage, operator, kubelet, payload_folder)
    assert [(place, part) for place, text in seen.items() for part in PARTS if part in text] == []
