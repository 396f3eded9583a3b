"""What an audit says in the end: passed, failed with the way out, or not done. Pure.

An audit needs a service or a tool that cannot be had everywhere, and a person without it must still be able to verify a
change. So what could not be looked at is said plainly, and fails only where ``CI_AUDIT=required``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from hack.audit.exceptions import Exemption

REQUIRED_VARIABLE = "CI_AUDIT"
REQUIRED = "required"
FILE = "hack/audit/exceptions.toml"


@dataclass(frozen=True)
class Finding:
    """Something that an audit has found."""

    id: str
    subject: str
    text: str
    """What it is and what to do, one line."""


@dataclass(frozen=True)
class Verdict:
    """What to print, and how to end."""

    lines: tuple[str, ...]
    code: int
    """Exit code."""


def judge(
    name: str, findings: Iterable[Finding], exemptions: Sequence[Exemption], *, looked_at: str, today: date
) -> Verdict:
    """Judge what was found.

    Args:
        name: of the audit.
        findings: all of them, those that are let pass too.
        exemptions: what is let pass.
        looked_at: what was audited, for the line that says that all is well.
        today: exemptions end.
    """
    found = list(findings)
    standing = [one for one in found if not any(e.covers(one.id, one.subject, today) for e in exemptions)]
    idle = [
        e for e in exemptions if not any((one.id, one.subject) == (e.finding, e.subject) for one in found)
    ]
    if standing or idle:
        return Verdict(
            (
                *(f"[{name}] {one.subject}: {one.id}: {one.text}" for one in standing),
                *(
                    f"[{name}] {e.subject}: {e.finding} is not found any more: take it out of {FILE}"
                    for e in idle
                ),
                f"[{name}] failed: mend it, or say in {FILE} why it does no harm here",
            ),
            1,
        )
    passed = f", {len(found)} let pass by {FILE}" if found else ""
    return Verdict((f"[{name}] {looked_at}: nothing found{passed}",), 0)


def not_done(name: str, why: str, *, required: bool) -> Verdict:
    """Say that an audit could not be made."""
    if required:
        return Verdict(
            (f"[{name}] NOT AUDITED: {why}", f"[{name}] failed: {REQUIRED_VARIABLE}={REQUIRED}"), 1
        )
    way_out = f"; {REQUIRED_VARIABLE}={REQUIRED} makes this a failure"
    return Verdict((f"[{name}] NOT AUDITED: {why}{way_out}",), 0)
