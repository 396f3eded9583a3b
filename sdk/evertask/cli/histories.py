"""The past of a task: its runs, those that are open too, and the changes of its state; newest first.

How much of it there is, ``spec.auditLevel`` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api.outcomes import attempts_of
from evertask.api.protocol import OPEN_PHASES
from evertask.api.times import parse_time
from evertask.cli.rows import MESSAGE_WIDTH, time_of
from evertask.cli.texts import one_line, span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evertask.views import TaskView

RUN_COLUMNS = ("RUN", "SCHEDULED", "STARTED", "TOOK", "LATE", "ATTEMPTS", "OUTCOME", "MESSAGE")
TRANSITION_COLUMNS = ("TIME", "STATE", "RUN", "MESSAGE")

Json = dict[str, Any]


def runs_of(view: TaskView) -> list[Json]:
    """Give the runs that the object has, open ones first, each with the id under ``run`` and its ``outcome``."""
    status = view.raw.get("status") or {}
    past = list(status.get("history") or ())
    known = {entry["run"] for entry in past}
    present = [
        {"run": run_id, **run, "outcome": run.get("phase")}
        for run_id, run in (status.get("runs") or {}).items()
        if run_id not in known
    ]
    present.sort(key=lambda run: (run.get("scheduledTime", ""), run.get("launch", 0)), reverse=True)
    return [*present, *past]


def transitions_of(view: TaskView) -> list[Json]:
    """Give the changes of the state that the object keeps."""
    return list((view.raw.get("status") or {}).get("transitions") or ())


def as_value(view: TaskView) -> Json:
    """Give both for a program."""
    return {"name": view.name, "runs": runs_of(view), "transitions": transitions_of(view)}


def run_rows(view: TaskView, now: datetime) -> list[list[str]]:
    """Give a row for each run."""
    return [_run_row(run, now) for run in runs_of(view)]


def transition_rows(view: TaskView) -> list[list[str]]:
    """Give a row for each change of the state."""
    return [
        [
            _time(entry, "time"),
            one_line(entry.get("state") or ""),
            one_line(entry.get("run") or ""),
            one_line(entry.get("message") or "", MESSAGE_WIDTH),
        ]
        for entry in transitions_of(view)
    ]


def _run_row(run: Mapping[str, Any], now: datetime) -> list[str]:
    return [
        one_line(run["run"]),
        _time(run, "scheduledTime"),
        time_of(_start(run)),
        _took(run, now),
        one_line(run.get("lateness") or ""),
        str(run.get("attempts") or attempts_of(run) or ""),
        one_line(run.get("outcome") or ""),
        one_line(_message(run), MESSAGE_WIDTH),
    ]


def _time(entry: Mapping[str, Any], name: str) -> str:
    return time_of(parse_time(entry[name])) if entry.get(name) else ""


def _start(run: Mapping[str, Any]) -> datetime | None:
    """Give when the handler first started; a run that was given back between two attempts knows two starts."""
    text = run.get("firstStartTime") or run.get("startTime")
    return parse_time(text) if text else None


def _took(run: Mapping[str, Any], now: datetime) -> str:
    start = _start(run)
    if start is None:
        return ""
    if run.get("endTime"):
        return span(parse_time(run["endTime"]) - start)
    return f"{span(now - start)} so far" if run.get("phase") in OPEN_PHASES else ""


def _retrying(run: Mapping[str, Any]) -> str:
    """Say what a run waits for; nothing where it does not wait for an attempt."""
    if not run.get("nextAttemptTime"):
        return ""
    newest: Mapping[str, Any] = next(iter(run.get("failures") or ()), {})
    said = ": ".join(part for part in (newest.get("type"), newest.get("message")) if part)
    return "; ".join(part for part in (f"next attempt {run['nextAttemptTime']}", said) if part)


def _message(run: Mapping[str, Any]) -> str:
    progress, error = run.get("progress") or {}, run.get("error") or {}
    percent = f"{progress['percent']}%" if progress.get("percent") is not None else ""
    at_work = " ".join(part for part in (percent, progress.get("message") or "") if part)
    said = run.get("message") or ""
    if not said and run.get("phase") in OPEN_PHASES:
        said = _retrying(run) or at_work
    if error.get("type") and not said.startswith(error["type"]):
        said = ": ".join(part for part in (error["type"], said) if part)
    failed = [f"{one['callback']} raised {one['message']}" for one in run.get("callbackErrors") or ()]
    return "; ".join(part for part in (said, *failed) if part)
