"""The run as the parent of the tasks that its handler dispatches.

``evertask.children`` is what a dispatcher asks whether it is inside a run. Importing it costs 15 ms, which a handler
that dispatches nothing need not pay: the run is entered at the moment when something first imports the module, and at
once where the user's code has imported it already.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from evertask_runner.json_lines import Json

MODULE = "evertask.children"

_stage: list[Callable[[Any], object]] = []
"""What the run is about at present: for a scope that is entered only now."""
_entered: list[Any] = []
"""Keeps the block open that the run is entered by: the process ends with its run."""


def become_parent(run: Json, send: Callable[[Json], None]) -> None:
    """Let what this process dispatches from now on be children of the run.

    Args:
        run: the run document.
        send: tells the parent process of each child.
    """

    def enter(children: Any) -> None:
        scope = children.RunScope(
            task_uid=run["taskUid"],
            task_name=run["taskName"],
            namespace=run["namespace"],
            run_id=run["run"],
            pod_template=run.get("podTemplate"),
            report=lambda name: send({"kind": "dispatched", "name": name}),
        )
        block = children.inside_run(scope)
        block.__enter__()
        _entered.append(block)
        for begin in _stage:
            begin(scope)

    loaded = sys.modules.get(MODULE)
    if loaded is not None:
        enter(loaded)
    else:
        sys.meta_path.insert(0, _Finder(enter))


def begin_attempt() -> None:
    """Let what is dispatched from now on be counted from where the first attempt began."""
    _begin(lambda scope: scope.begin_attempt())


def begin_retry(number: int) -> None:
    """Let what is dispatched from now on be counted as that of the ``on_retry`` before one retry, from 1."""
    _begin(lambda scope: scope.begin_retry(number))


def _begin(stage: Callable[[Any], object]) -> None:
    _stage[:] = [stage]
    current = getattr(sys.modules.get(MODULE), "current_run", None)
    scope = current and current()
    if scope is not None:
        stage(scope)


class _Finder:
    """Finds one module as Python does, once, and has its own word after the module was loaded."""

    def __init__(self, loaded: Callable[[ModuleType], None]) -> None:
        self._loaded = loaded

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != MODULE or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader, self._loaded)  # type: ignore[assignment]  # its base is dear
                return spec
        return None


class _Loader:
    """Another loader, and a word after it."""

    def __init__(self, loader: Any, loaded: Callable[[ModuleType], None]) -> None:
        self._loader, self._loaded = loader, loaded

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._loaded(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
