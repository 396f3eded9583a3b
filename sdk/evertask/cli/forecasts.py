"""When a task will run, as far as its object says: the pure part of ``evertask next``.

A document is a question about a schedule: it is judged whole, and answered from its anchor (its creation, or else the
instant that is asked from). An object that a cluster has stored also has a life: what is over, cancelled or suspended
has no next run, and runs that were counted are no longer to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from evertask.api.durations import parse_duration
from evertask.api.task import EverTask, EverTaskSpec
from evertask.api.times import end_of_delay, format_time, parse_time
from evertask.cli.complaints import complaints
from evertask.cli.lives import Life, life_of
from evertask.recurrence import (
    RecurrenceError,
    before_first,
    compile_recurrence,
    describe,
    next_occurrence,
    occurrences,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask.api.recurrence import Recurrence


@dataclass(frozen=True)
class Forecast:
    """The answer for one document."""

    name: str | None
    label: str
    """What messages call the document."""
    occurrences: tuple[datetime, ...] = ()
    """In UTC, in order, without jitter."""
    problems: tuple[str, ...] = ()
    """What is wrong with the document, one sentence a field; then there are no occurrences."""
    notes: tuple[str, ...] = ()
    """What a person should know besides."""
    time_zone: str = "UTC"
    """The zone in which the schedule was written."""
    schedule: str = ""
    """The schedule in words."""


@dataclass(frozen=True)
class _Answer:
    """What a good document says."""

    occurrences: tuple[datetime, ...] = ()
    notes: tuple[str, ...] = ()
    schedule: str = ""


@dataclass(frozen=True)
class _Question:
    """A good document, and what is asked about it."""

    spec: EverTaskSpec
    life: Life
    is_stored: bool
    """A cluster has it: the API server gave it a uid."""
    anchor: datetime
    after: datetime
    count: int


class _WrongFieldError(ValueError):
    """A field outside the spec is of no use."""


def forecast(
    content: Mapping[str, Any], *, name: str | None, label: str, after: datetime, count: int
) -> Forecast:
    """Say when a task runs after an instant.

    Args:
        content: the object, as it was written or stored.
        name: of the task.
        label: what messages call it.
        after: aware; occurrences are strictly later. Also the anchor of a document that was never stored.
        count: how many occurrences at most.
    """
    # What a status holds was written by EverTask, perhaps by a newer one; it is not judged with the rest.
    judged = {key: value for key, value in content.items() if key != "status"}
    try:
        # Strict, and by the wire's names only: the API server converts nothing.
        task = EverTask.model_validate(judged, strict=True, by_alias=True, by_name=False)
        question = _question(task, _life(content), after, count)
        answer = _answer(question)
    except ValidationError as error:
        return Forecast(name, label, problems=tuple(complaints(error)))
    except (RecurrenceError, _WrongFieldError) as error:
        return Forecast(name, label, problems=(str(error),))
    series = task.spec.recurrence
    zone = (series.time_zone if series else None) or "UTC"
    return Forecast(name, label, answer.occurrences, (), answer.notes, zone, answer.schedule)


def _life(content: Mapping[str, Any]) -> Life:
    try:
        return life_of(content)
    except ValueError as error:
        raise _WrongFieldError(str(error)) from error


def _question(task: EverTask, life: Life, after: datetime, count: int) -> _Question:
    metadata, spec = task.metadata, task.spec
    if metadata.get("name") is not None and not isinstance(metadata["name"], str):
        raise _WrongFieldError(f"metadata.name must be a text; write it in quotes: '{metadata['name']}'")
    is_stored = bool(metadata.get("uid")) or life.is_seen
    if life.is_seen and (spec.incarnation or 0) > life.incarnation:
        # The operator has not taken the new incarnation up yet: it arms it when it does, about now.
        return _Question(spec, Life(), is_stored, after, after, count)
    armed = life.armed if spec.incarnation else None
    return _Question(spec, life, is_stored, armed or _created(metadata) or after, after, count)


def _created(metadata: Mapping[str, Any]) -> datetime | None:
    """When the object was created; None for a document that was never stored."""
    text = metadata.get("creationTimestamp")
    if text is None:
        return None
    try:
        return parse_time(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise _WrongFieldError(
            "metadata.creationTimestamp must be written like 2026-12-25T10:00:00Z; "
            f"correct {text!r}, or remove the field: the cluster sets it"
        ) from error


def _answer(question: _Question) -> _Answer:
    # A series is compiled first: what is wrong with it is said even where it will not run.
    recurrence = question.spec.recurrence
    answer = _series(question, recurrence) if recurrence else _once(question)
    reason = _standstill(question)
    if reason is not None:
        return _Answer(notes=(reason,), schedule=answer.schedule)
    if question.spec.suspend:
        note = "spec.suspend is true: once this is applied, nothing runs until that is false"
        return _Answer(answer.occurrences, (*answer.notes, note), answer.schedule)
    return answer


def _standstill(question: _Question) -> str | None:
    """Say why a task has no next run at all; None where it may have one."""
    spec, life = question.spec, question.life
    if life.is_finished:
        message = f" ({life.message})" if life.message else ""
        return f"no run is to come: it is {life.state}{message}; raise spec.incarnation to start it again"
    if spec.cancel:
        return (
            "no run is to come: it is cancelled (spec.cancel is true); set that to false and raise "
            "spec.incarnation to start it again"
        )
    if spec.suspend and question.is_stored:
        return "no run is to come: it is suspended (spec.suspend is true); nothing runs until that is false"
    return None


def _series(question: _Question, recurrence: Recurrence) -> _Answer:
    series = compile_recurrence(recurrence)
    anchor, after, limit = question.anchor, question.after, question.count
    notes: list[str] = []
    if series.max_runs is not None:
        limit = min(limit, max(0, series.max_runs - _runs_made(question, recurrence)))
    found = tuple(islice(occurrences(series, after, anchor), limit))
    if recurrence.jitter and parse_duration(recurrence.jitter):
        notes.append(f"each start is delayed by less than {recurrence.jitter} (spec.recurrence.jitter)")
    if not found:
        notes = [_end_of_series(question, recurrence, limit)]
    return _Answer(found, tuple(notes), describe(recurrence))


def _runs_made(question: _Question, recurrence: Recurrence) -> int:
    """Count the runs that ``maxRuns`` has used up at the instant that is asked from."""
    life, after = question.life, question.after
    if life.is_seen:
        return life.counted + sum(scheduled <= after for scheduled in life.open_runs)
    if recurrence.first is None:
        return 0
    # The first run of a task that was just created: not after the instant that is asked from, and yet a run.
    opening = next_occurrence(recurrence, before_first(question.anchor), question.anchor)
    return int(opening is not None and opening <= after)


def _end_of_series(question: _Question, recurrence: Recurrence, limit: int) -> str:
    after = format_time(question.after)
    if limit == 0:
        return f"no run after {after}: spec.recurrence.maxRuns is {recurrence.max_runs}, and all of them have been made"
    if recurrence.until:
        return f"no run after {after}: the series ends before spec.recurrence.until, {recurrence.until}"
    return f"no run after {after}: the series has no occurrence later than that, up to the year 9999"


def _once(question: _Question) -> _Answer:
    spec, anchor = question.spec, question.anchor
    if spec.run_at is not None:
        due, schedule = parse_time(spec.run_at), f"once at {spec.run_at}"
    elif spec.delay is not None:
        delay, schedule = parse_duration(spec.delay), f"once after {spec.delay}"
        try:
            due = end_of_delay(anchor, delay) if question.is_stored else anchor + delay
        except OverflowError:
            return _Answer(notes=("spec.delay ends after the year 9999",), schedule=schedule)
    else:
        due, schedule = anchor, "once, at once"
    if due > question.after:
        return _Answer((due.astimezone(UTC),), schedule=schedule)
    if due == anchor == question.after:
        return _Answer(notes=("it runs once, as soon as it is applied",), schedule=schedule)
    note = f"it runs once, at {format_time(due)}, which is not after {format_time(question.after)}"
    return _Answer(notes=(note,), schedule=schedule)
