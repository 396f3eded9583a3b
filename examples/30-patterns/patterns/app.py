"""The application: it opens one dispatcher for its whole life, registers its recurring task, and has a route a pattern.

    python3 -m uvicorn patterns.app:create_app --factory

``/docs`` lists the routes.
"""

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import FastAPI

from evertask import Dispatcher
from patterns import inside
from patterns.routes import (
    audit_levels,
    batches,
    bulk,
    cancelling,
    captured_ids,
    chains,
    compensation,
    conditions,
    delays,
    failures,
    fire_and_forget,
    recurring,
    schedules,
    status,
    tracking,
)
from patterns.settings import Settings, read_settings
from patterns.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE = timedelta(seconds=5)
"""How long a dispatch goes on trying while the API server is away: whoever clicked does not wait for a minute."""

ROUTERS = (
    fire_and_forget.router,
    delays.router,
    schedules.router,
    captured_ids.router,
    cancelling.router,
    tracking.router,
    status.router,
    batches.router,
    conditions.router,
    chains.router,
    compensation.router,
    failures.router,
    recurring.router,
    audit_levels.router,
    bulk.router,
    inside.router,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> "AsyncIterator[None]":
    """Open what the routes share, and close it at the end."""
    settings: Settings = app.state.settings
    app.state.store = Store(settings.database)
    dispatcher = Dispatcher(
        namespace=settings.namespace, pod_template=settings.pod_template, patience=PATIENCE
    )
    async with dispatcher:
        app.state.dispatcher = dispatcher
        await recurring.register(dispatcher)
        yield
    app.state.store.close()


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; without settings it reads the environment."""
    app = FastAPI(title="Dispatch patterns", lifespan=lifespan)
    app.state.settings = settings or read_settings()
    for router in ROUTERS:
        app.include_router(router)
    failures.install(app)
    app.add_api_route("/healthz", healthz)
    return app


async def healthz() -> str:
    """Say that the application answers."""
    return "ok"
