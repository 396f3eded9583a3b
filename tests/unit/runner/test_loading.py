"""From the path of a handler to the object, or to a sentence about what is wrong with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from evertask_runner.loading import Loaded, LoadFailure, import_handler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "shopx/__init__.py": "",
    "shopx/reports.py": "def daily(payload): return 1\nclass Reports:\n    @staticmethod\n    def weekly(): return 2\n",
    "shopx/needs.py": "import not_installed_anywhere\n",
    "shopx/raises.py": "raise RuntimeError('no database')\n",
    "shopx/syntax.py": "def broken(:\n",
    "shopx/exits.py": "import sys\nsys.exit(3)\n",
    "shopx/lazy.py": "def __getattr__(name): raise OSError('disk')\n",
}


@pytest.fixture(autouse=True)
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "shopx":
            del sys.modules[name]


def failure(path: str) -> LoadFailure:
    loaded = import_handler(path)
    assert isinstance(loaded, LoadFailure)
    return loaded


@pytest.mark.parametrize(
    ("path", "result"), [("shopx.reports:daily", 1), ("shopx.reports:Reports.weekly", 2)]
)
def test_a_handler_is_found(path, result):
    loaded = import_handler(path)
    assert isinstance(loaded, Loaded)
    assert loaded.attribute(*([{}] if result == 1 else [])) == result


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("shpx.reports:daily", ["no module 'shpx'", "did you mean", "'shopx'"]),
        ("shopx.reprts:daily", ["no module 'shopx.reprts'", "did you mean 'shopx.reports'?"]),
        ("shopx.zzzzzz:daily", ["no module 'shopx.zzzzzz'", "the package has exits, lazy"]),
        ("shopx.reports.daily:run", ["shopx.reports is a module and not a package"]),
        ("qqqqqqqq:run", ["no module 'qqqqqqqq'", "looked in", "is it installed in the image?"]),
        ("shopx.reports:dayly", ["shopx.reports has no attribute 'dayly'", "did you mean 'daily'?"]),
        (
            "shopx.reports:Reports.yearly",
            ["shopx.reports.Reports has no attribute 'yearly'", "it has weekly"],
        ),
        ("shopx.reports:zzz", ["no attribute 'zzz'", "it has Reports, daily"]),
    ],
)
def test_a_wrong_path_is_not_found_and_the_message_helps(path, parts):
    found = failure(path)
    assert not found.found
    assert [part for part in [path, *parts] if part not in found.message] == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "shopx.needs:run",
            "importing shopx.needs raised ModuleNotFoundError: No module named 'not_installed",
        ),
        ("shopx.raises:run", "importing shopx.raises raised RuntimeError: no database"),
        ("shopx.syntax:run", "importing shopx.syntax raised SyntaxError"),
        ("shopx.exits:run", "importing shopx.exits raised SystemExit: 3"),
        ("shopx.lazy:run", "importing shopx.lazy raised OSError: disk"),
    ],
)
def test_a_module_that_raises_is_an_import_failure_with_its_exception(path, message):
    found = failure(path)
    assert found.found
    assert found.message.startswith(message)
    assert found.exception is not None


def test_modules_of_the_working_directory_can_be_imported(image, monkeypatch):
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(image))])
    monkeypatch.chdir(image)
    assert isinstance(import_handler("shopx.reports:daily"), Loaded)
