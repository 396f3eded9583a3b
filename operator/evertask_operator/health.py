"""Whether the operator makes progress: the reconciler's loop, the watches, the relists.

Liveness fails when one of them stands still, so that Kubernetes starts the operator anew; it is ready once everything
was listed, or once it has seen that another operator leads: then it waits, and is as well as one that works. An API
server that is away is no reason: a restart would not bring it back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from evertask_operator.metrics import Metrics

LOOP_SECONDS = 30.0
"""The loop beats every second; a beat this old means that it hangs."""

WATCH_SECONDS = 120.0
"""A change that a relist showed and a watch has not told after this long means that the watch is dead. Longer than
kopf's own limit (70 s) for a silent connection, which it then makes anew."""


class Health:
    """The signs of life."""

    def __init__(self) -> None:
        self.listed = False
        """Everything was listed once."""
        self.stands_by = False
        """Another operator leads, and this one would take over."""
        self._beat = time.monotonic()
        self._heard: dict[str, int] = {}
        self._owed: dict[str, tuple[int, float]] = {}

    def beat(self) -> None:
        """The loop has come round."""
        self._beat = time.monotonic()

    def wait_for_another(self) -> None:
        """The Lease was seen in another's hand: the candidate has come round, and there is nothing else to do."""
        self.stands_by = True
        self.beat()

    def take_over(self) -> None:
        """It is us who work now."""
        self.stands_by = False
        self.beat()

    @property
    def readiness(self) -> tuple[bool, str]:
        """Whether it is ready, and a word about it."""
        if self.listed:
            return True, "ok"
        return (True, "standing by") if self.stands_by else (False, "listing")

    def heard(self, kind: str, version: int) -> None:
        """A watch has told of a change."""
        self._heard[kind] = max(version, self._heard.get(kind, 0))

    def listed_up_to(self, kind: str, newest: int) -> None:
        """A relist has seen an object at a version: the watch must have told of it before long."""
        if newest > self._heard.get(kind, 0):
            known = self._owed.get(kind)
            if known is None or self._heard.get(kind, 0) >= known[0]:
                self._owed[kind] = (newest, time.monotonic())

    def hangs(self) -> str:
        """Say that the loop hangs; empty while it does not. May be called from another thread."""
        silence = time.monotonic() - self._beat
        return f"the loop has not come round for {silence:.0f} s" if silence > LOOP_SECONDS else ""

    def faults(self) -> list[str]:
        """What stands still; empty while all is well."""
        now = time.monotonic()
        faults = [hanging] if (hanging := self.hangs()) else []
        for kind, (version, since) in self._owed.items():
            if self._heard.get(kind, 0) < version and now - since > WATCH_SECONDS:
                faults.append(f"the watch of {kind} has been silent about a change for {now - since:.0f} s")
        return faults


def _health_app(health: Health) -> web.Application:
    async def live(_request: web.Request) -> web.Response:
        faults = health.faults()
        return web.Response(status=500 if faults else 200, text="; ".join(faults) or "ok")

    async def ready(_request: web.Request) -> web.Response:
        is_ready, word = health.readiness
        return web.Response(status=200 if is_ready else 503, text=word)

    app = web.Application()
    app.router.add_get("/healthz", live)
    app.router.add_get("/readyz", ready)
    return app


def _metrics_app(metrics: Metrics) -> web.Application:
    async def scrape(_request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/metrics", scrape)
    return app


async def serve(
    health: Health, metrics: Metrics, *, health_port: int, metrics_port: int
) -> list[web.AppRunner]:
    """Open the two ports; a port of 0 is not opened.

    Returns:
        What to clean up at the end.
    """
    runners = []
    for port, app in ((health_port, _health_app(health)), (metrics_port, _metrics_app(metrics))):
        if not port:
            continue
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, None, port).start()
        runners.append(runner)
    return runners
