"""Compensation: what fails half-way dispatches the task that undoes the first half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask import Handler
from patterns.tasks import RollbackOperation, RunOperation
from patterns.world import World

if TYPE_CHECKING:
    from uuid import UUID

    from evertask import Context


def setup() -> dict[type, object]:
    """Make, once in a process, what the handlers here ask for in their constructors."""
    return {World: World()}


class StockRefusedError(Exception):
    """The warehouse does not deliver."""


class RunOperationHandler(Handler[RunOperation]):
    """Take the money, then the goods."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._operation_id = ""

    def handle(self, task: RunOperation, ctx: Context) -> None:
        """Do both halves.

        Raises:
            StockRefusedError: the second half is refused, after the first has been done.
        """
        self._operation_id = task.operation_id
        self._world.set("operation", task.operation_id, "money taken")
        if task.fails:
            raise StockRefusedError(f"operation {task.operation_id}: the goods are not in stock")
        self._world.set("operation", task.operation_id, "done")

    async def on_error(
        self, task_id: UUID, exception: BaseException | None, message: str | None, ctx: Context
    ) -> None:
        """Dispatch the compensation; failures, timeouts and cancellations all come here."""
        ctx.logger.error(
            "task %s failed (%s), dispatching its rollback", task_id, message, exc_info=exception
        )
        await ctx.dispatcher.dispatch(RollbackOperation(operation_id=self._operation_id))


class RollbackOperationHandler(Handler[RollbackOperation]):
    """Give the money back."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: RollbackOperation, ctx: Context) -> dict[str, bool]:
        """Undo the first half where it was done; a second run finds nothing to undo."""
        undone = self._world.set("operation", task.operation_id, "rolled back", expected="money taken")
        return {"undone": undone}
