"""Dispatchers for the unit tests of applications: no cluster, no clock, no pods.

    async with InMemoryDispatcher() as dispatcher:
        await sign_up("ada@example.org", dispatcher)          # your code, which dispatches
        assert dispatcher.dispatched[0].task == SendWelcome(to="ada@example.org")
        await dispatcher.advance(timedelta(days=1))           # runs your handlers, as a pod does

An in-memory dispatcher is a ``Dispatcher``: the same code checks, names and registers what is dispatched, and only the
API server behind it is a dictionary. Handlers are run in this process by the code that runs them in a pod; time passes
only when it is told to.
"""

from __future__ import annotations

from evertask.testing.dispatched import Dispatched
from evertask.testing.dispatchers import InMemoryDispatcher, InMemorySyncDispatcher

__all__ = ["Dispatched", "InMemoryDispatcher", "InMemorySyncDispatcher"]
