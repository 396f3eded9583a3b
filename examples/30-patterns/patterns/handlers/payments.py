"""A payment that takes its time, and can be cancelled while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask import CancellationRequested, Handler
from patterns.tasks import ProcessPayment
from patterns.world import World

if TYPE_CHECKING:
    from evertask import Context


def setup() -> dict[type, object]:
    """Make, once in a process, what the handler asks for in its constructor."""
    return {World: World()}


class ProcessPaymentHandler(Handler[ProcessPayment]):
    """Reserve the amount, wait for the bank, take the amount."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: ProcessPayment, ctx: Context) -> None:
        """Look at the token at each step: a cancellation takes effect there, and what was reserved is given back.

        Raises:
            CancellationRequested: the payment was cancelled; the task ends as Cancelled.
        """
        self._world.set("payment", task.payment_id, "reserved")
        try:
            for second in range(task.seconds):
                ctx.progress(100 * second // task.seconds, "waiting for the bank")
                ctx.cancellation.wait(1)  # in place of time.sleep(1): returns at once when the token fires
                ctx.cancellation.raise_if_cancelled()
        except CancellationRequested:
            self._world.set("payment", task.payment_id, "given back")
            raise
        self._world.set("payment", task.payment_id, "taken")
