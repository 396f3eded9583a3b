"""The ledger: a tiny HTTP server to which handlers write what they do, and from which it is read at the end.

    POST /              one entry, a JSON object with a ``token`` of its own: said twice, it is kept once
    GET  /?from=N       the entries from the Nth on, one a line
    GET  /healthz

Append-only. Standard library only: it runs in a thread of the suite, or by itself in a pod (``python ledger.py PORT``),
and no disturbance is aimed at it.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

CONTENT = "application/x-ndjson"


class Entries:
    """The entries, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._tokens: set[str] = set()

    def add(self, entry: dict[str, Any]) -> None:
        """Keep an entry unless its token is known."""
        with self._lock:
            if entry["token"] not in self._tokens:
                self._tokens.add(entry["token"])
                self._lines.append(json.dumps(entry).encode())

    def read(self, first: int = 0) -> bytes:
        """Give the entries from one on, by its number from 0."""
        with self._lock:
            return b"\n".join(self._lines[first:])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int]) -> None:
        self.entries = Entries()
        super().__init__(address, _Requests)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a handler that was killed in the middle of a request."""


class _Requests(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._entries.add(json.loads(body))
        self._answer(b"")

    def do_GET(self) -> None:
        first = parse_qs(urlsplit(self.path).query).get("from", ["0"])[0]
        self._answer(self._entries.read(int(first)) if "healthz" not in self.path else b"ok")

    @property
    def _entries(self) -> Entries:
        assert isinstance(self.server, _Server)
        return self.server.entries

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", CONTENT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's)
        """Say nothing."""


class Ledger:
    """The server in a thread of this process, for the length of the block."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.serve_forever, name="ledger", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def read(self) -> bytes:
        """Give all entries, one a line."""
        return self._server.entries.read()


if __name__ == "__main__":
    _Server(("", int(sys.argv[1]))).serve_forever()
