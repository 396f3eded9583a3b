"""Send a patch until there is an answer that means something.

No connection, 409, 429, 5xx and an answer that is no task are repeated with growing pauses for as long as the pod
lives; 401 and 403 for a minute, because rights and policies take moments to spread, and so a 404 that is not the API
server's word on the task. Everything else is an answer, and the caller's to judge.
"""

from __future__ import annotations

import math
import os
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from evertask.api.protocol import KIND
from evertask_runner import console
from evertask_runner.api_client import READ_SECONDS, ConnectionFailedError
from evertask_runner.json_lines import decode_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask_runner.api_client import ApiClient
    from evertask_runner.http_messages import Answer
    from evertask_runner.json_lines import Json

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
DENIED_SECONDS = 60.0
"""How long 401 and 403 are repeated."""
LOG_INTERVAL_SECONDS = 30.0
"""A trouble that lasts is logged this often."""

OK = 200
DENIED = (401, 403)
NOT_FOUND = 404
CONFLICT = 409
UNPROCESSABLE = 422
TOO_MANY = 429
SERVER_ERRORS = range(500, 600)
TOO_LARGE = b"request is too large"
"""What etcd says of an object beyond 1.5 MiB. The API server passes it on as a 500, but no later try will do."""


class DeniedError(Exception):
    """The API server refused the runner's credentials or rights for a minute."""


class OutOfTimeError(Exception):
    """The pod is about to be killed; the write is given up."""


class Patience(NamedTuple):
    """How to wait, and until when."""

    sleep: Callable[[float], None]
    """Sleeps at most so many seconds."""
    deadline: Callable[[], float | None]
    """Monotonic time at which to give up, None for never; asked anew before every try."""


def pause_seconds(failures: int, retry_after: str | None, random: float) -> float:
    """Say how long to wait before the next try.

    Args:
        failures: tries that failed so far, from 1.
        retry_after: the header of the answer, in seconds.
        random: 0 to 1, spreads the tries of many pods.
    """
    doubled = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10))
    pause = doubled * (0.5 + random / 2)
    if retry_after is not None and retry_after.isdigit():
        pause = max(pause, min(float(retry_after), 60.0) + random)
    return pause


def is_transient(answer: Answer) -> bool:
    """Tell whether an answer says "later"."""
    if answer.status in SERVER_ERRORS:
        return TOO_LARGE not in answer.body
    return answer.status in (CONFLICT, TOO_MANY) or (answer.status == OK and not _is_task(answer))


def is_denied(answer: Answer) -> bool:
    """Tell whether an answer says "not you", or "nothing here" in other words than the API server has for a task."""
    return answer.status in DENIED or (
        answer.status == NOT_FOUND and _document(answer).get("reason") != "NotFound"
    )


def _is_task(answer: Answer) -> bool:
    # Something in between may say 200 for the API server, and then nothing was written.
    return _document(answer).get("kind") == KIND


def _document(answer: Answer) -> Json:
    """Read an answer's object, an empty one where it has none."""
    try:
        document = decode_json(answer.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def message_of(answer: Answer) -> str:
    """Give the API server's own sentence of an answer that is an error."""
    text = _document(answer).get("message")
    return f"{answer.status} {text or answer.body[:200].decode('utf-8', 'replace')}".strip()


class Persistence:
    """Repeats one runner's patches to one task's status."""

    def __init__(self, client: ApiClient, path: str, patience: Patience) -> None:
        self._client, self._path, self._patience = client, path, patience
        self._logged_at: float | None = None

    def patch(self, operations: list[Json]) -> Answer:
        """Send a patch until it is answered for good.

        A repeated patch is judged by its tests: when the first one was applied and its answer lost, the second is
        answered with 422, and the caller reads how it stands.

        Raises:
            DeniedError: 401 or 403 for a minute.
            OutOfTimeError: the deadline passed.
        """
        failures, denied_since = 0, None
        while True:
            try:
                answer = self._client.patch(self._path, operations, min(READ_SECONDS, self._seconds_left()))
            except ConnectionFailedError as error:
                trouble, retry_after = str(error), None
            else:
                if not is_denied(answer) and not is_transient(answer):
                    return answer
                trouble, retry_after = message_of(answer), answer.headers.get("retry-after")
                denied_since = self._check_denied(answer, denied_since, trouble)
            failures += 1
            self._log(trouble)
            random = int.from_bytes(os.urandom(2), "big") / 65535
            self._patience.sleep(min(pause_seconds(failures, retry_after, random), self._seconds_left()))

    def _check_denied(self, answer: Answer, since: float | None, trouble: str) -> float | None:
        if not is_denied(answer):
            return None
        now = monotonic()
        if since is not None and now - since > DENIED_SECONDS:
            raise DeniedError(trouble)
        return since or now

    def read(self) -> Answer:
        """Read the task: an empty patch, which needs no other right."""
        return self.patch([])

    def _seconds_left(self) -> float:
        deadline = self._patience.deadline()
        if deadline is None:
            return math.inf
        left = deadline - monotonic()
        if left <= 0:
            raise OutOfTimeError
        return left

    def _log(self, trouble: str) -> None:
        now = monotonic()
        if self._logged_at is None or now - self._logged_at > LOG_INTERVAL_SECONDS:
            self._logged_at = now
            console.say(f"the API server does not take a write, trying again: {trouble}")
