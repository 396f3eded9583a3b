"""JSON patches to the API server over one kept TLS connection.

The client sends and reads; it repeats nothing. An error may mean that the write was made and its answer lost: what
follows from that is the caller's to know (``evertask_runner.persistence``).
"""

from __future__ import annotations

import contextlib
import io
import math
import socket
import ssl
from time import monotonic
from typing import TYPE_CHECKING

from evertask_runner.http_messages import Answer, MalformedAnswerError, build_request, read_answer
from evertask_runner.json_lines import encode_json

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from evertask_runner.environment import Address
    from evertask_runner.json_lines import Json

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
"""Longest time for an exchange: from the first byte of the request to the last one of the answer."""
IDLE_SECONDS = 30.0
"""A connection unused for longer is replaced before use: load balancers and servers drop idle ones silently."""

USER_AGENT = "evertask-runner"


class ConnectionFailedError(Exception):
    """No answer: the API server cannot be reached, or the connection broke on the way."""


class _Incoming(io.RawIOBase):
    """What the API server sends, until a time: bytes that trickle in must not hold a run for ever."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        super().__init__()
        self._connection = connection
        self.deadline = math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class ApiClient:
    """One connection, made when it is needed and made anew after every error."""

    def __init__(self, address: Address, credentials_folder: str) -> None:
        self._address = address
        self._folder = credentials_folder
        self._socket: ssl.SSLSocket | None = None
        self._incoming: _Incoming | None = None
        self._stream: io.BufferedReader | None = None
        self._token = ""
        self._used_at = 0.0

    def patch(self, path: str, operations: list[Json], seconds: float = READ_SECONDS) -> Answer:
        """Send a JSON patch.

        Args:
            path: of the URL.
            operations: of the patch; none is a read.
            seconds: longest wait for the whole answer; as long again for a connection that must be made.

        Raises:
            ConnectionFailedError: no complete answer came. Whether the patch was applied is unknown.
        """
        if self._socket is not None and monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
        try:
            answer = self._exchange(path, encode_json(operations), seconds)
        except (OSError, MalformedAnswerError) as error:
            self.close()
            why = str(error) or type(error).__name__
            raise ConnectionFailedError(f"https://{self._address.authority}: {why}") from error
        self._used_at = monotonic()
        # After a 401 the next connection takes the token anew: it may have been rotated.
        if not answer.keeps_connection or answer.status == 401:  # noqa: PLR2004
            self.close()
        return answer

    def connect(self, seconds: float) -> None:
        """Connect early, so that the next patch is fast. A failure is that patch's to meet.

        Args:
            seconds: longest wait for each step.
        """
        if self._socket is not None:
            return
        try:
            self._connect(seconds)
            self._used_at = monotonic()
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        for closing in (self._stream, self._socket):
            if closing is not None:
                with contextlib.suppress(OSError):
                    closing.close()
        self._socket = self._incoming = self._stream = None

    def _exchange(self, path: str, body: bytes, seconds: float) -> Answer:
        if self._socket is None:
            self._connect(min(CONNECT_SECONDS, seconds))
        assert self._socket is not None
        assert self._incoming is not None
        assert self._stream is not None
        self._incoming.deadline = monotonic() + seconds
        self._socket.settimeout(seconds)
        headers = {
            "Host": self._address.authority,
            "Authorization": f"Bearer {self._token}",
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Content-Type": "application/json-patch+json",
        }
        self._socket.sendall(build_request("PATCH", path, headers, body))
        return read_answer(self._stream)

    def _connect(self, seconds: float) -> None:
        # Files are read for each connection: the kubelet renews the token, and the authority may change too.
        with open(f"{self._folder}/token", encoding="ascii") as file:  # noqa: PTH123  (pathlib is not loaded)
            self._token = file.read().strip()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(f"{self._folder}/ca.crt")
        # Bytes and not text: for text Python loads the IDNA tables, 5 ms.
        host = self._address.host.encode("ascii")
        plain = socket.create_connection((host, self._address.port), seconds)  # type: ignore[arg-type]  # bytes are fine
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self._incoming = _Incoming(self._socket)
        self._stream = io.BufferedReader(self._incoming)
