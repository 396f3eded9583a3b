"""When a series occurs: one pure answer for the SDK, the command line and the operator."""

from __future__ import annotations

from evertask.recurrence.builder import (
    FRI,
    MON,
    SAT,
    SUN,
    THU,
    TUE,
    WED,
    RecurrenceBuilder,
    build_recurrence,
)
from evertask.recurrence.descriptions import describe
from evertask.recurrence.errors import RecurrenceError
from evertask.recurrence.jitter import jitter_of
from evertask.recurrence.series import (
    Series,
    before_first,
    compile_recurrence,
    count_between,
    next_occurrence,
    occurrences,
)
from evertask.recurrence.states import CompleteRecurrence

__all__ = [
    "FRI",
    "MON",
    "SAT",
    "SUN",
    "THU",
    "TUE",
    "WED",
    "CompleteRecurrence",
    "RecurrenceBuilder",
    "RecurrenceError",
    "Series",
    "before_first",
    "build_recurrence",
    "compile_recurrence",
    "count_between",
    "describe",
    "jitter_of",
    "next_occurrence",
    "occurrences",
]
