"""What a run of the suite has to say: a table of what was done and found, and timelines of what must not be."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.chaos.audit import Kind, audit
from benchmarks.chaos.records import Deed, What
from benchmarks.chaos.runs import runs_of
from benchmarks.figures import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.chaos.audit import Finding
    from benchmarks.chaos.records import Json, Life, World

STAGES = {"light": "light control plane", "pods": "real pods"}
WORDS = {"Succeeded": "succeeded", "Failed": "failed", "Cancelled": "were cancelled"}
SHOWN_FINDINGS = 20


def figures(world: World) -> Counter[str]:
    """Count what happened."""
    runs = [run for life in world.lives for run in runs_of(life).values()]
    return Counter(
        {
            "tasks": len(world.lives),
            "runs": sum(bool(run.outcome) for run in runs),
            "calls of handlers": len(world.calls),
            **{
                f"runs that {word}": sum(run.outcome == outcome for run in runs)
                for outcome, word in WORDS.items()
            },
            "retries": sum(run.failed_attempts for run in runs),
            "relaunches after an interruption": sum(run.interruptions for run in runs),
            "callbacks that were killed or raised, and are recorded": sum(
                run.callback_errors for run in runs
            ),
        }
    )


def counted(world: World) -> dict[str, int]:
    """Count what happened in a world, what was asked and what was done."""
    asked = Counter(one.deed for one in world.asked)
    done = Counter(one.what for one in world.disturbances)
    return {
        **figures(world),
        **{f"tasks {deed}": asked[deed] for deed in Deed if deed is not Deed.CREATE},
        **{str(what): done[what] for what in What},
    }


def written_table(worlds: Sequence[World]) -> str:
    """Write what happened, what was asked and what was done, a column for each world; and what was found in it."""
    columns = [counted(world) for world in worlds]
    rows = [
        (what, *(f"{column.get(what, 0):,}" for column in columns))
        for what in dict.fromkeys(what for column in columns for what in column)
        if any(column.get(what) for column in columns)
    ]
    kinds = [Counter(finding.kind for finding in audit(world)) for world in worlds]
    rows += [(f"**{kind}**", *(f"**{found[kind]}**" for found in kinds)) for kind in Kind]
    return table(("", *(STAGES[world.stage] for world in worlds)), rows)


def written(worlds: Sequence[World], findings: Sequence[Finding]) -> str:
    """Write the table, and each finding with its task's timeline."""
    parts = [written_table(worlds)]
    for finding in findings[:SHOWN_FINDINGS]:
        parts.append(f"{finding.kind}\n  {finding.task}: {finding.text}")
        parts += (timeline(world, finding.task) for world in worlds)
    if len(findings) > SHOWN_FINDINGS:
        parts.append(f"… and {len(findings) - SHOWN_FINDINGS} more findings")
    return "\n\n".join(part for part in parts if part)


def timeline(world: World, name: str) -> str:
    """Tell the life of a task, oldest first: what was asked, done to its pods, called, and what the status said."""
    events: list[tuple[float, str]] = []
    for life in world.lives:
        if life.name == name:
            events += _versions(life)
            events += ((call.start, f"CALL {_of(call)}") for call in world.calls if call.uid == life.uid)
            events += (
                (call.end, f"END  {_of(call)}: {call.how}")
                for call in world.calls
                if call.uid == life.uid and call.end
            )
            events += ((one.seen, one.text) for one in world.traces if one.task_uid == life.uid)
            mine = f"et-{life.uid}-"
            events += (
                (one.at, f"DONE {one.what}: {one.pod}") for one in world.disturbances if mine in one.pod
            )
            if life.gone:
                events.append((life.gone, "GONE"))
    events += ((one.at, f"ASKED {one.deed}") for one in world.asked if one.task == name)
    return "\n".join(f"    {_clock(at)} {text}" for at, text in sorted(events))


def _of(call: object) -> str:
    run, launch, attempt, pod = (getattr(call, name) for name in ("run", "launch", "attempt", "pod"))
    return f"{run} launch {launch} attempt {attempt} in {pod}"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]


def _versions(life: Life) -> list[tuple[float, str]]:
    return [(version.seen, f"status {_short(version.status)}") for version in life.versions]


def _short(status: Json) -> str:
    runs = {
        run: {
            name: entry[name]
            for name in (
                "phase",
                "launch",
                "podName",
                "stop",
                "interruptions",
                "failedAttempts",
                "nextAttemptTime",
            )
            if name in entry
        }
        for run, entry in (status.get("runs") or {}).items()
    }
    error = (status.get("error") or {}).get("type")
    return f"{status.get('state')} ({status.get('message')}) runs {runs} counts {status.get('counts')}" + (
        f" error {error}" if error else ""
    )
