"""``spec.recurrence`` of an EverTask: when a task runs again and again.

Field docs are contract text: ``kubectl explain``, the CRD and the reference page are made from them. What only code
can judge (a cron expression that never fires, an unknown time zone) is judged by ``evertask.recurrence``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from evertask.api.durations import MAX_LENGTH
from evertask.api.rules import (
    ApiModel,
    Rule,
    duration_between,
    instant,
    matches,
    not_stored,
    rule,
    validations,
)

Bounded = StringConstraints(max_length=MAX_LENGTH)
Instant = StringConstraints(max_length=64)

CRON_LENGTH = 256
"""Characters of a cron expression."""

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
"""In the order of ``datetime.weekday()``."""

TIME_OF_DAY_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
TimeOfDay = Annotated[
    str,
    StringConstraints(max_length=8),
    matches(
        TIME_OF_DAY_PATTERN, "a time of day must be written HH:MM or HH:MM:SS, for example 09:00 or 17:30:15"
    ),
]

_DAY = "a day must be a weekday, Monday to Sunday, or a day of the month, 1 to 31"


def _check_day(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:  # a sentence for each of the two kinds, and neither says that there is another
        raise ValueError(f"{_DAY}; this is {value!r}") from None


Day = Annotated[
    Annotated[int, Field(ge=1, le=31, strict=True)] | Weekday,
    WrapValidator(_check_day),
    WithJsonSchema(
        {"x-kubernetes-int-or-string": True, "maxLength": MAX_LENGTH}
        | validations(
            rule(
                "type(self) == int ? (self >= 1 && self <= 31) : "
                f"self in [{', '.join(repr(day) for day in WEEKDAYS)}]",
                _DAY,
            )
        )
    ),
]

_ONE_FIRST = "set exactly one of immediately: true, after and at in spec.recurrence.first"
_ONE_FORM = (
    "set exactly one of cron, crons, every and calendar in spec.recurrence "
    "(none of them only together with first: then the first run is the only one)"
)
_DAY_MATCH = "spec.recurrence.dayMatch speaks of cron expressions; remove it, or use cron or crons"


class FirstRun(ApiModel):
    """When the first run of a series is, apart from its schedule."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "(self.?immediately.orValue(false) ? 1 : 0) + (has(self.after) ? 1 : 0) + "
                "(has(self.at) ? 1 : 0) == 1",
                _ONE_FIRST,
            )
        )
    )

    immediately: bool | None = None
    """immediately: true runs the task at once, then the schedule goes on from that run."""
    after: Annotated[str, Bounded, duration_between("after", "0s", "87600h")] | None = None
    """after runs the task for the first time this long after its creation, from 0s to 87600h; then the schedule
    goes on from that run."""
    at: Annotated[str, Instant, instant("at")] | None = None
    """at runs the task for the first time at an instant, RFC 3339 with a zone; then the schedule goes on from that
    run. An instant that was past already when the task was created makes no run: the schedule alone starts there."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if bool(self.immediately) + (self.after is not None) + (self.at is not None) != 1:
            raise ValueError(_ONE_FIRST)
        return self


class OrdinalWeekday(ApiModel):
    """A weekday of a month by its number."""

    ordinal: Literal["First", "Second", "Third", "Fourth", "Last"]
    """ordinal: First, Second, Third, Fourth or Last. Required."""
    day: Weekday
    """day of the week, Monday to Sunday. Required."""


class Calendar(ApiModel):
    """A schedule in the words of a calendar: every n units, refined by days and times."""

    every: Annotated[int, Field(ge=1, le=1000, json_schema_extra=not_stored)] = 1
    """every counts units between runs, from 1 to 1000. More than 1 is counted from the unit (the day, the week that
    begins on Sunday, the month) in which the task was created, or of the first run where first is given. Default 1."""
    unit: Literal["Second", "Minute", "Hour", "Day", "Week", "Month"]
    """unit: Second, Minute, Hour, Day, Week or Month. Required."""
    at_second: Annotated[int, Field(ge=0, le=59)] | None = None
    """atSecond is the second of the minute, 0 to 59; with the units Minute and Hour. With Hour it needs atMinute."""
    at_minute: Annotated[int, Field(ge=0, le=59)] | None = None
    """atMinute is the minute of the hour, 0 to 59; with the unit Hour."""
    at_times: Annotated[list[TimeOfDay], Field(min_length=1, max_length=48)] | None = None
    """atTimes lists times of the day, HH:MM or HH:MM:SS, in the time zone of the recurrence; each of them occurs.
    With the units Day, Week and Month. 1 to 48. Default 00:00."""
    on_day: Annotated[int, Field(ge=1, le=31)] | None = None
    """onDay is the day of the month, 1 to 31; with the unit Month. In a shorter month it is the last day. Default:
    the day on which the task was created, or of the first run where first is given."""
    on_days: (
        Annotated[
            list[Day],
            Field(min_length=1, max_length=31),
        ]
        | None
    ) = None
    """onDays lists days, and each of them occurs: Monday to Sunday with the unit Week, 1 to 31 with the unit Month
    (in a shorter month the last day stands for those that it lacks). Default with Week: the weekday on which the
    task was created, or of the first run where first is given."""
    on_weekday: OrdinalWeekday | None = None
    """onWeekday is a weekday of the month by its number, for example {ordinal: First, day: Monday}; with the unit
    Month."""
    on_months: (
        Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(min_length=1, max_length=12)] | None
    ) = None
    """onMonths lists the months of the year, 1 to 12, and each of them occurs, every year; with the unit Month and
    every: 1."""


class DaylightSaving(ApiModel):
    """What becomes of local times that a change of the clocks skips or repeats."""

    gap: Literal["RunAfter", "Skip"] | None = None
    """gap says what becomes of an occurrence whose local time does not exist in spring: RunAfter runs it at the
    first instant after the gap (the default), Skip leaves it out."""
    fold: Literal["First", "Second", "Both"] | None = None
    """fold says what becomes of an occurrence whose local time comes twice in autumn: First, Second or Both.
    Default: First for a fixed time of day; Both for a schedule that repeats within the hour or the day (a cron
    expression with *, - or / in the second, minute or hour), so that its rhythm is kept."""


class CatchUp(ApiModel):
    """What becomes of occurrences that were due while nothing could start them."""

    policy: Annotated[Literal["Latest", "All", "None"], Field(json_schema_extra=not_stored)] = "Latest"
    """policy: Latest runs the newest missed occurrence at once, unless the one after it is due already (the
    default); All runs each missed occurrence, one after another, each told its own nominal time; None runs none of
    them."""
    window: Annotated[str, Bounded, duration_between("window", "1s", "87600h")] | None = None
    """window is the age beyond which a missed occurrence is not run any more, from 1s to 87600h. Default: no limit."""
    limit: Annotated[int, Field(ge=1, le=100)] | None = None
    """limit bounds how many missed occurrences All runs, from 1 to 100: the newest are kept. Default 100."""


_FORMS = "[has(self.cron), has(self.crons), has(self.every), has(self.calendar)].filter(given, given).size()"

Cron = Annotated[
    str,
    StringConstraints(min_length=1, max_length=CRON_LENGTH),
    Rule(
        "self.trim() != ''",
        lambda text: bool(text.strip()),
        "a cron expression must not be empty; write for example 30 9 * * MON-FRI",
    ),
]


class Recurrence(ApiModel):
    """When a task runs again and again."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(f"{_FORMS} == 1 || ({_FORMS} == 0 && has(self.first))", _ONE_FORM),
            rule("!has(self.dayMatch) || has(self.cron) || has(self.crons)", _DAY_MATCH),
        )
    )

    cron: Cron | None = None
    """cron is a cron expression of five fields (minute, hour, day of month, month, day of week) or of six, with the
    second first; at most 256 characters. Lists, ranges (wrapped ones too, such as 22-2), steps, names (MON, JAN),
    L, L-3, W, LW, 5L, 6#3, ? and the macros @hourly, @daily, @weekly, @monthly, @yearly are understood."""
    crons: Annotated[list[Cron], Field(min_length=1, max_length=16)] | None = None
    """crons lists 1 to 16 cron expressions: the task runs whenever one of them says so, and once where several do."""
    every: Annotated[str, Bounded, duration_between("every", "1s", "87600h")] | None = None
    """every is a fixed interval such as 90s or 1h30m, from 1s to 87600h, on a grid that starts at the creation of the
    task, or at the first run where first is given: no drift, and no heed of the clocks' changes."""
    calendar: Calendar | None = None
    """calendar says it in the words of a calendar: every n days, weeks, months, at times of the day."""
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """timeZone is the IANA name of the zone whose clocks cron and calendar follow, for example Europe/Rome.
    Default UTC."""
    day_match: Literal["Any", "Both"] | None = None
    """dayMatch says which days a cron expression means that restricts both the day of the month and the day of the
    week: Any of the two (the default, as CronJob does) or Both, so that 0 0 13 * FRI is Friday the 13th."""
    first: FirstRun | None = None
    """first sets the first run apart from the schedule, which goes on from it. Without a schedule it is the only
    run."""
    until: Annotated[str, Instant, instant("until")] | None = None
    """until ends the series: no occurrence at this instant or after it. RFC 3339 with a zone."""
    max_runs: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """maxRuns ends the series after this many runs, from 1 to 1000000000. Runs that succeeded or failed count, and
    those of first and runNow too; skipped, missed and cancelled ones do not."""
    jitter: Annotated[str, Bounded, duration_between("jitter", "0s", "24h")] | None = None
    """jitter delays each start by a part of this duration, from 0s to 24h, that is different for each task and
    occurrence, and always the same for one. The run is told its time without it. Default 0s."""
    daylight_saving: DaylightSaving | None = None
    """daylightSaving says what becomes of local times that a change of the clocks skips or repeats."""
    catch_up: CatchUp | None = None
    """catchUp says what becomes of occurrences that were due while nothing could start them: the operator or the API
    server was away. Default: the newest of them runs, unless the one after it is due already."""
    overlap: Literal["Skip", "Queue", "Replace", "Allow"] | None = None
    """overlap says what becomes of an occurrence that is due while a run is not over: Skip leaves it out (the
    default), Queue runs it afterwards (at most 100 wait), Replace stops the run and starts the new one when no pod
    of the old is left, Allow runs both (at most 16 at once)."""

    @model_validator(mode="after")
    def _is_one_schedule(self) -> Self:
        forms = sum(form is not None for form in (self.cron, self.crons, self.every, self.calendar))
        if forms != 1 and not (forms == 0 and self.first is not None):
            raise ValueError(_ONE_FORM)
        if self.day_match is not None and self.cron is None and self.crons is None:
            raise ValueError(_DAY_MATCH)
        return self
