"""A handler that is made with what its module's setup() provides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    from evertask import Context, Dispatcher

CALLS: list[str] = []


class Database:
    """Bound to the loop that it was opened in."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()


async def setup() -> dict[Any, Any]:
    """Open the database."""
    CALLS.append("setup")
    await asyncio.sleep(0)
    return {Database: Database(), "currency": "EUR"}


@dataclass
class Wired:
    """Takes all kinds of parameters."""

    database: Database
    log: logging.Logger
    dispatcher: Dispatcher
    currency: str
    limit: int = 5

    async def handle(self, ctx: Context) -> dict[str, Any]:
        """Tell what it was made with."""
        return {
            "sameLoop": self.database.loop is asyncio.get_running_loop(),
            "logger": self.log.name,
            "dispatcher": self.dispatcher is ctx.dispatcher,
            "currency": self.currency,
            "limit": self.limit,
            "setups": len(CALLS),
        }
