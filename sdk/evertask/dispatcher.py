"""``Dispatcher``: how an application hands tasks to the cluster, looks after them and takes them back.

Each call is one or two requests to the API server; nothing is kept here. While the API server is away a call
tries again for ``patience``.
"""

from __future__ import annotations

from evertask.batches import Batches
from evertask.looking_after import LookingAfter


class Dispatcher(Batches, LookingAfter):
    """Hands tasks to one namespace of one cluster; for one event loop.

    Use it as an async context manager, or call ``aclose`` at the end. It connects at the first call. Safe to
    share between the asyncio tasks of an application; one is enough.
    """
