"""The documentation as something that can be run: pages are lists of code blocks, some of them with marks.

A mark is an HTML comment right before a block, invisible to a reader:

    <!-- test: skip REASON -->       the block is not run; every one is listed in test_docs_blocks.py
    <!-- test: needs flask -->       run where the package is installed
    <!-- test: file shop/mails.py --> written as a module, not run here
    <!-- test: ends STATUS -->       while the block runs, tasks end with this status (JSON): there are no pods
    <!-- test: raises ERROR -->      the block raises an error of this class
    <!-- test: values -->            the block is values of the Helm chart

and a comment that is a block of its own, run at its place:

    <!-- test: run
    assert task_id == again
    -->

The Python blocks of a page share one namespace, in their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = frozenset({"skip", "needs", "file", "ends", "raises", "values", "run"})

_MARK = re.compile(r"<!-- test: (?P<kind>[a-z]+)(?P<argument>.*?)-->", re.DOTALL)
_FENCE = re.compile(r"(?P<indent> *)```(?P<language>[a-z]*)$")


@dataclass(frozen=True)
class Block:
    """One block of code of a page."""

    page: str
    """Path of the page in the repository."""
    line: int
    """Of the page, from 1: where the code begins."""
    language: str
    """As the fence says; empty for plain text."""
    text: str
    marks: dict[str, str] = field(default_factory=dict)
    """By kind: what the mark says."""

    @property
    def place(self) -> str:
        """Where it is, for people and for tracebacks."""
        return f"{self.page}:{self.line}"


def blocks_of(path: Path) -> list[Block]:
    """Read the blocks of a page, hidden ones too, in their order.

    Raises:
        ValueError: a mark is none, or marks no block.
    """
    lines = path.read_text("utf-8").splitlines()
    page = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    found: list[Block] = []
    marks: dict[str, str] = {}
    at = 0
    while at < len(lines):
        if lines[at].startswith("<!-- test:"):
            end = next(number for number in range(at, len(lines)) if "-->" in lines[number])
            kind, argument = _mark("\n".join(lines[at : end + 1]), f"{page}:{at + 1}")
            if kind == "run":
                found.append(Block(page, at + 2, "python", argument.lstrip("\n"), {"run": ""}))
            else:
                marks[kind] = argument.strip()
        elif fence := _FENCE.match(lines[at]):
            indent = fence["indent"]
            end = next(number for number in range(at + 1, len(lines)) if lines[number] == f"{indent}```")
            text = "".join(f"{line.removeprefix(indent)}\n" for line in lines[at + 1 : end])
            found.append(Block(page, at + 2, fence["language"], text, marks))
            marks = {}
        else:
            end = at
            if marks and lines[at].strip():
                raise ValueError(
                    f"{page}:{at + 1}: the mark {', '.join(marks)} stands before prose, not a block"
                )
        at = end + 1
    return found


def _mark(comment: str, place: str) -> tuple[str, str]:
    """Read a mark."""
    mark = _MARK.fullmatch(comment)
    if mark is None or mark["kind"] not in KINDS:
        raise ValueError(f"{place}: {comment} is no mark; there are {', '.join(sorted(KINDS))}")
    return mark["kind"], mark["argument"]


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
"""Every page whose blocks are run."""


def blocks(language: str | None = None) -> list[Block]:
    """Give the blocks of all pages, of one language or of all."""
    return [
        block for page in PAGES for block in blocks_of(page) if language is None or block.language == language
    ]
