"""What the routes ask for: ``DispatcherDep`` in a signature is all that a pattern needs to know of its set-up.

One dispatcher serves the whole application: the lifespan in ``patterns.app`` opens it and closes it.
"""

from typing import Annotated, cast

from fastapi import Depends, Path, Request

from evertask import Dispatcher
from patterns.settings import Settings
from patterns.store import Store


def get_dispatcher(request: Request) -> Dispatcher:
    """Give the application's dispatcher."""
    return cast("Dispatcher", request.app.state.dispatcher)


def get_store(request: Request) -> Store:
    """Give the application's database."""
    return cast("Store", request.app.state.store)


def get_settings(request: Request) -> Settings:
    """Give the application's settings."""
    return cast("Settings", request.app.state.settings)


DispatcherDep = Annotated[Dispatcher, Depends(get_dispatcher)]
StoreDep = Annotated[Store, Depends(get_store)]
SettingsDep = Annotated[Settings, Depends(get_settings)]

Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$")]
"""Number of an order, a payment, a batch …, as part of a path."""
