"""A TCP proxy in front of the API server that swallows one answer: ``python3 cutting_proxy.py NUMBER``.

TLS passes through unread. A request is told from the handshake by its size: the handshake's own encrypted record from
the client has less than 100 bytes, a request with its token has more than 500. Request NUMBER (from 1, over all
connections) reaches the API server, and then the connection is reset in place of the answer.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from typing import NamedTuple

PORT = 8443
_APPLICATION_DATA = 23
_SMALLEST_REQUEST = 300
_HEADER = 5
_ANSWER_SECONDS = 1.0
"""How long the API server may take to apply the request whose answer is swallowed."""


class Pair(NamedTuple):
    """The two ends of a connection."""

    client: socket.socket
    server: socket.socket


class Cutter:
    """Counts requests, and says which one is to be cut."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._lock = threading.Lock()

    def is_cut(self) -> bool:
        """Count one request; tells whether it is the one."""
        with self._lock:
            self._left -= 1
            return self._left == 0


def _read_exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def _forward_requests(pair: Pair, cutter: Cutter, silent: threading.Event) -> None:
    """Pass TLS records on to the server, and cut when it is time."""
    try:
        while True:
            header = _read_exactly(pair.client, _HEADER)
            kind, _, size = struct.unpack("!BHH", header)
            body = _read_exactly(pair.client, size)
            cut = kind == _APPLICATION_DATA and size > _SMALLEST_REQUEST and cutter.is_cut()
            if cut:
                silent.set()
            pair.server.sendall(header + body)
            if cut:
                time.sleep(_ANSWER_SECONDS)
                print("an answer was cut", flush=True)
                # Reset, not closed: what is under way is thrown away.
                pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
    except OSError as error:
        print(f"a connection ended: {error}", flush=True)
    pair.client.close()
    pair.server.close()


def _forward_answers(pair: Pair, silent: threading.Event) -> None:
    try:
        while data := pair.server.recv(65536):
            if not silent.is_set():
                pair.client.sendall(data)
        if not silent.is_set():
            pair.client.shutdown(socket.SHUT_WR)
    except OSError as error:
        print(f"a connection ended: {error}", flush=True)


def main() -> None:
    """Serve for ever."""
    cutter = Cutter(int(sys.argv[1]))
    target = (os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
    with socket.create_server(("0.0.0.0", PORT)) as listener:
        print("ready", flush=True)
        while True:
            client, _ = listener.accept()
            pair = Pair(client, socket.create_connection(target, 10))
            pair.server.settimeout(None)
            silent = threading.Event()
            threading.Thread(target=_forward_requests, args=(pair, cutter, silent), daemon=True).start()
            threading.Thread(target=_forward_answers, args=(pair, silent), daemon=True).start()


if __name__ == "__main__":
    main()
