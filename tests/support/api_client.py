"""A tiny client of the API server for tests: method, path, body in; status and JSON out. No retries."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from evertask.api import protocol

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Answer(NamedTuple):
    """What the API server said."""

    status: int
    body: Any

    @property
    def message(self) -> str:
        """The sentence of a refusal."""
        return str(self.body["message"])


class ApiClient:
    """Calls the API server with one identity; one connection a thread, kept alive until ``close``."""

    def __init__(self, server: str, ca: str = "", token: str | None = None) -> None:
        """Describe the client.

        Args:
            server: URL of the API server, or of a ``kubectl proxy``, which needs no authority and no token.
            ca: path of the authority that signed its certificate.
            token: bearer token; None calls as nobody.
        """
        self._server = urlsplit(server)
        self._ca = ca
        self._token = token
        self._local = threading.local()
        self._to_close: list[http.client.HTTPConnection | ApiClient] = []
        self.warnings: list[str] = []
        """Warnings that came with the last answer."""

    def as_token(self, token: str | None) -> ApiClient:
        """Give a client with another identity; closed together with this one."""
        other = ApiClient(self._server.geturl(), self._ca, token)
        self._to_close.append(other)
        return other

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._make_connection(self._server.hostname or "")
            self._to_close.append(self._local.connection)
        connection: http.client.HTTPConnection = self._local.connection
        return connection

    def _make_connection(self, host: str) -> http.client.HTTPConnection:
        if self._server.scheme == "http":
            return http.client.HTTPConnection(host, self._server.port, timeout=30)
        context = ssl.create_default_context(cafile=self._ca)
        return http.client.HTTPSConnection(host, self._server.port, timeout=30, context=context)

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._to_close:
            self._to_close.pop().close()

    def __call__(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Answer:
        """Make one request. A body of bytes or text is sent as it is, anything else as JSON."""
        headers = {"Accept": JSON, "Content-Type": content_type}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        payload = body if isinstance(body, bytes | str | None) else json.dumps(body)
        connection = self._connection()
        try:
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            # It connects anew by itself at the next request.
            connection.close()
            raise
        self.warnings = response.headers.get_all("Warning") or []
        is_json = JSON in response.headers.get("Content-Type", "")
        return Answer(response.status, json.loads(text) if is_json else text.decode())

    def patch(self, path: str, body: Any) -> Answer:
        """Send a merge patch (a dict) or a JSON patch (a list)."""
        return self("PATCH", path, body, JSON_PATCH if isinstance(body, list) else MERGE_PATCH)


def tasks_path(namespace: str, name: str = "", subresource: str = "") -> str:
    """Give the path of a namespace's tasks, of one of them, or of its ``status``."""
    base = f"/apis/{protocol.API_VERSION}/namespaces/{namespace}/{protocol.PLURAL}"
    return "/".join(part for part in (base, name, subresource) if part)
