"""The one event loop of a run: ``setup``, callbacks and the handler share it, and each may use what another made.

It is made when something asynchronous first comes along: importing asyncio costs 40 ms, which a run without need not
pay. Between two calls it stands still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from evertask.context import CancellationToken


class Loop:
    """Runs coroutines, one after another, in one event loop and with one set of context variables."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def prepare(self) -> asyncio.Runner:
        """Make the event loop, unless there is one: ahead of time, so that a handler need not wait for it."""
        if self._runner is None:
            import asyncio  # noqa: PLC0415  (see the module's docstring)

            self._runner = asyncio.Runner()
            self._runner.get_loop()
        return self._runner

    def run(self, awaitable: Awaitable[Any], token: CancellationToken | None = None) -> Any:
        """Wait for something; where a token is given, its firing cancels the wait."""
        runner = self.prepare()
        import asyncio  # noqa: PLC0415  (loaded by now)

        async def run() -> Any:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task is not None

            def cancel() -> None:
                # The loop may have ended between the firing and now; then there is nothing left to cancel.
                if not loop.is_closed():
                    loop.call_soon_threadsafe(task.cancel)

            if token is not None:
                token.on_fire(cancel)
            return await awaitable

        return runner.run(run())

    def close(self) -> None:
        """Cancel what is left in the loop, and close it."""
        if self._runner is None:
            return
        loop = self._runner.get_loop()
        try:
            self._runner.close()
        finally:
            # What a task raises when it is cancelled can break off the runner's own closing.
            if not loop.is_closed():
                loop.close()
