"""A TCP proxy in front of the API server that can lose an answer, freeze, or refuse connections.

TLS passes through unread. A request and its answer are told from the handshake by the size of their TLS records.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Self

_HEADER = 5
_APPLICATION_DATA = 23
_SMALLEST_MESSAGE = 400
"""Bytes of the smallest record that holds a request or an answer; what the handshake encrypts is smaller."""


class _Pair(NamedTuple):
    client: socket.socket
    server: socket.socket

    def reset(self) -> None:
        """Break the connection: what is under way is thrown away."""
        for end in self:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class TcpProxy:
    """Listens on 127.0.0.1 while it is entered as a context."""

    def __init__(self, port: int) -> None:
        """Stand before the port ``port`` of 127.0.0.1."""
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self._pairs: list[_Pair] = []
        self._requests_until_loss = 0
        self.requests = 0
        """How many requests have come so far."""
        self.lost = threading.Event()
        """Set when an answer has been lost."""

    @property
    def url(self) -> str:
        """Where clients find the API server through the proxy."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def lose_answer(self, number: int = 1) -> None:
        """Let the ``number``-th request from now reach the server, and break the connection when it is answered."""
        self.lost.clear()
        self._requests_until_loss = number

    def freeze(self) -> None:
        """Accept connections and pass nothing on."""
        self._flows.clear()

    def refuse(self) -> None:
        """Break all connections, and every new one at once."""
        self._refuses = True
        self._break_all()

    def heal(self) -> None:
        """Pass everything on again."""
        self._refuses = False
        self._flows.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A shutdown, because closing alone does not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        self._break_all()

    def _break_all(self) -> None:
        while self._pairs:
            self._pairs.pop().reset()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                client.close()
                continue
            pair = _Pair(client, socket.create_connection(self._target, 10))
            pair.server.settimeout(None)
            self._pairs.append(pair)
            loses = threading.Event()
            for forward in (self._forward_requests, self._forward_answers):
                threading.Thread(target=forward, args=(pair, loses), daemon=True).start()

    def _count(self) -> bool:
        """Count a request; tells whether its answer is to be lost."""
        self.requests += 1
        self._requests_until_loss -= 1
        return self._requests_until_loss == 0

    def _forward_requests(self, pair: _Pair, loses: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while record := _read_record(pair.client):
                self._flows.wait()
                if _is_message(record) and self._count():
                    loses.set()
                pair.server.sendall(record)
        pair.reset()

    def _forward_answers(self, pair: _Pair, loses: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while record := _read_record(pair.server):
                self._flows.wait()
                if loses.is_set() and _is_message(record):
                    self.lost.set()
                    break
                pair.client.sendall(record)
        pair.reset()


def _is_message(record: bytes) -> bool:
    return record[0] == _APPLICATION_DATA and len(record) > _SMALLEST_MESSAGE


def _read_exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := source.recv(size - len(data))):
        data += more
    return data


def _read_record(source: socket.socket) -> bytes:
    header = _read_exactly(source, _HEADER)
    if len(header) < _HEADER:
        return b""
    return header + _read_exactly(source, struct.unpack("!H", header[3:])[0])
