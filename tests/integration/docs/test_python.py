"""Every Python block of the documentation runs, in the order of its page, against a real API server."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib.util
import inspect
import json
import linecache
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.repo.doc_pages import PAGES, ROOT, blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType

    from tests.integration.docs.conftest import Ending
    from tests.repo.doc_pages import Block

SECONDS = 60.0
"""For one block; none waits for pods."""

WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks_of(page))]


def missing(block: Block) -> list[str]:
    """Name the packages that a block needs and that are not installed."""
    return [name for name in block.marks.get("needs", "").split() if importlib.util.find_spec(name) is None]


def compiled(block: Block) -> CodeType:
    """Compile a block so that ``await`` may stand at its top, and tracebacks show the page's line."""
    page = (ROOT / block.page).read_text("utf-8")
    linecache.cache[block.page] = (len(page), None, page.splitlines(keepends=True), block.page)
    source = "\n" * (block.line - 1) + block.text
    code: CodeType = compile(source, block.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder whose modules can be imported, and forget them afterwards."""
    code = tmp_path / "code"
    code.mkdir()
    monkeypatch.chdir(code)
    monkeypatch.syspath_prepend(str(code))
    before = set(sys.modules)
    yield code
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(getattr(module, "__file__", None) or "").startswith((str(code), str(ROOT / "examples"))):
            del sys.modules[name]


class Reader:
    """Reads a page from the top, and does what it says."""

    def __init__(self, folder: Path, runner: asyncio.Runner, ending: Ending) -> None:
        self.names: dict[str, Any] = {"__name__": "page"}
        self._folder, self._runner, self._ending = folder, runner, ending

    def read(self, block: Block) -> None:
        """Run one block, as its marks say."""
        if "skip" in block.marks:
            return
        if path := block.marks.get("file"):
            self._write(path, block.text)
            return
        status = block.marks.get("ends")
        with self._ending(json.loads(status)) if status else contextlib.nullcontext():
            if name := block.marks.get("raises"):
                with pytest.raises(Exception) as caught:  # noqa: PT011  (its class is what the page says)
                    self._run(block)
                assert name in {each.__name__ for each in type(caught.value).__mro__}, caught.value
            else:
                self._run(block)

    def _run(self, block: Block) -> None:
        code = compiled(block)
        if not code.co_flags & inspect.CO_COROUTINE:
            exec(code, self.names)
            return

        async def await_it() -> None:
            async with asyncio.timeout(SECONDS):
                await eval(code, self.names)

        self._runner.run(await_it())

    def _write(self, path: str, text: str) -> None:
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        importlib.invalidate_caches()

    def close(self) -> None:
        """Close the dispatchers that the page leaves open, as the end of a program would."""
        for value in list(self.names.values()):
            if inspect.iscoroutinefunction(getattr(value, "aclose", None)) and not inspect.isclass(value):
                self._runner.run(value.aclose())
            elif type(value).__name__ == "SyncDispatcher":
                value.close()


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_runs(page, kubeconfig, folder, ending):
    blocks = [block for block in blocks_of(page) if block.language == "python"]
    if absent := sorted({name for block in blocks for name in missing(block)}):
        pytest.skip(f"not installed: {', '.join(absent)}")
    with asyncio.Runner() as runner:
        reader = Reader(folder, runner, ending)
        try:
            for block in blocks:
                reader.read(block)
        finally:
            reader.close()
