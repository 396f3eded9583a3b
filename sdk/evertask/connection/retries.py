"""When to try a request again: only an idempotent one, only where the answer may be better, never for ever.

Two questions: *may it help?* (``worth_a_retry``) and *how long to wait?* (``pause``). Both are pure.
"""

from __future__ import annotations

from http import HTTPStatus

from evertask.errors import ApiError, ApiUnavailableError, ConflictError, EverTaskError

ALREADY_EXISTS = "AlreadyExists"
"""Reason of a 409 that says that there is an object of that name."""

FIRST_PAUSE = 0.1
"""Seconds before the second try: a lost connection is back at once, a restarted API server after seconds."""

LONGEST_PAUSE = 5.0
"""Seconds. Longer pauses would only delay the answer: what bounds the load is the jitter."""


def worth_a_retry(error: EverTaskError, *, method: str = "") -> bool:
    """Tell whether the same request may succeed later: no answer, 429, or 5xx.

    Args:
        error: how it failed.
        method: of the request. A creation that met a conflict about something else than the name (a quota that was
            changed at that moment) has created nothing, and may succeed too.
    """
    if method == "POST" and isinstance(error, ConflictError):
        return error.reason != ALREADY_EXISTS
    if isinstance(error, ApiUnavailableError):
        return True
    return isinstance(error, ApiError) and (
        error.status == HTTPStatus.TOO_MANY_REQUESTS or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def pause(failures: int, error: EverTaskError, *, luck: float) -> float:
    """Give the seconds to wait after a failure.

    Args:
        failures: how many tries have failed, from 1.
        error: the last failure; its ``Retry-After`` is the least to wait.
        luck: a random number from 0 to 1, which spreads clients that failed together over half the pause.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
    asked = (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0
    return max(longest * (0.5 + luck / 2), asked)
