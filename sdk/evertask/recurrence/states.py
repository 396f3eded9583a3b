"""States of the builder's sentence that may be its end, and what ends it: limits and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from evertask.api.recurrence import Recurrence
from evertask.recurrence.python_values import duration_text, instant_text, refusal
from evertask.recurrence.series import compile_recurrence

if TYPE_CHECKING:
    from datetime import datetime, timedelta

Json = dict[str, Any]


class State:
    """What was said so far, as JSON of ``spec.recurrence``. It never changes."""

    __slots__ = ("_said",)

    def __init__(self, said: Json) -> None:
        self._said = said


class CompleteRecurrence(State):
    """A recurrence that is said to its end, though more may follow."""

    __slots__ = ()

    def build(self) -> Recurrence:
        """Give the model.

        Raises:
            RecurrenceError: a value cannot be meant.
        """
        compile_recurrence(self._said)
        return Recurrence.model_validate(self._said)


class Scheduled(CompleteRecurrence):
    """The schedule is said; its limits and options may follow in any order, each once."""

    __slots__ = ()

    def run_until(self, instant: datetime) -> Scheduled:
        """End the series: no occurrence at this aware instant or after it."""
        return self._with("until", instant_text("until", instant))

    def max_runs(self, count: int) -> Scheduled:
        """End the series after so many runs, from 1; see ``Recurrence.max_runs``."""
        return self._with("maxRuns", count)

    def in_zone(self, name: str) -> Scheduled:
        """Follow the clocks of an IANA zone such as Europe/Rome; without it those of UTC."""
        return self._with("timeZone", name)

    def daylight_saving(
        self,
        *,
        gap: Literal["RunAfter", "Skip"] | None = None,
        fold: Literal["First", "Second", "Both"] | None = None,
    ) -> Scheduled:
        """Say what becomes of local times that a change of the clocks skips (gap) or repeats (fold)."""
        return self._with("daylightSaving", _given(gap=gap, fold=fold))

    def catch_up(
        self,
        policy: Literal["Latest", "All", "None"] | None = None,
        *,
        window: timedelta | None = None,
        limit: int | None = None,
    ) -> Scheduled:
        """Say what becomes of occurrences that were due while nothing could start them; see ``CatchUp``."""
        age = None if window is None else duration_text("catchUp.window", window)
        return self._with("catchUp", _given(policy=policy, window=age, limit=limit))

    def overlap(self, policy: Literal["Skip", "Queue", "Replace", "Allow"]) -> Scheduled:
        """Say what becomes of an occurrence that is due while a run is not over."""
        return self._with("overlap", policy)

    def jitter(self, most: timedelta) -> Scheduled:
        """Delay each start by a part of this, always the same for one occurrence of one task."""
        return self._with("jitter", duration_text("jitter", most))

    def _with(self, field: str, value: Any) -> Scheduled:
        if field in self._said:
            raise refusal(field, value, f"this was said before, as {self._said[field]!r}; keep one of them")
        return Scheduled({**self._said, field: value})


def _given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}
