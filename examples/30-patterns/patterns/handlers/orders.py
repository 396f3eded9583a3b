"""What happens to an order. Its record is pending, paid, cancelled or processed.

Minutes or days lie between a dispatch and its run, so each handler looks first at what the order is by now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask import Handler
from patterns.tasks import (
    CancelPendingOrder,
    CheckPaymentStatus,
    MakeInvoice,
    ProcessHighValueOrder,
    ProcessRegularOrder,
    SendOrderConfirmation,
    SendPaymentReminder,
)
from patterns.world import World

if TYPE_CHECKING:
    from evertask import Context


def setup() -> dict[type, object]:
    """Make, once in a process, what the handlers here ask for in their constructors."""
    return {World: World()}


class SendOrderConfirmationHandler(Handler[SendOrderConfirmation]):
    """Confirm an order."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendOrderConfirmation, ctx: Context) -> None:
        """Send the mail."""
        self._world.send(ctx.task_id, "email", task.order_id, "thank you for your order")


class CheckPaymentStatusHandler(Handler[CheckPaymentStatus]):
    """Look whether an order was paid."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: CheckPaymentStatus, ctx: Context) -> dict[str, str | None]:
        """Look; the result says what was found."""
        return {"order": self._world.state("order", task.order_id)}


class SendPaymentReminderHandler(Handler[SendPaymentReminder]):
    """Remind of an order that is not paid."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendPaymentReminder, ctx: Context) -> dict[str, bool]:
        """Send the mail where there is need; the result says whether there was."""
        is_pending = self._world.state("order", task.order_id) == "pending"
        if is_pending:
            self._world.send(ctx.task_id, "email", task.order_id, "please pay your order")
        return {"reminded": is_pending}


class CancelPendingOrderHandler(Handler[CancelPendingOrder]):
    """Cancel an order that is still not paid."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: CancelPendingOrder, ctx: Context) -> dict[str, bool]:
        """Cancel in one step: a payment of this very moment wins or loses, but never both."""
        return {"cancelled": self._world.set("order", task.order_id, "cancelled", expected="pending")}


class MakeInvoiceHandler(Handler[MakeInvoice]):
    """Write the invoice of an order."""

    def handle(self, task: MakeInvoice, ctx: Context) -> dict[str, str]:
        """Write it; the result has its number."""
        return {"invoice": f"INV-{task.order_id}"}


class ProcessHighValueOrderHandler(Handler[ProcessHighValueOrder]):
    """Process an order that is worth attention at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: ProcessHighValueOrder, ctx: Context) -> None:
        """Process it."""
        self._world.set("order", task.order_id, "processed first")


class ProcessRegularOrderHandler(Handler[ProcessRegularOrder]):
    """Process any other order."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: ProcessRegularOrder, ctx: Context) -> None:
        """Process it."""
        self._world.set("order", task.order_id, "processed")
