"""A payload is stored as it was sent; what is not kept to the letter is written down here."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import PAYLOAD_LIMIT, State
from tests.support.api_client import JSON, tasks_path
from tests.support.tasks import StoredTask, manifest

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient


def nested(depth: int) -> dict[str, Any]:
    """Nest an object into itself."""
    made: dict[str, Any] = {}
    for _ in range(depth):
        made = {"d": made}
    return made


KEPT: dict[str, Any] = {
    "empty": {},
    "empty-values": {"object": {}, "list": [], "text": "", "zero": 0, "false": False},
    "null": {"a": None, "b": {"c": None}, "d": [None, {"e": None}]},
    "shell": {"a": "$(HOME) $$ ${X} `id` $(EVERTASK_TASK_UID) $$(X) %s {{ .Values }}"},
    "odd-keys": {"": 1, " ": 2, "a.b": 3, "a/b~c": 4, "$(X)": 5, "ключ": 6, "__proto__": 7, "-": 8},
    "kubernetes-keys": {
        "apiVersion": "v9",
        "kind": 5,
        "metadata": {"name": "UPPER"},
        "status": [],
        "spec": None,
    },
    "unicode": {"a": "héllo ☃ 𝄞 日本 עברית", "combining": "e\u0301", "nbsp": "\u00a0", "bom": "\ufeff"},
    "control-characters": {"a": "\t\r\n\b\f\u0000\u0001\u001f\u007f\u2028\u2029"},
    "html": {"a": "<script>&amp;'\"\\</script>"},
    "integers": {"max": 2**63 - 1, "min": -(2**63), "past-double": 2**53 + 1},
    "floats": {"a": 0.1, "b": -2.5e-8, "c": 1.7976931348623157e308, "d": 5e-324, "e": 0.30000000000000004},
    "texts-like-other-types": {
        "a": "true",
        "b": "null",
        "c": "1.0",
        "d": "2026-12-25",
        "e": "010",
        "f": "no",
    },
    "mixed-list": {"a": [1, "1", True, None, [], {}, [[]], 1.5]},
    "wide": {f"key-{n}": n for n in range(1024)},
    "long-key": {"k" * 10_000: 1},
    "100-kib": {"a": "x" * 100 * 1024},
    "limit": {"a": "x" * (PAYLOAD_LIMIT - 10)},
    "100-deep": nested(100),
}


@pytest.mark.parametrize("payload", KEPT.values(), ids=KEPT)
def test_a_payload_is_stored_unchanged(admin: ApiClient, namespace: str, payload: dict[str, Any]) -> None:
    task = StoredTask(admin, namespace).create(payload=payload)

    stored = task.get()["spec"]["payload"]

    # As text, because 1 == 1.0 == True in Python. The order of keys is not kept.
    assert json.dumps(stored, sort_keys=True) == json.dumps(payload, sort_keys=True)


@pytest.mark.parametrize("payload", KEPT.values(), ids=KEPT)
def test_the_answer_to_a_status_patch_has_the_payload_unchanged(
    admin: ApiClient, namespace: str, payload: dict[str, Any]
) -> None:
    """The runner gets its payload in the answer to its claim."""
    task = StoredTask(admin, namespace).create(payload=payload)

    answered = task.patch_status({"state": "InProgress"}).body["spec"]["payload"]

    assert json.dumps(answered, sort_keys=True) == json.dumps(payload, sort_keys=True)


NORMALISED = {
    "whole-float": ('{"a": 1.0}', '{"a": 1}'),
    "whole-exponent": ('{"a": 1e3}', '{"a": 1000}'),
    "negative-zero": ('{"a": -0.0}', '{"a": 0}'),
    "beyond-int64-loses-digits": ('{"a": 9223372036854775809}', '{"a": 9223372036854776000}'),
    "more-digits-than-a-double": ('{"a": 0.12345678901234567890}', '{"a": 0.12345678901234568}'),
    "half-a-surrogate-pair": (r'{"a": "\ud83d"}', r'{"a": "\ufffd"}'),
    "escaped": (r'{"a": "\u0041\/"}', '{"a": "A/"}'),
}


@pytest.mark.parametrize(("sent", "stored"), NORMALISED.values(), ids=NORMALISED)
def test_what_is_normalised(admin: ApiClient, namespace: str, sent: str, stored: str) -> None:
    body = json.dumps(manifest(payload={"replace": "me"})).replace('{"replace": "me"}', sent)

    assert admin("POST", tasks_path(namespace), body, JSON).status == 201

    assert StoredTask(admin, namespace).get()["spec"]["payload"] == json.loads(stored)


NOT_JSON = {"nan": math.nan, "infinity": math.inf}


@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(admin: ApiClient, namespace: str, value: float) -> None:
    answer = admin("POST", tasks_path(namespace), manifest(payload={"a": value}))

    assert answer.status == 400


def test_a_key_twice_is_refused_when_validation_is_strict(admin: ApiClient) -> None:
    body = json.dumps(manifest(payload={"replace": "me"})).replace('"replace": "me"', '"a": 1, "a": 2')

    answer = admin("POST", tasks_path("default") + "?dryRun=All&fieldValidation=Strict", body)

    assert answer.status == 400
    assert 'duplicate field "spec.payload.a"' in answer.message


def test_a_merge_patch_cannot_say_null_in_a_payload(admin: ApiClient, namespace: str) -> None:
    """Null means *remove* there: who changes a payload that holds null replaces it by JSON patch or PUT."""
    task = StoredTask(admin, namespace).create()

    task.patch_spec({"payload": {"a": None, "b": 1}})

    assert task.get()["spec"]["payload"] == {"b": 1}


RESULTS: dict[str, Any] = {
    "text": "$(X) ☃",
    "number": 1.5,
    "false": False,
    "empty": {},
    "list": [1, None, {"a": None}],
    "object": {"a": {"b": None}},
}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_result_is_stored_unchanged(admin: ApiClient, namespace: str, result: Any) -> None:
    task = StoredTask(admin, namespace).create(State.IN_PROGRESS)
    patch = [{"op": "add", "path": "/status/result", "value": result}]

    assert admin.patch(task.status_path, patch).status == 200

    assert json.dumps(task.get()["status"]["result"]) == json.dumps(result)


def test_a_result_of_null_is_no_result(admin: ApiClient, namespace: str) -> None:
    task = StoredTask(admin, namespace).create(State.IN_PROGRESS)
    patch = [{"op": "add", "path": "/status/result", "value": None}]

    assert admin.patch(task.status_path, patch).status == 200

    assert task.get()["status"].get("result") is None
