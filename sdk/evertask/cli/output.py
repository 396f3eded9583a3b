"""What ``evertask next`` prints: answers on the standard output, notes and complaints on the error output."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from evertask.api.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from evertask.cli.forecasts import Forecast


class Output(StrEnum):
    """How the answers are written."""

    TEXT = "text"
    """An instant a line."""
    WIDE = "wide"
    """With the local time of the schedule's zone."""
    JSON = "json"
    """For programs."""


def as_json(forecasts: Sequence[Forecast]) -> str:
    """Write one entry a document, in their order."""
    entries = [
        {
            "name": forecast.name,
            "occurrences": [format_time(instant) for instant in forecast.occurrences],
            "error": "\n".join(forecast.problems) or None,
        }
        for forecast in forecasts
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def as_text(forecasts: Sequence[Forecast], output: Output) -> str:
    """Write the good documents for a person; a heading each where there are several documents."""
    blocks = []
    for forecast in forecasts:
        if forecast.problems:
            continue
        lines = list(_wide(forecast) if output is Output.WIDE else map(format_time, forecast.occurrences))
        if len(forecasts) > 1:
            words = f": {forecast.schedule}" if output is Output.WIDE and forecast.schedule else ":"
            lines.insert(0, f"{forecast.name or forecast.label}{words}")
        blocks.append("\n".join(lines))
    separator = "\n\n" if len(forecasts) > 1 else "\n"
    return separator.join(block for block in blocks if block)


def _wide(forecast: Forecast) -> Iterator[str]:
    if not forecast.occurrences:
        return
    rows = [
        (format_time(instant), *_local(instant, forecast.time_zone), forecast.time_zone)
        for instant in forecast.occurrences
    ]
    header = ("UTC", "LOCAL", "DAY", "ZONE")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        yield "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _local(instant: datetime, zone: str) -> tuple[str, str]:
    """Give the local time with its offset, and the weekday."""
    try:
        local = instant.astimezone(ZoneInfo(zone))
    except OverflowError:  # in the first or last hours that a datetime knows
        return "-", "-"
    return local.isoformat(), ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[local.weekday()]
