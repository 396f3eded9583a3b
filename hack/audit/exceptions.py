"""What the audits let pass, by hack/audit/exceptions.toml: each entry says why, and a vulnerability's until when."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("exceptions.toml")


class ExceptionsError(Exception):
    """The file is not what it should be; the message names the entry."""


@dataclass(frozen=True)
class Exemption:
    """One finding that is let pass."""

    finding: str
    """Id of the vulnerability or of the check."""
    subject: str
    """The package, or ``Kind/name`` of the object."""
    reason: str
    until: date | None = None
    """The last day on which it holds; None for good."""

    def covers(self, finding: str, subject: str, today: date) -> bool:
        """Tell whether it lets a finding pass today."""
        in_time = self.until is None or today <= self.until
        return in_time and (self.finding, self.subject) == (finding, subject)


def read_exemptions(table: str, file: Path = FILE) -> list[Exemption]:
    """Read the entries of one table: ``vulnerability`` or ``check``.

    Raises:
        ExceptionsError: an entry lacks something, or has an unknown key.
    """
    entries = tomllib.loads(file.read_text()).get(table, [])
    return [_read(table, number, entry) for number, entry in enumerate(entries, start=1)]


def _read(table: str, number: int, entry: dict[str, Any]) -> Exemption:
    where = f"{FILE.name}: {table} {number}"
    needed = {"id", "subject", "reason"} | ({"until"} if table == "vulnerability" else set())
    if set(entry) != needed:
        raise ExceptionsError(f"{where} has the keys {sorted(entry)}; it needs {sorted(needed)}")
    until = entry.get("until")
    if until is not None and type(until) is not date:
        raise ExceptionsError(f"{where}: until={until!r} is no date; write it as 2026-12-31, without quotes")
    if not str(entry["reason"]).strip():
        raise ExceptionsError(f"{where}: the reason is empty; say why it does no harm here")
    return Exemption(entry["id"], entry["subject"], entry["reason"], until)
