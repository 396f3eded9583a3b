"""No block of code in the documentation goes unchecked without saying why."""

from __future__ import annotations

import json
import re

import pytest

from tests.repo.doc_pages import PAGES, ROOT, blocks, blocks_of

CHECKED = {"python", "yaml", "json", "sh", "console"}
"""Python and YAML in tests/integration/docs, shells in test_docs_commands.py, JSON here."""
NOT_CODE = {"", "dockerfile"}
"""Drawings and synopses; the Dockerfiles are those of the quickstart, whose image the examples build."""

SKIPPED: set[tuple[str, str]] = set()
"""Page and reason of each block that is marked to be skipped."""

LOOKS_LIKE_CODE = re.compile(r"^(import |from \w+ import |apiVersion:|\$ evertask )", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is(page):
    languages = {block.language for block in blocks_of(page)}
    assert languages <= CHECKED | NOT_CODE


def test_plain_blocks_hide_no_code():
    assert [block.place for block in blocks("") if LOOKS_LIKE_CODE.search(block.text)] == []


def test_what_is_skipped_is_listed_here_with_its_reason():
    assert {(block.page, block.marks["skip"]) for block in blocks() if "skip" in block.marks} == SKIPPED


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.place)
def test_json_is_json(block):
    assert json.loads(block.text) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("<!-- test: skp no -->\n```python\n```\n", "is no mark; there are", id="unknown"),
        pytest.param("<!-- test: skip no -->\nSome words.\n", "before prose, not a block", id="before-prose"),
    ],
)
def test_a_mark_that_would_do_nothing_is_an_error(text, said, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match=said):
        blocks_of(page)


def test_a_page_is_read_as_it_is_written(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# T\n\n<!-- test: needs flask -->\n```python\na = 1\n```\n"
        "<!-- test: run\nassert a\n-->\n- x\n\n  ```sh\n  ls\n  ```\n"
    )
    assert [(block.line, block.language, block.text, block.marks) for block in blocks_of(page)] == [
        (5, "python", "a = 1\n", {"needs": "flask"}),
        (8, "python", "assert a\n", {"run": ""}),
        (13, "sh", "ls\n", {}),
    ]
