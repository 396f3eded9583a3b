"""Worlds for the auditor of chaos: one where all went well, and the parts of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.chaos.audit import Kind, audit
from benchmarks.chaos.records import (
    Asked,
    Call,
    Deed,
    Disturbance,
    How,
    Life,
    Version,
    What,
    World,
)

CREATED = 1_800_000_000.0
RUN = "s1800000000"
ENDED = "2027-01-15T08:00:10Z"
"""Ten seconds after the creation."""


def a_call(**given: Any) -> Call:
    usual = Call("u", "task", RUN, 1, 1, f"et-u-{RUN}-1-abc", CREATED + 1, CREATED + 2, How.RETURNED)
    return replace(usual, **given)


def entry(**given: Any) -> dict[str, Any]:
    return {"launch": 1, "phase": "Running", "podName": f"et-u-{RUN}-1-abc", **given}


def a_life(*statuses: dict[str, Any], **given: Any) -> Life:
    spec = given.pop("spec", {})
    versions = tuple(Version(CREATED + n, spec, status) for n, status in enumerate(statuses))
    return replace(Life("u", "task", CREATED, versions), **given)


def over(state: str = "Completed", phase: str = "Succeeded", **given: Any) -> dict[str, Any]:
    """Give a one-shot's last status."""
    which = {"Succeeded": "succeeded", "Failed": "failed"}.get(phase)
    run = entry(phase=phase, endTime=ENDED) | given.pop("run", {})
    counts = {"runs": 1, which: 1} if which else {}
    return {"state": state, "launches": run["launch"], "runs": {RUN: run}, "counts": counts, **given}


PENDING = {"state": "Pending"}
RUNNING = {"state": "InProgress", "launches": 1, "runs": {RUN: entry()}}
CREATE = Asked(CREATED, "task", Deed.CREATE)
GOOD = World(calls=(a_call(),), lives=(a_life(RUNNING, over()),), asked=(CREATE,))


def asked(*deeds: Deed) -> tuple[Asked, ...]:
    return (CREATE, *(Asked(CREATED + 1, "task", deed) for deed in deeds))


def hit(what: What, launch: int = 1) -> tuple[Disturbance, ...]:
    return (Disturbance(CREATED + 1.5, what, f"et-u-{RUN}-{launch}-abc"),)


def kinds(world: World) -> list[Kind]:
    return [finding.kind for finding in audit(world)]


def failed(kind: str, *, spec: dict[str, Any] | None = None, **run: Any) -> Life:
    return a_life(RUNNING, over("Failed", "Failed", error={"type": kind}, run=run), spec=spec or {})


def series(count: int, **counts: int) -> World:
    """A series of 10 s whose watermark stands at its third occurrence, and so many runs that succeeded."""
    spec = {"recurrence": {"every": "10s"}}
    statuses, calls = [], []
    for number in range(1, count + 1):
        run = f"s{int(CREATED) + 10 * number}"
        statuses.append({"state": "InProgress", "launches": number, "runs": {run: entry(launch=number)}})
        done = entry(launch=number, phase="Succeeded", endTime="2027-01-15T08:10:00Z")
        statuses.append({"state": "InProgress", "launches": number, "runs": {run: done}})
        calls.append(a_call(run=run, launch=number))
    summed = {"runs": count, "succeeded": count, **counts}
    last = {"state": "Completed", "launches": count, "runs": {}, "counts": summed}
    statuses.append(last | {"lastScheduledTime": "2027-01-15T08:00:30Z"})
    return World(calls=tuple(calls), lives=(a_life(*statuses, spec=spec),), asked=(CREATE,))
