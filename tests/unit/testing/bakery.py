"""Tasks and handlers of a bakery, for the tests of the in-memory dispatcher. The runner imports it by its path."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from evertask import Dispatcher, Handler, Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from evertask import Context

calls: list[str] = []
"""What callbacks and setup have said, since the test began."""


class BakeHandler(Handler["Bake"]):
    def handle(self, task: Bake, ctx: Context) -> str:
        ctx.progress(50, "in the oven")
        return f"{task.loaves} loaves"

    def on_started(self, task_id: UUID, ctx: Context) -> None:
        calls.append("started")

    def on_completed(self, task_id: UUID, ctx: Context) -> None:
        calls.append(f"completed {ctx.result}")


class Bake(Task):
    handler = BakeHandler
    loaves: int = 1


class Burn(Task):
    handler = "tests.unit.testing.bakery:BurnHandler"


class BurnHandler(Handler[Burn]):
    def handle(self, task: Burn, ctx: Context) -> None:
        raise RuntimeError("too hot")

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        calls.append(f"{type(exception).__name__}: {message}")
        raise ValueError("the smoke detector is broken")


class Missing(Task):
    handler = "tests.unit.testing.bakery:NobodyHandler"


class FeastHandler(Handler["Feast"]):
    async def handle(self, task: Feast, ctx: Context) -> list[str]:
        ids = [await ctx.dispatcher.dispatch(Bake(loaves=number)) for number in (3, 4)]
        views = await ctx.dispatcher.wait(ids)
        return [view.result for view in views]


class Feast(Task):
    handler = FeastHandler
    pod_template: ClassVar[dict[str, Any]] = {"spec": {"nodeSelector": {"oven": "yes"}}}


class PartyHandler(Handler["Party"]):
    """The same, by blocking calls."""

    def handle(self, task: Party, ctx: Context) -> list[str]:
        ids = [ctx.sync_dispatcher.dispatch(Bake(loaves=number + 1)) for number in range(task.guests)]
        return [view.result for view in ctx.sync_dispatcher.wait(ids)]


class Party(Task):
    handler = PartyHandler
    guests: int


class OrderHandler(Handler["Order"]):
    """Is made with a dispatcher, and dispatches for tomorrow."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def handle(self, task: Order, ctx: Context) -> str:
        return str(await self._dispatcher.dispatch(Bake(), delay=timedelta(seconds=30)))


class Order(Task):
    handler = OrderHandler


class PatientHandler(Handler["Patient"]):
    """Takes as long as it is told: time passes, or the computer's own clock goes on."""

    async def handle(self, task: Patient, ctx: Context) -> str:
        await ctx.dispatcher.advance(timedelta(minutes=task.minutes))  # type: ignore[attr-defined]
        await asyncio.sleep(task.seconds)
        return "done"

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        calls.append(f"{type(exception).__name__}: {message}")


class Patient(Task):
    handler = PatientHandler
    minutes: int = 0
    seconds: float = 0


class QuitterHandler(Handler["Quitter"]):
    """Cancels its own task, and obeys."""

    async def handle(self, task: Quitter, ctx: Context) -> None:
        await ctx.dispatcher.cancel(ctx.task_name)
        await asyncio.sleep(60)

    def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        calls.append(f"{type(exception).__name__}: {message}")


class Quitter(Task):
    handler = QuitterHandler


def count_loaves(payload: Mapping[str, Any]) -> int:
    """Handler of a task that names a path, and no class."""
    return int(payload["loaves"]) + 1


class Count(Task):
    handler = "tests.unit.testing.bakery:count_loaves"
    loaves: int = 1
