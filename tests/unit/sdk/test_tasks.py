"""Which handlers a task may name, and what the class refuses when it is written."""

from __future__ import annotations

import pytest
from pydantic import Field

from evertask import ConfigurationError, Handler, Task
from evertask.tasks import handler_path


class Nested:
    """Holds a handler that is reachable by a path."""

    class SendWelcome(Handler["Welcome"]):
        def handle(self, *_):
            return None


class Welcome(Task):
    handler = Nested.SendWelcome
    user: int = 0


def make_task_type(handler) -> type[Task]:
    return type("Odd", (Task,), {"handler": handler, "__module__": __name__})


def local_handler() -> type:
    class Local(Handler[Welcome]):
        def handle(self, *_):
            return None

    return Local


def script_handler() -> type:
    return type("Script", (Handler,), {"handle": lambda *_: None, "__module__": "__main__"})


def test_a_handler_class_gives_its_own_path():
    assert handler_path(Welcome) == f"{__name__}:Nested.SendWelcome"


def test_a_handler_path_is_taken_as_it_is():
    assert handler_path(make_task_type("shop.emails:Sender.send")) == "shop.emails:Sender.send"


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        pytest.param(None, "names no handler", id="none"),
        pytest.param("shop.emails", "write module:attribute", id="no-attribute"),
        pytest.param("shop.emails:", "write module:attribute", id="empty-attribute"),
        pytest.param("shop-app.emails:Send", "write module:attribute", id="dash"),
        pytest.param("shop.emails:Send\n", "write module:attribute", id="newline"),
        pytest.param("$(X):y", "write module:attribute", id="dollar"),
        pytest.param(int, "a class with a handle method", id="no-handle"),
        pytest.param(7, "a class with a handle method", id="number"),
        pytest.param(local_handler(), "top level of its module", id="local"),
        pytest.param(script_handler(), "module of the runner's image", id="main"),
    ],
)
def test_a_handler_that_the_runner_cannot_import_is_refused(handler, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        handler_path(make_task_type(handler))
    assert "Odd" in str(caught.value)


# pydantic warns first; an application sees the warning and then the error.
@pytest.mark.filterwarnings("ignore:Field name:UserWarning")
@pytest.mark.parametrize("option", ["handler", "timeout", "pod_template", "on_interruption"])
def test_a_payload_field_named_like_an_option_is_refused(option):
    body = {"__annotations__": {option: "int"}, "__module__": __name__}
    with pytest.raises(ConfigurationError, match=f"Odd.{option} is a payload field"):
        type("Odd", (Task,), body)


def test_an_alias_gives_a_payload_the_name_of_an_option():
    class Call(Task):
        handler = "shop.calls:call"
        timeout_: int = Field(alias="timeout")

    assert Call(timeout=5).model_dump(by_alias=True) == {"timeout": 5}


def test_a_handler_without_handle_cannot_be_made():
    class Empty(Handler[Welcome]):
        pass

    with pytest.raises(TypeError, match="handle"):
        Empty()  # type: ignore[abstract]
