"""The suite's own way to the API server: one that waits while it is away, and one that watches.

Not the product's: what is judged must not be told by the code that is judged.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.chaos.records import Json

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
AWAY = (OSError, http.client.HTTPException)
PATIENCE_SECONDS = 120.0
WATCH_SECONDS = 60
BUSY, SERVER_ERROR, GONE = 429, 500, 410
CREATED, OK, NOT_FOUND, CONFLICT = 201, 200, 404, 409


class ExpiredError(Exception):
    """The API server does not remember what has happened since a version."""


class Answer(NamedTuple):
    """What the API server said."""

    status: int
    body: Any


class Api:
    """Calls one API server; one connection a thread."""

    def __init__(self, server: str, ca: str = "", token: str = "") -> None:
        """Describe it.

        Args:
            server: URL of the API server, or of a ``kubectl proxy``, which needs neither authority nor token.
            ca: path of the authority that signed its certificate.
            token: a bearer token.
        """
        self._server = urlsplit(server)
        self._ssl = ssl.create_default_context(cafile=ca) if ca else None
        self._headers = {"Accept": JSON} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._local = threading.local()
        self._kept: list[http.client.HTTPConnection] = []
        self._watches: set[http.client.HTTPConnection] = set()

    def close(self) -> None:
        """Close the connections of all threads."""
        self.end_watches()
        while self._kept:
            self._kept.pop().close()

    def end_watches(self) -> None:
        """End all watches: each finds that nothing more comes."""
        for connection in tuple(self._watches):
            with contextlib.suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self._server.hostname or "", self._server.port
        if self._ssl is None:
            return http.client.HTTPConnection(host, port, timeout=timeout)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._ssl)

    def once(self, method: str, path: str, body: Any = None, kind: str = JSON) -> Answer:
        """Make one request.

        Raises:
            OSError, http.client.HTTPException: no answer came.
        """
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect(15)
            self._kept.append(self._local.connection)
        connection: http.client.HTTPConnection = self._local.connection
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                self._headers | {"Content-Type": kind},
            )
            response = connection.getresponse()
            text = response.read()
        except AWAY:
            connection.close()
            raise
        is_json = JSON in response.headers.get("Content-Type", "")
        return Answer(response.status, json.loads(text) if is_json else text)

    def __call__(self, method: str, path: str, body: Any = None, kind: str = JSON) -> Answer:
        """Make a request until it is really answered. A write may then have been made before.

        Raises:
            TimeoutError: not within two minutes.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            said: object
            try:
                answer = self.once(method, path, body, kind)
                if answer.status < SERVER_ERROR and answer.status != BUSY:
                    return answer
                said = answer
            except AWAY as error:
                said = error
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path}: {said}")
            time.sleep(0.25)

    def create(self, path: str, body: Json) -> Answer:
        """Create an object; one that is there was created by a request whose answer was lost.

        Raises:
            ValueError: it is refused.
        """
        answer = self("POST", path, body)
        if answer.status not in {CREATED, CONFLICT}:
            raise ValueError(f"POST {path}: {answer}")
        return answer

    def patch(self, path: str, body: Json) -> Answer:
        """Send a merge patch."""
        return self("PATCH", path, body, MERGE_PATCH)

    def items(self, path: str) -> list[Json]:
        """List objects."""
        found: list[Json] = self("GET", path).body["items"]
        return found

    def watch(self, path: str, version: str) -> Iterator[Json]:
        """Give the events since a version until the API server ends the watch.

        Raises:
            ExpiredError: it does not remember that far back.
            OSError, http.client.HTTPException: the connection broke.
        """
        query = f"watch=1&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}"
        connection = self._connect(WATCH_SECONDS + 10)
        self._watches.add(connection)
        try:
            connection.request("GET", f"{path}{'&' if '?' in path else '?'}{query}", headers=self._headers)
            with connection.getresponse() as response:
                yield from _events(response, path)
        finally:
            self._watches.discard(connection)
            connection.close()


def _events(response: http.client.HTTPResponse, path: str) -> Iterator[Json]:
    if response.status == GONE:
        raise ExpiredError(path)
    if response.status != OK:
        raise OSError(f"watch of {path}: {response.status}")
    while line := response.readline():
        event = json.loads(line)
        if event["type"] == "ERROR":
            if event["object"].get("code") == GONE:
                raise ExpiredError(path)
            raise OSError(f"watch of {path}: {event['object']}")
        yield event
