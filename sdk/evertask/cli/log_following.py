"""A task's log as it is written, from pod to pod: a run that is launched again goes on in another one.

Which pod works for a task, its status says only when the pod has claimed the run. A pod whose code cannot even be
imported has a log too; so the pods are looked for, twice a second while none is known.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from evertask.cli.pod_logs import Pod, log_of, pods_of
from evertask.errors import ApiUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertask.cli.sessions import Session

LOOK_AGAIN_SECONDS = 0.5
"""Between two looks for a pod that has something to say."""

LAST_WORDS_SECONDS = 5.0
"""How long the rest of a log is waited for when the task is over: the outcome is written before the pod ends."""

CONNECTIONS = 20
"""How often a log that breaks off is asked for again: once for each restart of the API server or the kubelet."""


class LogFollower:
    """Follows the log of one task, until it is told that the task is over."""

    def __init__(
        self,
        session: Session,
        uid: str,
        write: Callable[[bytes], None],
        remark: Callable[[str], None],
        *,
        run: str | None = None,
        tail: int | None = None,
        ignoring: frozenset[str] = frozenset(),
    ) -> None:
        """Say what to follow.

        Args:
            session: the cluster.
            uid: of the task.
            write: is given each line.
            remark: is told when the log goes on in another pod.
            run: only pods of this run.
            tail: only so many lines of what the first pod has written before.
            ignoring: names of pods that are of no interest.
        """
        self._session, self._uid, self._run, self._tail = session, uid, run, tail
        self._write, self._remark, self._ignoring = write, remark, ignoring
        self._told: dict[str, Pod] = {}
        self._over = asyncio.Event()

    @property
    def has_told(self) -> bool:
        """Whether any pod was found that had a log."""
        return bool(self._told)

    def finish(self) -> None:
        """Tell that the task is over: no further pod will come."""
        self._over.set()

    async def run(self) -> None:
        """Follow until the task is over and its last pod has said all, or has had the time for it."""
        following = asyncio.create_task(self._follow())
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({following, over}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                await asyncio.wait({following}, timeout=LAST_WORDS_SECONDS)
            if following.done():
                following.result()  # a right that is missing
        finally:
            for each in (following, over):
                each.cancel()
            await asyncio.gather(following, over, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            was_over = self._over.is_set()
            coming = await self._coming()
            ready = next((pod for pod in coming if pod.has_log), None)
            if ready is not None:
                if self._told:
                    self._remark(f"the log goes on in pod {ready.name} (launch {ready.launch})")
                self._told[ready.name] = ready
                await self._tell(ready.name)
            elif was_over and not coming:
                return
            else:
                # A pod whose container runs, or has run, is known as such only when its kubelet has said so.
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _coming(self) -> list[Pod]:
        """Give the pods that come after those that are told, the oldest first; at first the newest alone."""
        found = await pods_of(self._session, self._uid, self._run)
        pods = [pod for pod in found if pod.name not in self._ignoring and pod.name not in self._told]
        if not self._told:
            return pods[:1]
        newest = max(pod.order for pod in self._told.values())
        return [pod for pod in reversed(pods) if pod.order > newest]

    async def _tell(self, pod: str) -> None:
        """Give a pod's log to its end; after a broken connection what is new of it."""
        tail, self._tail = self._tail, None
        given = 0
        for _ in range(CONNECTIONS):
            number = 0
            try:
                async with aclosing(log_of(self._session, pod, follow=True, tail=tail)) as lines:
                    async for line in lines:
                        number += 1
                        if number > given:
                            given = number
                            self._write(line)
            except ApiUnavailableError:
                if tail is not None:
                    break  # its beginning is not known, and so not what is new
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            else:
                return
        self._remark(f"the log of pod {pod} broke off; the task goes on")
