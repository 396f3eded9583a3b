"""The fields of a cron expression: from their text to sets of numbers.

The grammar is that of Cronos, the cron library of .NET, letter by letter: what it refuses is refused here, so that an
expression means the same to both or nothing.

    field         = star | item { "," item }
    star          = ( "*" | "?" ) [ "/" step ]                   alone, never in a list
    item          = value [ "-" value ] [ "/" step ]             22-2 wraps; 5/15 is 5-<last>/15
    value         = one or two digits | a name of three letters  JAN to DEC, SUN to SAT, in any case
    day of month  = field | "L" [ "-" number ] [ "W" ] | value "W"
    day of week   = field | value "L" | value "#" ( 1 to 5 )     0 and 7 are Sunday

A set of numbers is an integer whose bit n stands for n.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

_LAST_DAY = re.compile(r"L(?:-([^W]*))?(W)?", re.IGNORECASE | re.ASCII)
_NEAREST = re.compile(r"([^,]*)W", re.IGNORECASE | re.ASCII)
_LAST_WEEKDAY = re.compile(r"([^,]+)L", re.IGNORECASE | re.ASCII)
_ORDINAL_WEEKDAY = re.compile(r"([^,#]*)#([^,#]*)")
_NUMBER = re.compile(r"[0-9]{1,2}")

_SUNDAY_AGAIN: Final = 7
_ORDINALS: Final = range(1, 6)


class CronSyntaxError(ValueError):
    """A text that is no field of a cron expression: names the field, the part, and what may stand there."""


@dataclass(frozen=True, slots=True)
class CronField:
    """What a field may hold."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    """Words for the numbers from ``first`` on."""
    alone: str = ""
    """What else may stand alone, for messages."""

    def refuse(self, text: str, part: str, allowed: str) -> CronSyntaxError:
        """The error that says of a part of the field's text what it must be."""
        if not part:
            what = f"{allowed} is missing"
        elif part[0] in "*?":
            what = (
                f"{part!r} stands alone, but for a step such as */2; in a list and in a range write numbers"
            )
        elif part[0] in "Hh":
            what = f"{part!r} must be {allowed}; H is not known here: spec.recurrence.jitter spreads starts"
        else:
            what = f"{part!r} must be {allowed}"
        return CronSyntaxError(f"{self.name} {text!r}: {what}{self.alone}")

    @property
    def values(self) -> str:
        """What a value is, for messages."""
        named = f" or a name from {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"a number from {self.first} to {self.last}{named}"


SECOND: Final = CronField("second", 0, 59)
MINUTE: Final = CronField("minute", 0, 59)
HOUR: Final = CronField("hour", 0, 23)
DAY_OF_MONTH: Final = CronField("day of month", 1, 31, alone="; L, L-3, LW, L-3W and 15W may stand alone")
MONTH: Final = CronField(
    "month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
)
DAY_OF_WEEK: Final = CronField(
    "day of week",
    0,
    7,
    ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
    alone="; 5L (the last Friday) and 6#3 (the third Saturday) may stand alone",
)


class DayOfMonth(NamedTuple):
    """The condition on the day of the month."""

    numbers: int
    before_last: int | None = None
    """``L-n``: n days before the last of the month, in place of ``numbers``."""
    nearest_weekday: bool = False
    """``W``: the day from Monday to Friday nearest to the only number, in the same month."""


class DayOfWeek(NamedTuple):
    """The condition on the day of the week."""

    numbers: int
    """Sunday is 0 only."""
    last: bool = False
    """``L``: the last such day of the month."""
    ordinal: int | None = None
    """``#n``: the n-th such day of the month."""


def read_numbers(field: CronField, text: str) -> int:
    """Read a field that holds plain numbers.

    Raises:
        CronSyntaxError: the text is no such field.
    """
    if text[0] in "*?":
        slash, step = text[1:2], text[2:]
        if not slash:
            return numbers_from(field.first, field.last)
        if slash != "/" or "," in step:
            raise field.refuse(text, text, "")
        return numbers_from(field.first, field.last, _step(field, text, step))
    numbers = 0
    for item in text.split(","):
        numbers |= _item(field, text, item)
    return numbers


def repeats(text: str) -> bool:
    """Whether a second, minute or hour is written as a rhythm, with ``*``, ``?``, ``-`` or ``/``."""
    return any(character in text for character in "*?-/")


def restricts(text: str) -> bool:
    """Whether a day field restricts the days, as CronJob sees it: every day is meant only by ``*`` or ``?`` itself."""
    return not any(item in {"*", "?", "*/1", "?/1"} for item in text.split(","))


def read_day_of_month(text: str) -> DayOfMonth:
    """Read the day of the month.

    Raises:
        CronSyntaxError: the text is no such field.
    """
    field = DAY_OF_MONTH
    if last := _LAST_DAY.fullmatch(text):
        before, weekday = last.groups()
        back = 0 if before is None else _number(field, text, before, range(field.last), "a number of days")
        return DayOfMonth(0, back, nearest_weekday=bool(weekday))
    if (nearest := _NEAREST.fullmatch(text)) and _NUMBER.fullmatch(nearest[1]):
        return DayOfMonth(1 << _value(field, text, nearest[1]), nearest_weekday=True)
    return DayOfMonth(read_numbers(field, text))


def read_day_of_week(text: str) -> DayOfWeek:
    """Read the day of the week.

    Raises:
        CronSyntaxError: the text is no such field.
    """
    field = DAY_OF_WEEK
    if last := _LAST_WEEKDAY.fullmatch(text):
        return DayOfWeek(_sunday_once(1 << _value(field, text, last[1])), last=True)
    if nth := _ORDINAL_WEEKDAY.fullmatch(text):
        day, ordinal = nth.groups()
        numbers = _sunday_once(1 << _value(field, text, day))
        return DayOfWeek(numbers, ordinal=_number(field, text, ordinal, _ORDINALS, "an ordinal"))
    return DayOfWeek(_sunday_once(read_numbers(field, text)))


def numbers_from(first: int, last: int, step: int = 1) -> int:
    """The set of every ``step``-th number from ``first`` to ``last``; empty where ``last`` is less."""
    if step == 1:
        return (2 << last) - (1 << first) if first <= last else 0
    return sum(1 << number for number in range(first, last + 1, step))


def _item(field: CronField, text: str, item: str) -> int:
    values, slash, step = item.partition("/")
    low, dash, high = values.partition("-")
    first = _value(field, text, low)
    end = field.last if slash else first
    last = _value(field, text, high) if dash else end
    by = _step(field, text, step) if slash else 1
    return numbers_from(first, last, by) if first <= last else _wrapped(field, first, last, by)


def _wrapped(field: CronField, first: int, last: int, step: int) -> int:
    """A range that goes past the end of its field, as 22-2 does, and on from the beginning in the same rhythm."""
    end = field.last - 1 if field is DAY_OF_WEEK else field.last  # one of the two Sundays
    # A division that truncates, as Cronos': it matters for 7-3/2 only, where `end` is less than `first`.
    again = field.first + step - int(math.fmod(end - first, step)) - 1
    return numbers_from(first, end, step) | numbers_from(again, last, step)


def _value(field: CronField, text: str, word: str) -> int:
    """A number or a name; numbers have one or two digits, so 007 is none."""
    if word.upper() in field.names:
        return field.first + field.names.index(word.upper())
    if _NUMBER.fullmatch(word) and field.first <= int(word) <= field.last:
        return int(word)
    raise field.refuse(text, word, field.values)


def _step(field: CronField, text: str, word: str) -> int:
    return _number(field, text, word, range(1, field.last + 1), "a step")


def _number(field: CronField, text: str, word: str, allowed: range, what: str) -> int:
    if _NUMBER.fullmatch(word) and int(word) in allowed:
        return int(word)
    raise field.refuse(text, word, f"{what} from {allowed[0]} to {allowed[-1]}")


def _sunday_once(numbers: int) -> int:
    return (numbers | numbers >> _SUNDAY_AGAIN) & (1 << _SUNDAY_AGAIN) - 1
