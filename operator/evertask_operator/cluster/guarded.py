"""A connection that writes only as long as one may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from evertask.connection.http import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask.connection import Answer, Credentials, Observer
    from evertask.connection.http import RequestOptions


class GuardedConnection(Connection):
    """Asks before each write.

    A process that was stopped and wakes up finds its requests where it left them. Those that it has not sent yet end
    here; one that is on its way is refused by its own condition, if another process has written meanwhile.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        guard: Callable[[], None],
        user_agent: str | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Prepare a connection.

        Args:
            credentials: as for ``Connection``, like what is not named here.
            guard: is called before each write, and does not return where none may be made.
            user_agent: how audit logs name us.
            observer: is told of each request.
        """
        super().__init__(credentials, user_agent=user_agent, observer=observer)
        self._guard = guard

    async def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Answer:
        """Send a request as ``Connection.request`` does, if it is one that reads or the guard lets it pass."""
        if method != "GET":
            self._guard()
        return await super().request(method, path, **options)
