"""A chain: the first step, when it has succeeded, dispatches the second.

A pod needs the right to create tasks for that: the chart's value ``runners.createTasks``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask import Handler
from patterns.tasks import FirstStep, SecondStep
from patterns.world import World

if TYPE_CHECKING:
    from uuid import UUID

    from evertask import Context, Dispatcher


def setup() -> dict[type, object]:
    """Make, once in a process, what the handlers here ask for in their constructors."""
    return {World: World()}


class FirstStepHandler(Handler[FirstStep]):
    """Do the first step, then see to the second."""

    def __init__(self, world: World, dispatcher: Dispatcher) -> None:
        self._world = world
        self._dispatcher = dispatcher
        self._correlation_id = ""

    async def handle(self, task: FirstStep, ctx: Context) -> None:
        """Keep what the callback needs: each run has a handler of its own."""
        self._correlation_id = task.correlation_id
        self._world.set("workflow", task.correlation_id, "first step done")

    async def on_completed(self, task_id: UUID, ctx: Context) -> None:
        """Dispatch the next step. Its id follows from this run, so a run that is launched twice dispatches once."""
        child = await self._dispatcher.dispatch(SecondStep(correlation_id=self._correlation_id))
        ctx.logger.info("task %s is done, %s goes on", task_id, child)


class SecondStepHandler(Handler[SecondStep]):
    """Do the second step."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SecondStep, ctx: Context) -> dict[str, bool]:
        """Go on where the first step ended; the result says whether it had been done."""
        was_first_done = self._world.set(
            "workflow", task.correlation_id, "second step done", expected="first step done"
        )
        return {"firstStepWasDone": was_first_done}
