"""A handler whose module imports nothing but evertask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from evertask import Handler, Task

if TYPE_CHECKING:
    from evertask import Context


class Look(Task):
    """A payload."""

    handler = "light:Looks"


class Looks(Handler[Look]):
    """Look what is loaded."""

    def handle(self, task: Look, ctx: Context) -> list[str]:
        """Give what of the dear modules is loaded."""
        return [
            name
            for name in ("aiohttp", "asyncio", "evertask.dispatcher", "kubernetes")
            if name in sys.modules
        ]
