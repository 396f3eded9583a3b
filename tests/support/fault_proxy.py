"""A man in the middle of the API server's connections who makes trouble: TLS in, TLS out, HTTP/1.1 read and understood.

    with FaultProxy(plane.server, plane.ca, folder) as proxy:
        lost = proxy.inject(LostAnswer(), method="PATCH", path=r"/evertasks/a/status$")
        ...                       # a client that talks to proxy.url and trusts proxy.ca
        lost.wait()               # the fault has really happened
        proxy.seen                # all requests so far

Model: a rule (``inject``) waits for requests of a method, a path, a stream or not; each that fits, up to a number of
times, meets its fault (``fault_proxy_faults``). The oldest rule that fits comes first; where none does and chaos is on,
the dice decide (``chaos``); else the request passes untouched. Watches that pass can be broken, ended, silenced, and
told lines of the test's own, at any moment.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hack.cluster.certificates import Authority
from tests.support.fault_proxy_chaos import Chaos
from tests.support.fault_proxy_exchange import PassingExchange, reset
from tests.support.fault_proxy_faults import name_of
from tests.support.fault_proxy_rules import Injection, Seen
from tests.support.fault_proxy_wire import STREAM_LIMIT, encoded_chunk, read_request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tests.support.fault_proxy_exchange import LiveStream
    from tests.support.fault_proxy_faults import Fault
    from tests.support.fault_proxy_wire import Request

WAIT_SECONDS = 30.0


class FaultProxy:
    """The proxy; it serves from a thread of its own for the length of the block."""

    def __init__(self, server: str, ca: str, folder: Path, *, authority: Authority | None = None) -> None:
        """Say what is behind it.

        Args:
            server: URL of the API server.
            ca: path of the authority that signed its certificate.
            folder: for the proxy's certificates.
            authority: signs them; a new one in the folder when absent.
        """
        split = urlsplit(server)
        self.upstream = (split.hostname or "", split.port or 443)
        self.upstream_ssl = ssl.create_default_context(cafile=ca)
        self.streams: set[LiveStream] = set()
        self._folder = folder
        self._authority = authority or Authority(folder / "authority")
        self._certificates = 0
        self._ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._use_new_certificate()
        self._lock = threading.Lock()
        self._rules: list[Injection] = []
        self._chaos: Chaos | None = None
        self._seen: list[Seen] = []
        self._clients: set[asyncio.StreamWriter] = set()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0

    # --- rules -------------------------------------------------------------------------------------------------

    def inject(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        path: str = "",
        stream: bool | None = None,
        times: int = 1,
        skip: int = 0,
        header: str = "",
    ) -> Injection:
        """Let requests meet a fault.

        Args:
            fault: what happens to each.
            method: only of this one.
            path: a regular expression that is searched for in path and query.
            stream: only watches and followed logs, or only others.
            times: how many requests meet it; the next one passes.
            skip: so many that fit pass before.
            header: a regular expression that is searched for in each header line (``Authorization: Bearer old``).
        """
        rule = Injection(fault, method, re.compile(path), stream, times, skip, re.compile(header))
        with self._lock:
            self._rules.append(rule)
        return rule

    def chaos(self, seed: int, rate: float | Mapping[str, float]) -> None:
        """Let requests meet faults at random from now on.

        The same seed throws the same dice in the same order of requests. ``proxy.seen`` tells what has happened.

        Args:
            seed: of the dice.
            rate: probability that a request meets a fault; each kind that fits the request is as likely as the others,
                but no watch falls silent. Or a probability for each kind: ``{"503": 0.02, "lost-answer": 0.05,
                "watch-silent": 0.01}``; ``fault_proxy_chaos.ALL_KINDS`` names them.
        """
        with self._lock:
            self._chaos = Chaos(seed, rate)

    def calm(self) -> None:
        """End chaos and all rules."""
        with self._lock:
            self._chaos = None
            self._rules.clear()

    def fault_for(self, request: Request) -> Fault | None:
        """Give the fault that a request meets now, and note the request."""
        with self._lock:
            rule = next((one for one in self._rules if one.fits(request)), None)
            if rule is not None:
                fault = rule.fault if rule.take() else None
            else:
                fault = self._chaos.next(request) if self._chaos else None
            name = name_of(fault) if fault else ""
            self._seen.append(Seen(time.monotonic(), request.method, request.target, request.is_stream, name))
            return fault

    @property
    def seen(self) -> list[Seen]:
        """All requests so far, oldest first."""
        with self._lock:
            return list(self._seen)

    def seen_of(self, method: str = "", path: str = "", *, stream: bool | None = None) -> list[Seen]:
        """Give the requests of a method whose path and query a regular expression is found in."""
        return [
            one
            for one in self.seen
            if method in {"", one.method} and stream in {None, one.is_stream} and re.search(path, one.target)
        ]

    # --- connections -------------------------------------------------------------------------------------------

    def watched(self, path: str = "") -> int:
        """Count the streams that are passed on now."""
        return len(self._streams(path))

    def break_streams(self, path: str = "") -> int:
        """Break watches with a RST; gives how many there were."""
        return int(self._do(path, lambda stream: reset(stream.client)))

    def end_streams(self, path: str = "") -> int:
        """End watches as the API server does at the end of their time; gives how many there were."""
        return int(self._do(path, lambda stream: stream.client.write(encoded_chunk(b""))))

    def silence_streams(self, path: str = "") -> int:
        """Pass nothing more on in watches that go on now, and leave them open; gives how many there were."""
        return int(self._do(path, lambda stream: stream.silence()))

    def tell_streams(self, line: bytes, path: str = "") -> int:
        """Put a line of the test's own into watches; gives how many there were."""
        return int(self._do(path, lambda stream: stream.client.write(encoded_chunk(line + b"\n"))))

    def refuse(self) -> None:
        """Break all connections, and every new one, until ``accept``."""
        self._closed = True
        self._call(self._break_all())

    def accept(self) -> None:
        """Take connections again."""
        self._closed = False

    def break_connections(self) -> None:
        """Break all connections; new ones are taken."""
        self._call(self._break_all())

    def rotate_certificate(self, authority: Authority | None = None) -> None:
        """Serve with a new certificate, as a restarted API server does: connections are broken.

        Args:
            authority: signs this one and those that follow; the one so far when absent.
        """
        self._authority = authority or self._authority
        self._use_new_certificate()
        self.break_connections()

    @property
    def url(self) -> str:
        """URL for clients."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> str:
        """Path of the authority that clients must trust."""
        return str(self._authority.certificate("ca"))

    # --- running -----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _use_new_certificate(self) -> None:
        self._certificates += 1
        name = f"proxy-{self._certificates}"
        self._authority.issue(name, "fault-proxy", alternative_names=["IP:127.0.0.1", "DNS:localhost"])
        self._ssl.load_cert_chain(self._authority.certificate(name), self._authority.key(name))

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_SECONDS)

    def _streams(self, path: str) -> list[LiveStream]:
        return [stream for stream in tuple(self.streams) if re.search(path, stream.target)]

    def _do(self, path: str, deed: Any) -> Any:
        async def do() -> int:
            found = self._streams(path)
            for stream in found:
                deed(stream)
            return len(found)

        return self._call(do())

    async def _start(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._ssl, limit=STREAM_LIMIT
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _break_all(self) -> None:
        for client in tuple(self._clients):
            reset(client)

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._break_all()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._clients.add(client)
        exchange = PassingExchange(self, reader, client)
        try:
            while not self._closed and (request := await read_request(reader)) is not None:
                await exchange.handle(request)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # one of the two has hung up, or the test is over
        finally:
            exchange.close()
            reset(client)
            self._clients.discard(client)
