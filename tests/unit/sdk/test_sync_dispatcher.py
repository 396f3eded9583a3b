"""``SyncDispatcher`` has the methods of ``Dispatcher``, and each takes and gives the same."""

from __future__ import annotations

import gc
import inspect
import re
import threading
from contextlib import suppress
from typing import Any

import pytest

from evertask import ConfigurationError, Dispatcher, SyncDispatcher

PARAMETER_TYPES = {
    # An async iterable is no use to code that is not asynchronous.
    "Iterable[Task | Dispatch] | AsyncIterable[Task | Dispatch]": "Iterable[Task | Dispatch]",
}
ONLY_ASYNC = {"aclose"}
ONLY_SYNC = {"close"}


def methods(kind: type) -> set[str]:
    return {name for name, value in inspect.getmembers(kind, callable) if not name.startswith("_")}


def described(method: Any) -> list[tuple[str, Any, Any, str]]:
    return [
        (one.name, one.kind, one.default, PARAMETER_TYPES.get(one.annotation, one.annotation))
        for one in inspect.signature(method).parameters.values()
    ]


def test_both_have_the_same_methods():
    assert methods(Dispatcher) - ONLY_ASYNC == methods(SyncDispatcher) - ONLY_SYNC


@pytest.mark.parametrize("name", sorted(methods(Dispatcher) - ONLY_ASYNC))
def test_a_method_takes_the_same(name):
    assert described(getattr(SyncDispatcher, name)) == described(getattr(Dispatcher, name))


@pytest.mark.parametrize("name", sorted(methods(Dispatcher) - ONLY_ASYNC))
def test_a_method_gives_the_same(name):
    given = inspect.signature(getattr(Dispatcher, name)).return_annotation
    expected = re.sub(r"^AsyncGenerator\[", "Generator[", given)
    assert inspect.signature(getattr(SyncDispatcher, name)).return_annotation == expected


def test_both_are_made_alike_but_for_a_connection_which_belongs_to_a_loop():
    made = [one for one in described(Dispatcher.__init__) if one[0] != "connection"]
    assert described(SyncDispatcher.__init__) == made


def test_without_a_cluster_it_says_so_as_the_dispatcher_does(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    dispatcher = SyncDispatcher(kubeconfig=str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="none"):
        dispatcher.get("a")
    dispatcher.close()


def test_one_that_is_dropped_ends_its_thread(tmp_path):
    dispatcher = SyncDispatcher(kubeconfig=str(tmp_path / "none"))
    with suppress(ConfigurationError):  # pytest.raises would keep the frames, and the dispatcher with them
        dispatcher.get("a")
    thread = next(one for one in threading.enumerate() if one.name == "SyncDispatcher")
    del dispatcher
    for _ in range(100):
        gc.collect()  # more than once: the loop's thread may still hold the error, and by it our frames
        thread.join(0.1)
        if not thread.is_alive():
            break
    assert not thread.is_alive()
