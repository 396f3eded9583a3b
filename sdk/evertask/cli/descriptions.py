"""A task at length, for a person: what it is, how it goes, what went wrong, what the cluster said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.durations import format_duration
from evertask.api.times import parse_time
from evertask.cli import histories
from evertask.cli.rows import message_of, spec_of, state_of, time_of
from evertask.cli.texts import GAP, age, aligned, as_json, lines, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from evertask.views import TaskView

PAYLOAD_LINES = 40
"""Of a payload or a result; ``get -o yaml`` has the whole."""

_OPTIONS = (
    "timeout",
    "runTimeout",
    "gracePeriod",
    "startDeadline",
    "onInterruption",
    "maxInterruptions",
    "fenceAfter",
    "auditLevel",
    "ttlAfterFinished",
    "incarnation",
)


def describe(
    view: TaskView, now: datetime, *, children: Sequence[TaskView], events: Sequence[Mapping[str, Any]] | None
) -> str:
    """Describe a task.

    Args:
        view: the task.
        now: for ages.
        children: the tasks that its runs have dispatched.
        events: objects of the core API about it, oldest first; None where they may not be read.
    """
    blocks = [
        "\n".join(_fields(_facts(view, now))),
        _json_block("Payload", spec_of(view).get("payload")),
        _json_block("Result", view.result),
        _error(view),
        _table("Failed attempts", ("RUN", "ATTEMPT", "TIME", "DELAY", "ERROR"), _failed_attempts(view)),
        _table("Conditions", ("TYPE", "STATUS", "REASON", "MESSAGE"), _conditions(view)),
        _table("Runs", histories.RUN_COLUMNS, histories.run_rows(view, now)),
        _table("Transitions", histories.TRANSITION_COLUMNS, histories.transition_rows(view)),
        _table("Children", ("NAME", "STATE", "HANDLER"), [_child(child) for child in children]),
        "Events: not shown; reading them needs the right to list events"
        if events is None
        else _table("Events", ("TYPE", "REASON", "AGE", "MESSAGE"), [_event(event, now) for event in events]),
    ]
    return "\n\n".join(block for block in blocks if block)


def _facts(view: TaskView, now: datetime) -> Iterator[tuple[str, object]]:
    spec, metadata = spec_of(view), view.raw["metadata"]
    annotations = metadata.get("annotations") or {}
    yield "Name", view.name
    yield "Namespace", view.namespace
    yield "Id", view.id
    yield "Key", spec.get("taskKey")
    yield "Handler", view.handler
    yield "Queue", view.queue
    yield "State", state_of(view)
    yield "Message", message_of(view)
    yield "Attempt", view.attempt if view.failed_attempts else None
    yield "Next attempt", None if view.is_finished else _instant(view.next_attempt_time, now)
    yield "Progress", _progress(view)
    yield "Schedule", view.schedule
    yield "Delay", spec.get("delay")
    yield "Run at", spec.get("runAt")
    yield "Next run", None if view.is_finished else _instant(view.next_run_time, now)
    yield "Last run", _instant(view.last_run_time, now)
    yield "Created", _instant(view.created, now)
    yield "Finished", _instant(view.end_time, now) if view.is_finished else None
    yield "Parent", annotations.get(protocol.ANNOTATION_PARENT_NAME)
    yield "Counts", _counts(view)
    yield "Waiting", len((view.raw.get("status") or {}).get("waiting") or ()) or None
    for name in _OPTIONS:
        yield name, spec.get(name)
    yield "retry", _policy(spec.get("retry"))


def _fields(facts: Iterator[tuple[str, object]]) -> list[str]:
    given = [(f"{name}:", one_line(value)) for name, value in facts if value not in {None, ""}]
    return [GAP.join(cells) for cells in aligned(given)]


def _instant(instant: datetime | None, now: datetime) -> str | None:
    if instant is None:
        return None
    when = age(instant, now)
    return f"{time_of(instant)} ({when if when.startswith('in ') else f'{when} ago'})"


def _progress(view: TaskView) -> str | None:
    if view.progress is None:
        return None
    percent = None if view.progress.percent is None else f"{view.progress.percent}%"
    return " ".join(part for part in (percent, view.progress.message) if part) or None


def _policy(retry: Mapping[str, Any] | None) -> str | None:
    """Write ``spec.retry`` on one line: ``limit 5, delay 2s, onlyFor ConnectionError TimeoutError``."""
    if retry is None:
        return None
    said = {name: value for name, value in retry.items() if name != "onExit"}
    if on_exit := retry.get("onExit"):
        said["onExit"] = [on_exit["action"], *on_exit.get("codes", ())]
    written = {
        name: " ".join(map(str, value)) if isinstance(value, list) else value for name, value in said.items()
    }
    return ", ".join(f"{name} {value}" for name, value in written.items()) or "as by default"


def _failed_attempts(view: TaskView) -> list[list[str]]:
    return [
        [
            one_line(run.run),
            str(one.attempt),
            time_of(one.time),
            "" if one.delay is None else format_duration(one.delay),
            one_line(": ".join(part for part in (one.type, one.message) if part)),
        ]
        for run in view.runs
        for one in run.failures
    ]


def _counts(view: TaskView) -> str | None:
    counts = (view.raw.get("status") or {}).get("counts") or {}
    names = ("runs", "succeeded", "failed", "cancelled", "skipped", "missed", "retries")
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name)) or None


def _json_block(title: str, value: Any) -> str:
    if value is None or value == {}:
        return ""
    written = as_json(value).splitlines()
    if len(written) > PAYLOAD_LINES:
        written = [
            *written[:PAYLOAD_LINES],
            f"… {len(written) - PAYLOAD_LINES} more lines: evertask get NAME -o yaml",
        ]
    return _block(title, written)


def _error(view: TaskView) -> str:
    error = view.error
    if error is None:
        return ""
    told = [one_line(": ".join(part for part in (error.type, error.message) if part))]
    if error.attempt:
        told.append(f"attempt {error.attempt}")
    if error.traceback:
        told += lines(error.traceback.rstrip("\n")).split("\n")
    if error.log_tail:
        told += ["The log ended with:", *lines(error.log_tail.rstrip("\n")).split("\n")]
    return _block("Error", told)


def _conditions(view: TaskView) -> list[list[str]]:
    return [
        [one_line(text) for text in (one.type, one.status, one.reason, one.message)]
        for one in view.conditions
    ]


def _child(view: TaskView) -> list[str]:
    return [one_line(view.name), state_of(view), one_line(view.handler)]


def _event(event: Mapping[str, Any], now: datetime) -> list[str]:
    series = event.get("series") or {}
    when = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"]["creationTimestamp"]
    )
    count = series.get("count") or event.get("count") or 1
    repeated = f" (x{count})" if count > 1 else ""
    ago = age(parse_time(when), now)
    return [
        one_line(event.get("type") or ""),
        one_line(event.get("reason") or ""),
        f"{ago}{repeated}",
        one_line(event.get("message") or ""),
    ]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    return _block(title, [GAP.join(cells).rstrip() for cells in aligned([columns, *rows])])


def _block(title: str, content: Sequence[str]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in content)])
