"""The handlers' way to the application's records and messages, by HTTP. Standard library only: every pod pays."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

URL_VARIABLE = "PATTERNS_URL"
"""Environment variable with the application's address."""

DEFAULT_URL = "http://patterns"
"""The application's Service, in the task's own namespace."""

TIMEOUT_SECONDS = 10.0
NOT_FOUND = 404


class World:
    """What a handler can find out and bring about."""

    def __init__(self, url: str | None = None) -> None:
        """Say where the application is; by default what the environment says."""
        self._url = url or os.environ.get(URL_VARIABLE, DEFAULT_URL)

    def state(self, kind: str, key: str) -> str | None:
        """Give a record's state; None where there is no such record.

        Raises:
            OSError: the application does not answer. The task fails with it.
        """
        try:
            return str(self._call("GET", f"/inside/records/{quote(kind)}/{quote(key)}")["state"])
        except HTTPError as error:
            with error:
                if error.code == NOT_FOUND:
                    return None
                raise

    def set(self, kind: str, key: str, state: str, *, expected: str | None = None) -> bool:
        """Set a record's state and tell whether it was set; with ``expected`` only if it is in that state."""
        change = {"state": state, "expected": expected}
        return bool(self._call("PUT", f"/inside/records/{quote(kind)}/{quote(key)}", change)["changed"])

    def send(self, task_id: object, channel: str, receiver: str, text: str) -> bool:
        """Send a message and tell whether it is new: the task's id makes that a second run sends nothing."""
        message = {"channel": channel, "receiver": receiver, "text": text}
        return bool(self._call("PUT", f"/inside/messages/{quote(str(task_id))}", message)["sent"])

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(self._url + path, data, headers, method=method)  # noqa: S310  (our own address)
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return json.load(answer)
