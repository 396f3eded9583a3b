"""Whether a text gives away what a payload holds. Pure.

A payload's values may come from Secrets, and a message about an invalid payload is read by everybody who may read the
task. Its words come from pydantic and from the application's validators, which like to quote what they refuse, whole,
cut or in part. So a text that has a run of characters in common with a value counts as quoting it: a message that
is withheld for no good reason costs less than a Secret that is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RUN_LENGTH = 4
"""Characters in a row that a text and a value must share. Whoever knows three of a Secret knows little."""
CHAIN_LENGTH = 50
"""Exceptions of a chain that are looked at; a longer one counts as quoting."""


def texts_of(payload: Mapping[str, Any]) -> list[str]:
    """Give the values that may be a Secret's: texts right under the payload, where ``payloadFrom`` puts them."""
    return [value.casefold() for value in payload.values() if isinstance(value, str)]


def quotes(text: str, values: Sequence[str]) -> bool:
    """Tell whether a text repeats a part of one of the values, which :func:`texts_of` gave."""
    text = text.casefold()
    runs = {text[start : start + RUN_LENGTH] for start in range(len(text) - RUN_LENGTH + 1)}
    return any(run in value for value in values for run in runs)


def raises_quotes(error: BaseException, values: Sequence[str]) -> bool:
    """Tell whether a traceback would repeat a part of a value: in the message or a note of any exception in it."""
    for count, one in enumerate(_chain(error)):
        if count >= CHAIN_LENGTH:
            return True
        try:
            words = [str(one), *map(str, getattr(one, "__notes__", ()))]
        except Exception:  # noqa: BLE001  (user code, of which nothing is known then)
            return True
        if any(quotes(word, values) for word in words):
            return True
    return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and all that its traceback shows, each once."""
    pending, seen = [error], set[int]()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        pending += [linked for linked in (one.__cause__, one.__context__) if linked is not None]
        if isinstance(one, BaseExceptionGroup):
            pending += one.exceptions


def shown_place(place: Sequence[Any], payload: Mapping[str, Any]) -> list[str]:
    """Give the part of a place in the payload that the payload itself has.

    A validator that parses a text goes on into what it found there, whose keys are a part of the value.
    """
    shown: list[str] = []
    value: Any = payload
    for step in place:
        if isinstance(value, str):
            break
        shown.append(str(step))
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            value = {}
    return shown
