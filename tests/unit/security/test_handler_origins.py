"""What a task may name as its handler, judged with a whole image's worth of modules: application, libraries, Python.

Whoever creates tasks needs no right to pods. So each path here that would run what is not a handler is refused.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from evertask_runner.failures import describe_load_failure
from evertask_runner.loading import Loaded, LoadFailure, import_handler
from evertask_runner.origins import ENV_HANDLER_MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION = {
    "appx/__init__.py": "from appx import work\nfrom appx.work import run\n",
    "appx/work.py": (
        "import functools, os, subprocess\n"
        "from subprocess import run as lent\n"
        "from libx.tools import launch, Command, hidden\n"
        "def run(payload): return payload\n"
        "def _private(payload): return payload\n"
        "class Report:\n"
        "    lent = staticmethod(subprocess.run)\n"
        "    def handle(self, payload): return payload\n"
        "bound = functools.partial(run)\n"
        "smuggled = functools.partial(functools.partial(subprocess.run), text=True)\n"
        "@functools.wraps(run)\n"
        "def wrapped(*a): return run(*a)\n"
        "cached = functools.lru_cache(run)\n"
        "registry = []\n"
        "client = Command()\n"
        "class Callable:\n"
        "    def __call__(self, payload): return payload\n"
        "instance = Callable()\n"
    ),
}
LIBRARY = {
    "libx-1.0.dist-info/RECORD": "libx-1.0.dist-info/METADATA,,\nlibx/__init__.py,,\nlibx/tools.py,,\nsingle.py,,\n",
    "single.py": "def run(payload): raise AssertionError\n",
    "libx/__init__.py": "",
    "libx/tools.py": (
        "from evertask import Handler\n"
        "def launch(payload): raise AssertionError\n"
        "def hidden(payload): raise AssertionError\n"
        "hidden.__module__ = 'nicer.name'\n"
        "class Command:\n"
        "    def handle(self, payload): raise AssertionError\n"
        "    def __call__(self, payload): raise AssertionError\n"
        "class Declared(Handler):\n"
        "    def handle(self, task, ctx): return 1\n"
    ),
    "libx/imported.py": "import os\nos.environ['LIBX_IMPORTED'] = 'yes'\ndef go(payload): pass\n",
}


@pytest.fixture(autouse=True, params=["site-packages", "target"])
def image(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An application, and a library that pip put where it puts them; ``pip install --target`` names no such folder."""
    folders = {"app": APPLICATION, f"deep/{request.param}": LIBRARY}
    for folder, files in folders.items():
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"appx", "libx", "single", "beside"}:
            del sys.modules[name]


def refusal(path: str) -> str:
    """The sentence with which a path is refused."""
    found = import_handler(path)
    assert isinstance(found, LoadFailure), found
    assert found.refused, found
    return found.message


@pytest.mark.parametrize(
    "path",
    [
        "appx.work:run",
        "appx:run",
        "appx.work:Report",
        "appx.work:bound",
        "appx.work:wrapped",
        "appx.work:cached",
        "appx.work:instance",
        "evertask_runner.examples:hello",
        "libx.tools:Declared",
    ],
)
def test_the_applications_code_may_be_named(path):
    assert isinstance(import_handler(path), Loaded)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("subprocess:run", "the module subprocess is part of Python"),
        ("os:system", "os is part of Python"),
        ("posix:system", "posix is part of Python"),
        ("builtins:eval", "builtins is part of Python"),
        ("logging.config:dictConfig", "logging.config is part of Python"),
        ("importlib:import_module", "is part of Python"),
        ("runpy:run_module", "is part of Python"),
        ("evertask_runner.child:run_child", "is part of EverTask"),
        ("evertask.connection.credentials:load_credentials", "is part of EverTask"),
        ("evertask:Handler", "is part of EverTask"),
        ("evertask_runner.examples:os.system", "evertask_runner.examples.os is a module"),
        ("appx.work:lent", "is defined in subprocess, which is part of Python"),
        ("appx.work:Report.lent", "is defined in subprocess"),
        ("appx.work:smuggled", "is defined in subprocess"),
        ("appx.work:registry.append", "is defined in builtins"),
        ("appx.work:Report.mro", "is defined in builtins"),
        ("appx.work:launch", "is defined in libx.tools, which is an installed library"),
        ("appx.work:Command", "is defined in libx.tools"),
        ("appx.work:client", "is defined in libx.tools"),
        ("appx.work:client.handle", "is defined in libx.tools"),
        ("appx.work:hidden", "is defined in libx.tools"),
        ("libx.tools:launch", "is defined in libx.tools"),
        ("single:run", "is defined in single, which is an installed library"),
        ("appx.work:os.system", "appx.work.os is a module"),
        ("appx:work.run", "write the handler's own module before the colon: appx.work:…"),
    ],
)
def test_what_is_not_the_applications_is_refused(path, part):
    assert part in refusal(path)


@pytest.mark.parametrize(
    "path",
    [
        "appx.work:_private",
        "appx.work:run.__globals__",
        "appx.work:Report.__subclasses__",
        "appx.work:Report.__init__.__globals__",
        "__main__:main",
        "appx.__main__:main",
        "__builtins__:eval",
    ],
)
def test_private_names_are_refused(path):
    assert "is private by its name" in refusal(path)


@pytest.mark.parametrize(
    "path",
    [
        ".work:run",
        "..appx:run",
        "appx..work:run",
        "appx/work:run",
        "/tmp/x:run",
        "../x:run",
        "appx\\work:run",
        "appx.work:run\n",
        "appx.work: run",
        "appx.work:run()",
        "appx.work:run:run",
        "appx.work",
        "appx.work:",
        ":run",
        "",
        "\uff41ppx.work:run",
        "app\u0445.work:run",
        "appx.work:r\u200bun",
        "appx.work:run\u0000",
        "appx.work:registry[0]",
        "http://x/y:run",
    ],
    ids=ascii,
)
def test_what_is_no_path_is_refused_before_anything_is_imported(path):
    assert "module:attribute" in refusal(path)
    assert "appx" not in sys.modules


def test_a_module_of_pythons_own_is_not_even_imported():
    sys.modules.pop("antigravity", None)
    refusal("antigravity:fly")
    assert "antigravity" not in sys.modules


def test_an_application_may_have_a_module_with_a_name_of_pythons(tmp_path, monkeypatch):
    (tmp_path / "app" / "turtledemo.py").write_text("def run(payload): return 1\n")
    monkeypatch.delitem(sys.modules, "turtledemo", raising=False)
    assert isinstance(import_handler("turtledemo:run"), Loaded)
    monkeypatch.delitem(sys.modules, "turtledemo")


def test_an_application_may_stand_beside_its_libraries(image, request):
    """``pip install --target=/app`` and ``COPY shop /app/shop``."""
    where = request.node.callspec.params["image"]
    package = image / "deep" / where / "beside"
    package.mkdir()
    (package / "__init__.py").write_text("def run(payload): return payload\n")
    # Nothing but what pip installs belongs into site-packages.
    assert isinstance(import_handler("beside:run"), Loaded if where == "target" else LoadFailure)


def test_what_cannot_be_called_is_left_to_the_message_about_handlers():
    assert isinstance(import_handler("appx.work:registry"), Loaded)


def test_a_refused_handler_is_an_invalid_one_in_the_status():
    found = import_handler("subprocess:run")
    assert isinstance(found, LoadFailure)
    error = describe_load_failure(found, 1)
    assert error["type"] == "HandlerInvalid"
    assert "write a function, or a class with a method handle" in error["message"]
    assert "traceback" not in error


# --- the list ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modules", "path"),
    [
        ("appx", "appx.work:run"),
        ("appx.work", "appx.work:run"),
        (" other , appx.work ,", "appx.work:Report"),
        ("libx", "libx.tools:launch"),
        ("json", "json:loads"),
        ("evertask_runner.examples", "evertask_runner.examples:hello"),
        (" , ", "appx.work:run"),
    ],
)
def test_what_the_list_names_may_be_named(monkeypatch, modules, path):
    monkeypatch.setenv(ENV_HANDLER_MODULES, modules)
    assert isinstance(import_handler(path), Loaded)


@pytest.mark.parametrize(
    ("modules", "path", "part"),
    [
        ("appx.handlers", "appx.work:run", "the module appx.work is not among"),
        ("app", "appx.work:run", "the module appx.work is not among"),
        ("appx", "subprocess:run", "the module subprocess is not among"),
        ("appx", "appx.work:lent", "is defined in subprocess, and the module subprocess is not among"),
        ("appx", "libx.tools:Declared", "the module libx.tools is not among"),
        ("appx", "evertask_runner.examples:hello", "the module evertask_runner.examples is not among"),
        ("appx", "appx.work:_private", "is private by its name"),
        ("appx", "appx.work:os.system", "is a module"),
    ],
)
def test_nothing_else_may_be_named_then(monkeypatch, modules, path, part):
    monkeypatch.setenv(ENV_HANDLER_MODULES, modules)
    assert part in refusal(path)


def test_what_the_list_does_not_name_is_not_even_imported(monkeypatch):
    monkeypatch.setenv(ENV_HANDLER_MODULES, "appx")
    monkeypatch.delenv("LIBX_IMPORTED", raising=False)
    message = refusal("libx.imported:go")
    assert "libx" not in sys.modules
    assert f"{ENV_HANDLER_MODULES}=appx" in message
    assert "runners.handlerModules" in message


def test_the_attack_that_this_is_about_would_work_without_the_rule(tmp_path):
    """A payload is one dict, and ``subprocess.run`` takes its keys for a command line."""
    import subprocess

    payload = json.loads(json.dumps({"touch": 1, str(tmp_path / "owned"): 2}))
    subprocess.run(payload, check=True)
    assert (tmp_path / "owned").exists()
    assert "is part of Python" in refusal("subprocess:run")
