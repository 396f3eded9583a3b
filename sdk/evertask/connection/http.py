"""Requests to the API server: reused connections, a time limit on each, typed errors.

``request`` gives any answer, ``call`` only good ones, ``call_with_retries`` waits out an API server that is
away. The official client costs 2.6 ms of processor time a call and half a second of import; this, a third.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import aiohttp

from evertask.connection.answers import Answer, error_of, no_answer
from evertask.connection.paths import describe
from evertask.connection.retries import pause, worth_a_retry
from evertask.connection.sending import default_user_agent, encode, hang_up
from evertask.connection.watches import RESERVE_SECONDS, WATCH_SECONDS, WatchEvent, events, text_lines
from evertask.errors import ApiUnavailableError, ConfigurationError, EverTaskError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType
    from typing import Self

    from evertask.connection.credentials import Credentials
    from evertask.connection.paths import Target

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

REQUEST_SECONDS = 30.0
"""Time limit of a request; the API server's own is 60."""
CONNECT_SECONDS = 10.0
"""Time limit of making a connection, within that of the request."""
PATIENCE_SECONDS = 60.0
"""How long ``call_with_retries`` goes on trying: a control plane's restart or failover."""

Observer = Callable[[str, str, int, float], None]
"""Is told verb, resource, HTTP status (0: no answer) and seconds of each request, for metrics."""


class RequestOptions(TypedDict, total=False):
    """What a request may carry besides method and path."""

    body: Mapping[str, Any] | Sequence[Any] | bytes | None
    """A JSON value, or bytes as they are."""
    content_type: str
    """Of the body. Default ``JSON``; a PATCH needs ``JSON_PATCH`` or ``MERGE_PATCH``."""
    params: Mapping[str, str] | None
    """The query."""
    timeout: float
    """Seconds for the whole of it. Default 30."""


class Connection:
    """A client of one API server, for one event loop.

    Use it as an async context manager, or call ``aclose`` at the end.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        user_agent: str | None = None,
        limit: int = 64,
        observer: Observer | None = None,
    ) -> None:
        """Prepare a connection; nothing is sent yet.

        Args:
            credentials: of ``load_credentials``.
            user_agent: how audit logs name us. Default ``evertask-sdk/<version>``.
            limit: requests that are under way at the same time, watches included; more wait for their turn.
            observer: is told of each request.
        """
        self.credentials = credentials
        self._user_agent = user_agent or default_user_agent()
        self._limit = limit
        self._observer = observer
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Further requests raise ``ConfigurationError``."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # aborted transports end in the loop's next round

    async def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Answer:
        """Send a request and give the answer, whatever its status.

        After a 401 the credentials are read anew and, where they have changed, the request is sent again.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: of ``evertask.connection.paths``.
            options: see ``RequestOptions``.

        Raises:
            ApiUnavailableError: no connection, or no complete answer in time.
            ConfigurationError: the server's certificate or our credentials cannot be used.
        """
        target, started, status = describe(method, path, options.get("params")), time.monotonic(), 0
        seconds = options.get("timeout", REQUEST_SECONDS)
        try:
            async with asyncio.timeout(seconds), await self._send(method, path, options) as response:
                answer = Answer(response.status, await response.read(), response.headers)
            status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise no_answer(self.credentials.server, target, error, seconds) from error
        finally:
            self._observe(target, status, started)
        return answer

    async def call(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]:
        """Send a request as ``request`` does and give the object in the answer.

        Raises:
            ApiError: the API server refused; ``PermissionDeniedError``, ``ConflictError``, ``ExpiredError``
                where it is one of these.
            ApiUnavailableError: no answer, or one that is no object in JSON.
            ConfigurationError: as for ``request``.
        """
        answer = await self.request(method, path, **options)
        if not answer.ok:
            raise error_of(answer, describe(method, path, options.get("params")))
        try:
            found = answer.json()
        except ValueError as error:
            raise ApiUnavailableError(f"{self.credentials.server}{path} answered, but not in JSON") from error
        if not isinstance(found, dict):
            raise ApiUnavailableError(f"{self.credentials.server}{path} answered, but not with an object")
        return found

    async def call_with_retries(
        self, method: str, path: str, *, patience: float = PATIENCE_SECONDS, **options: Unpack[RequestOptions]
    ) -> dict[str, Any]:
        """Do as ``call``, again and again while the API server is away or overloaded.

        Only for calls that may be carried out twice. A try's time limit is cut to what is left of
        ``patience``.

        Args:
            method: as for ``request``.
            path: as for ``request``.
            patience: seconds until the last error is raised as it is.
            options: see ``RequestOptions``.
        """
        deadline, failures = time.monotonic() + patience, 0
        seconds = options.get("timeout", REQUEST_SECONDS)
        while True:
            options["timeout"] = min(seconds, max(deadline - time.monotonic(), 0.001))
            try:
                return await self.call(method, path, **options)
            except EverTaskError as error:
                failures += 1
                wait = pause(failures, error, luck=random.random())  # noqa: S311  (keeps no secret)
                if not worth_a_retry(error, method=method) or time.monotonic() + wait >= deadline:
                    raise
            await asyncio.sleep(wait)

    async def watch(
        self, path: str, *, params: Mapping[str, str] | None = None, seconds: int = WATCH_SECONDS
    ) -> AsyncGenerator[WatchEvent]:
        """Follow a list until the API server ends the watch, which it does after ``seconds``.

        Wrap it in ``contextlib.aclosing`` where it may be left early.

        Args:
            path: of a list.
            params: selectors, and the ``resourceVersion`` to begin at.
            seconds: ``timeoutSeconds`` of the watch.

        Raises:
            ExpiredError: the resourceVersion is too old; list again.
            ApiError: the API server refused, or ended the watch with an error.
            ApiUnavailableError: the connection broke, or was silent for longer than the watch should last.
        """
        query = {**(params or {}), "watch": "true", "timeoutSeconds": str(seconds)}
        silence = seconds + RESERVE_SECONDS
        async with (
            self._stream(path, query, silence) as (content, target),
            aclosing(events(content, target, silence)) as found,
        ):
            async for event in found:
                yield event

    async def lines(self, path: str, *, params: Mapping[str, str] | None = None) -> AsyncGenerator[bytes]:
        """Read an answer in text, such as a pod's log, line by line as it comes; it may be silent for any time.

        Wrap it in ``contextlib.aclosing`` where it may be left early.

        Args:
            path: as for ``request``.
            params: the query; a log goes on with ``follow``.

        Raises:
            ApiError: the API server refused.
            ApiUnavailableError: the connection broke, or no answer began in time.
            ConfigurationError: as for ``request``.
        """
        async with (
            self._stream(path, params, None) as (content, _),
            aclosing(text_lines(content, None, unfinished=True)) as found,
        ):
            async for line in found:
                yield line

    @asynccontextmanager
    async def _stream(
        self, path: str, params: Mapping[str, str] | None, silence: float | None
    ) -> AsyncGenerator[tuple[aiohttp.StreamReader, Target]]:
        """Open an answer that is read as it comes, and hang up at the end."""
        target, started, status = describe("GET", path, params), time.monotonic(), 0
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                response = await self._send("GET", path, {"params": params})
            status = response.status
            async with response:
                if status != HTTPStatus.OK:
                    raise error_of(Answer(status, await response.read(), response.headers), target)
                try:
                    yield response.content, target
                finally:
                    hang_up(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise no_answer(self.credentials.server, target, error, silence or REQUEST_SECONDS) from error
        finally:
            self._observe(target, status, started)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ConfigurationError("this connection is closed; make a new one")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limit, ssl=self.credentials.ssl or True),
                headers={"User-Agent": self._user_agent, "Accept": JSON},
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            )
        return self._session

    async def _send(self, method: str, path: str, options: RequestOptions) -> aiohttp.ClientResponse:
        """Send once; again where the credentials, or the server's certificate, were refused and have been renewed."""
        header = await self.credentials.authorization.header()
        try:
            response = await self._send_as(header, method, path, options)
        except aiohttp.ClientConnectorCertificateError:
            if not await self.credentials.renew_trust():
                raise
            response = await self._send_as(header, method, path, options)
        if response.status != HTTPStatus.UNAUTHORIZED or header is None:
            return response
        newer = await self.credentials.authorization.header(refused=header)
        if newer == header:
            return response
        response.release()
        return await self._send_as(newer, method, path, options)

    async def _send_as(
        self, authorization: str | None, method: str, path: str, options: RequestOptions
    ) -> aiohttp.ClientResponse:
        headers, body = {}, options.get("body")
        if authorization:
            headers["Authorization"] = authorization
        if body is not None:
            headers["Content-Type"] = options.get("content_type", JSON)
        return await self._open().request(
            method,
            self.credentials.server + path,
            data=encode(body) if isinstance(body, (Mapping, list, tuple)) else body,
            params=options.get("params"),
            headers=headers,
            allow_redirects=False,
            server_hostname=self.credentials.server_hostname,
            proxy=self.credentials.proxy,
        )

    def _observe(self, target: Target, status: int, started: float) -> None:
        if self._observer is not None:
            self._observer(target.verb, target.resource, status, time.monotonic() - started)
