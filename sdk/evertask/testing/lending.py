"""The dispatchers of a handler's context, while it runs inline, are those of the test.

``Context.dispatcher`` and ``Context.sync_dispatcher`` make theirs by the names ``evertask.Dispatcher`` and
``evertask.SyncDispatcher`` at their first use. For as long as a handler runs these names stand for classes that make
dispatchers of its in-memory cluster.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import evertask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def lend(dispatchers: Mapping[str, type[Any]]) -> Iterator[None]:
    """Let names of the package ``evertask`` stand for other classes; nested blocks end in the reverse order."""
    before = {name: getattr(evertask, name) for name in dispatchers}
    try:
        for name, stand_in in dispatchers.items():
            setattr(evertask, name, stand_in)
        yield
    finally:
        for name, value in before.items():
            setattr(evertask, name, value)
