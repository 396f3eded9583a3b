"""The page of the SDK is made from docstrings, and made well."""

from __future__ import annotations

import dataclasses

import pytest

import evertask
from hack.docstrings import Attribute, attributes_of, markdown
from hack.sdk_reference import chapter_of, make_page, signature

DOCSTRING = """Do ``this``, by :class:`That`.

        More of it.

        Args:
            first: of all;
                and ``more``.
            **rest: others.

        Returns:
            Nothing
            at all.

        Raises:
            ValueError: never.
"""


def test_a_docstring_becomes_markdown():
    assert markdown(DOCSTRING) == (
        "Do `this`, by `That`.\n\nMore of it.\n\n"
        "**Arguments**\n\n- `first`: of all; and `more`.\n- `**rest`: others.\n\n"
        "**Returns**\n\n- Nothing at all.\n\n"
        "**Raises**\n\n- `ValueError`: never."
    )


def test_nothing_said_is_nothing_shown():
    assert markdown(None) == ""


@dataclasses.dataclass
class Sample:
    """A class to read."""

    size: int = 3
    """In pieces."""
    bare: str = ""
    _hidden: int = 0


class SampleError(Exception):
    """An error to read."""

    def __init__(self, code: int) -> None:
        self.code = code
        """Of the
        ``exit``."""
        self.silent = code


@pytest.mark.parametrize(
    ("cls", "found"),
    [
        pytest.param(
            Sample,
            [Attribute("size", "int", "3", "In pieces."), Attribute("bare", "str", "''", "")],
            id="fields",
        ),
        pytest.param(SampleError, [Attribute("code", "", "code", "Of the `exit`.")], id="of-init"),
    ],
)
def test_docstrings_under_attributes_are_read(cls, found):
    assert attributes_of(cls) == found


def long(
    self, first: int, *others: str, flag: bool = False, a_name_to_fill_the_line: dict[str, int] | None = None
) -> None: ...


UNSAID = object()


def short(self, first, second=UNSAID): ...


def test_a_long_signature_takes_a_line_for_each_parameter():
    assert signature("long", long) == (
        "long(\n    first: int,\n    *others: str,\n    flag: bool = False,\n"
        "    a_name_to_fill_the_line: dict[str, int] | None = None,\n) -> None"
    )


def test_a_default_without_a_text_is_an_ellipsis():
    assert signature("short", short) == "short(first, second=…)"


@pytest.mark.parametrize(
    ("module", "chapter"),
    [
        ("evertask.errors", "Errors"),
        ("evertask.api.recurrence", "Schedules"),
        ("evertask.api.protocol", "Values"),
        ("evertask.something_new", "More"),
    ],
)
def test_a_module_has_its_chapter(module, chapter):
    assert chapter_of(module) == chapter


def test_every_public_name_is_on_the_page():
    page = make_page()
    absent = [
        name for name in evertask.__all__ if f"### `{name}`" not in page and f"- `{name}` = " not in page
    ]
    assert absent == []
