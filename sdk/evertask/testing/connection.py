"""A connection that ends in memory: the requests are those of the SDK, and nothing is sent."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import unquote

from evertask.api import protocol
from evertask.connection.answers import Answer, error_of_status
from evertask.connection.credentials import Authorization, Credentials
from evertask.connection.http import JSON_PATCH, Connection, RequestOptions
from evertask.connection.paths import describe
from evertask.connection.watches import WATCH_SECONDS, WatchEvent
from evertask.testing.patches import PatchError, apply_json_patch, apply_merge_patch
from evertask.testing.selection import Selection, SelectorError
from evertask.testing.storage import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    import aiohttp

    from evertask.connection.paths import Target
    from evertask.testing.storage import Change, Storage

Json = dict[str, Any]

SERVER = "memory:"


class InMemoryConnection(Connection):
    """Answers the requests about EverTasks from a storage."""

    def __init__(
        self, storage: Storage, namespace: str, *, settle: Callable[[], object] = lambda: None
    ) -> None:
        """Describe the connection.

        Args:
            storage: of the objects.
            namespace: where a dispatcher works that names none.
            settle: is called after each write: the operator, which looks at what was written.
        """
        super().__init__(Credentials(SERVER, None, Authorization(lambda _afresh: None), namespace))
        self._storage, self._settle = storage, settle
        self._watches: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._expecting: list[asyncio.Event] = []
        storage.on_change(self._wake)

    async def aclose(self) -> None:
        """End the watches; further requests raise ``ConfigurationError``."""
        await super().aclose()
        self._wake()

    async def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Answer:
        """Carry a request out; see ``Connection.request``."""
        self._check_open()
        target = describe(method, path, options.get("params"))
        try:
            answer = self._carry_out(target, options)
        except RefusedError as refusal:
            return _answer(refusal.status["code"], refusal.status)
        if method != "GET":
            self._settle()
        return _answer(HTTPStatus.CREATED if method == "POST" else HTTPStatus.OK, answer)

    def _check_open(self) -> None:
        if self._closed:
            super()._open()  # says so

    def _open(self) -> aiohttp.ClientSession:
        raise AssertionError("an in-memory dispatcher was about to open a connection")

    def _carry_out(self, target: Target, options: RequestOptions) -> Json:
        if target.group != protocol.GROUP:
            message = f"an in-memory cluster has EverTasks only, and no {target.resource}"
            raise RefusedError(HTTPStatus.NOT_FOUND, message)
        namespace, name = target.namespace or "", unquote(target.name or "")
        body: Any = options.get("body")
        match target.verb:
            case "create":
                return self._storage.create(namespace, dict(body))
            case "get":
                return self._storage.read(namespace, name)
            case "list":
                return self._list(target, options.get("params") or {})
            case "delete":
                return self._storage.delete(namespace, name)
        changed = _changing(target.verb, body, options.get("content_type", ""))
        of_status = target.resource.endswith("/status")
        return self._storage.change(namespace, name, changed, of_status=of_status)

    def _list(self, target: Target, params: Mapping[str, str]) -> Json:
        found = self._storage.select(_selection(target, params))
        metadata = {"resourceVersion": str(self._storage.version)}
        begin, limit = int(params.get("continue") or 0), int(params.get("limit") or 0)
        end = begin + limit if limit else len(found)
        if end < len(found):
            metadata |= {"continue": str(end)}
        return {
            "apiVersion": protocol.API_VERSION,
            "kind": f"{protocol.KIND}List",
            "metadata": metadata,
            "items": found[begin:end],
        }

    async def watch(
        self, path: str, *, params: Mapping[str, str] | None = None, seconds: int = WATCH_SECONDS
    ) -> AsyncGenerator[WatchEvent]:
        """Follow a list until the connection is closed; see ``Connection.watch``."""
        del seconds  # time stands still
        self._check_open()
        target = describe("GET", path, {**(params or {}), "watch": "true"})
        try:
            selection = _selection(target, params or {})
        except RefusedError as refusal:
            raise error_of_status(refusal.status, target) from refusal
        seen = int((params or {}).get("resourceVersion") or self._storage.version)
        news = asyncio.Event()
        watch = (asyncio.get_running_loop(), news)
        self._watches.add(watch)
        while self._expecting:
            self._expecting.pop().set()
        try:
            while not self._closed:
                news.clear()
                for change in self._storage.changes[seen:]:
                    seen = change.version
                    event = _event(selection, change)
                    if event is not None:
                        yield event
                if self._storage.version == seen and not self._closed:
                    await news.wait()
        finally:
            self._watches.discard(watch)

    async def next_watch(self) -> None:
        """Wait until a watch begins, in this event loop."""
        self._expecting.append(begun := asyncio.Event())
        await begun.wait()

    def _wake(self) -> None:
        for loop, news in list(self._watches):
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)


def _selection(target: Target, params: Mapping[str, str]) -> Selection:
    try:
        return Selection.of(target.namespace, params)
    except SelectorError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, str(error), name=target.resource) from error


def _changing(verb: str, body: Any, content_type: str) -> Callable[[Json], Json]:
    def change(before: Json) -> Json:
        if verb == "update":
            return dict(body)
        if content_type != JSON_PATCH:
            merged: Json = apply_merge_patch(before, body)
            return merged
        try:
            patched: Json = apply_json_patch(before, body)
        except PatchError as error:
            raise RefusedError(
                HTTPStatus.UNPROCESSABLE_ENTITY, str(error), name=before["metadata"]["name"]
            ) from error
        return patched

    return change


def _event(selection: Selection, change: Change) -> WatchEvent | None:
    """Say what a watch tells of a change: an object that is not selected any more is gone for it."""
    was = change.before is not None and selection.takes(change.before)
    is_there = change.after is not None and selection.takes(change.after)
    newest = json.loads(json.dumps(change.after or change.before))
    newest["metadata"]["resourceVersion"] = str(change.version)
    if is_there:
        return WatchEvent("MODIFIED" if was else "ADDED", newest)
    return WatchEvent("DELETED", newest) if was else None


def _answer(status: int, body: Json) -> Answer:
    return Answer(int(status), json.dumps(body).encode(), {})
