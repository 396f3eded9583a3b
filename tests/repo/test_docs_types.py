"""What the documentation shows passes a strict type checker, as the code of who copies it must."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.repo.doc_pages import PAGES, ROOT, blocks_of

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[mypy]
strict = True
ignore_missing_imports = True
# A page goes on with the names that it had; what a reader's own code is, it does not show.
disable_error_code = no-redef, name-defined
"""


def module_of(page: Path, folder: Path) -> str | None:
    """Write a page as a function, line by line where it has them, and its files as modules."""
    lines: list[str] = []
    for block in blocks_of(page):
        if block.language != "python" or "skip" in block.marks:
            continue
        if path := block.marks.get("file"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(block.text)
            continue
        lines += [""] * (block.line - 1 - len(lines))
        lines += textwrap.indent(block.text, "    ").splitlines()
    if not lines:
        return None
    lines[0] = "async def page() -> None:"
    name = re.sub(r"\W", "_", str(page.relative_to(ROOT).with_suffix("")))
    (folder / f"{name}.py").write_text("\n".join(lines) + "\n")
    return name


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, list[str]]:
    """Give what the type checker says, by page."""
    top = tmp_path_factory.mktemp("pages")
    by_module: dict[str, list[str]] = {}
    for page in PAGES:
        # A folder each: two pages may show a file of one name.
        folder = top / re.sub(r"\W", "_", str(page.relative_to(ROOT)))
        folder.mkdir()
        if name := module_of(page, folder):
            by_module[str(page.relative_to(ROOT))] = check(name, folder, top / "cache")
    return by_module


def check(name: str, folder: Path, cache: Path) -> list[str]:
    (folder / "mypy.ini").write_text(SETTINGS)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", str(cache), f"{name}.py"],
        cwd=folder,
        env={**os.environ, "MYPYPATH": os.pathsep.join([str(folder), str(ROOT / "sdk")])},
        capture_output=True,
        text=True,
        check=False,
    )
    return [
        line for line in done.stdout.splitlines() if line.startswith(f"{name}.py:") and ": error:" in line
    ]


def is_shown(page: str, error: str) -> bool:
    """Tell whether an error is in what a reader sees."""
    line = int(error.split(":")[1])
    hidden = [block for block in blocks_of(ROOT / page) if "run" in block.marks]
    return not any(block.line <= line < block.line + block.text.count("\n") + 1 for block in hidden)


def test_what_is_shown_has_no_type_errors(said):
    assert [error for page, errors in said.items() for error in errors if is_shown(page, error)] == []


def test_pages_are_checked(said):
    assert len(said) > 10
