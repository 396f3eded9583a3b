"""A task's author who may create tasks and nothing else: what the API server refuses, and what the runner does."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from evertask.api.protocol import State
from tests.support.api_client import tasks_path
from tests.support.tasks import manifest


def deep(levels: int) -> str:
    """A task whose payload is that deep, as text: Python's own writer stops far earlier."""
    body = json.dumps(manifest("deep", payload={"a": 1}))
    return body.replace('{"a": 1}', '{"a":' * levels + "1" + "}" * levels)


@pytest.mark.parametrize(
    "handler",
    [
        ".work:run", "a/b:run", "/tmp/x:run", "../x:run", "a:run()", "a:b:c", "a", "a:", ":b", "$(HOME):run", "{{a}}:b",
        "\uff41:run", "a\u200b:run", "a:run\n", "a:b\u0000", "%s:run", "a b:c", "a:b.c d",
    ],
    ids=ascii,
)  # fmt: skip
def test_a_handler_that_is_no_path_is_refused_before_it_is_stored(admin, namespace, handler):
    answer = admin("POST", tasks_path(namespace), manifest(handler=handler))
    assert answer.status == 422, answer
    assert "spec.handler" in answer.message


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        pytest.param(json.dumps(manifest(payload={"a": "x" * 10_000_000})), {413, 422}, id="10-megabytes"),
        pytest.param(json.dumps(manifest(payload={"a": "x" * 2_000_000})), {413, 422, 500}, id="2-megabytes"),
        pytest.param(deep(20_000), {400, 413, 422, 500}, id="20000-levels"),
        pytest.param(
            json.dumps(manifest(payload={f"k{n}": n for n in range(200_000)})), {413, 422, 500}, id="keys"
        ),
    ],
)
def test_what_is_too_much_is_refused_before_it_is_stored(admin, namespace, body, codes):
    # In the middle of what is far too long the API server hangs up.
    with contextlib.suppress(OSError):
        assert admin("POST", tasks_path(namespace), body).status in codes
    assert admin("GET", tasks_path(namespace)).body["items"] == []


@pytest.mark.parametrize(
    "labels", [{"a": "$(X)"}, {"a": "{{ . }}"}, {"a/b/c": "d"}, {"a": "%s"}, {"a": "\u202e"}], ids=ascii
)
def test_no_template_fits_into_a_label(admin, namespace, labels):
    body = manifest()
    body["metadata"]["labels"] = labels
    assert admin("POST", tasks_path(namespace), body).status == 422


KEYS: dict[str, Any] = {
    "nul\u0000": 1,
    "rtl\u202e": "\u202egnp.exe",
    "zero\u200bwidth\u200d": {"\ufeff": None},
    "$(KUBERNETES_SERVICE_HOST)": "$(HOME) $$(HOME) ${HOME}",
    "{{ .Values }}": "{0.__class__} %(x)s %n {{7*7}}",
    "__class__": {"__proto__": {"constructor": 1}},
    "model_config": "x",
    "self": "cls",
}


def test_odd_keys_and_texts_arrive_as_they_are(stage, kubelet):
    stage.operator()
    task = stage.task(handler="work:echo", payload=KEYS)
    assert task.until_state(State.COMPLETED)["result"] == KEYS


@pytest.mark.parametrize(
    ("handler", "part"),
    [
        ("subprocess:run", "is part of Python"),
        ("subprocess:check_output", "is part of Python"),
        ("work:subprocess.run", "work.subprocess is a module"),
        ("logging.config:dictConfig", "is part of Python"),
        ("pydantic:BaseModel", "is an installed library"),
        ("evertask_runner.child:run_child", "is part of EverTask"),
        ("work:_hidden", "is private by its name"),
        ("__main__:main", "is private by its name"),
    ],
)
def test_a_payload_is_no_command(stage, kubelet, tmp_path, handler, part):
    owned = tmp_path / "owned"
    stage.operator()
    task = stage.task(handler=handler, payload={"sh": 1, "-c": 2, f"touch {owned}": 3})
    error = task.until_state(State.FAILED)["error"]
    assert error["type"] == "HandlerInvalid"
    assert part in error["message"]
    assert not owned.exists()


def test_the_list_of_modules_holds_in_a_runner(stage, kubelet):
    kubelet.environment = {"EVERTASK_HANDLER_MODULES": "work"}
    stage.operator()
    stage.task("a", handler="work:echo").until_state(State.COMPLETED)
    error = stage.task("b", handler="hostile:recurse").until_state(State.FAILED)["error"]
    assert error["type"] == "HandlerInvalid"
    assert "EVERTASK_HANDLER_MODULES=work" in error["message"]
