r"""Words of a cluster, made fit for a terminal: nothing in them may drive it.

A task's message, name or result comes from somebody else. Control characters, and those that turn the direction of
the text round, are shown as what they are (``\x1b``), never sent.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]",
)
"""Control characters, marks and overrides of the direction, separators of lines, and halves of surrogate pairs."""

_IN_TEXT = re.compile(f"(?![\n\t]){UNSAFE.pattern}")

ELLIPSIS = "…"
GAP = "   "
"""Between the columns of a table, as kubectl has it."""

_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"))


def one_line(text: object, limit: int | None = None) -> str:
    """Write a text of any origin on one line.

    Args:
        text: whatever the cluster says.
        limit: characters to cut it to.
    """
    safe = UNSAFE.sub(_escaped, str(text))
    return safe if limit is None or len(safe) <= limit else f"{safe[: limit - 1]}{ELLIPSIS}"


def lines(text: str) -> str:
    """Write a text of any origin with its line breaks and tabs, such as a traceback or a log."""
    return _IN_TEXT.sub(_escaped, text.replace("\r\n", "\n"))


def _escaped(match: re.Match[str]) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    code = ord(match[0])
    return short.get(match[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")  # noqa: PLR2004


def as_json(value: Any, *, indent: int | None = 2) -> str:
    """Write a value as JSON that says the same, and is safe to show: inside strings JSON knows an escape for all."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _IN_TEXT.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_yaml(value: Any) -> str:
    """Write a value as YAML, safe to show."""
    import yaml  # noqa: PLC0415  (only when asked for)

    is_safe = _IN_TEXT.search(json.dumps(value, ensure_ascii=False)) is None
    # What is not printable is escaped all the same; this decides about the rest.
    return str(yaml.safe_dump(value, sort_keys=False, width=100, allow_unicode=is_safe)).rstrip("\n")


def span(duration: timedelta) -> str:
    """Write a duration roughly, by its two largest units: ``45s``, ``2m5s``, ``3h``, ``12d``."""
    seconds = max(duration, timedelta(0)) // timedelta(seconds=1)
    rest = timedelta(seconds=seconds)
    if rest < timedelta(minutes=1):
        return f"{seconds}s"
    for unit, letter in _UNITS:
        if rest >= unit:
            count, left = divmod(rest, unit)
            smaller = {"d": (3600, "h"), "h": (60, "m"), "m": (1, "s")}[letter]
            part = int(left.total_seconds()) // smaller[0]
            return f"{count}{letter}" + (f"{part}{smaller[1]}" if part and count < 10 else "")  # noqa: PLR2004
    raise AssertionError(duration)


def age(then: datetime | None, now: datetime) -> str:
    """Say how long ago an instant was, or in how long it will be: ``3m``, ``in 2h``; nothing for none."""
    if then is None:
        return ""
    return f"in {span(then - now)}" if then > now else span(now - then)


def width(text: str) -> int:
    """Count the columns that a terminal takes for a text."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def aligned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Pad the cells of a table so that its columns align; the last one is left as it is."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        [f"{cell}{' ' * (size - width(cell))}" for cell, size in zip(row[:-1], widths, strict=False)]
        + [row[-1]]
        for row in rows
    ]
