"""Money: charging cards, and looking later whether an order was paid.

``data/bank-statement.csv`` stands for the bank: one line a payment, with the order's number and the amount.
Amounts are whole cents everywhere.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

from evertask import Handler
from shop.tasks import ChargeCard, CheckPayment

if TYPE_CHECKING:
    from evertask import Context

DECLINED = {
    "4000000000000002": "the bank refused it",
    "4000000000009995": "insufficient funds",
}
"""Test card numbers that always fail, and what the bank says; payment providers publish such lists."""


class CardDeclined(Exception):  # noqa: N818  (what the shop's people call it)
    """The bank does not pay; the message is what customer service reads."""


def euros(cents: int) -> str:
    """Write an amount as people read it."""
    return f"EUR {cents // 100}.{cents % 100:02}"


def received_cents(statement: str, order: str) -> int:
    """Add up what came in for an order.

    Args:
        statement: CSV with the columns ``order`` and ``cents``.
        order: number of the order.
    """
    return sum(
        int(line["cents"]) for line in csv.DictReader(statement.splitlines()) if line["order"] == order
    )


class CheckPaymentHandler(Handler[CheckPayment]):
    """Look whether an order was paid; dispatched with a delay when the order is placed."""

    def handle(self, task: CheckPayment, ctx: Context) -> dict[str, str | int | bool]:
        """Compare what came in with what is due."""
        statement = files("shop").joinpath("data/bank-statement.csv").read_text("utf-8")
        received = received_cents(statement, task.order)
        paid = received >= task.cents_due
        ctx.logger.info("order %s: %s of %s received", task.order, euros(received), euros(task.cents_due))
        return {"order": task.order, "paid": paid, "centsReceived": received, "centsDue": task.cents_due}


class ChargeCardHandler(Handler[ChargeCard]):
    """Charge a card."""

    def handle(self, task: ChargeCard, ctx: Context) -> dict[str, str | int]:
        """Take the money; the result has the card's last four digits only.

        Raises:
            CardDeclined: the bank does not pay.
        """
        ending = task.card[-4:]
        answer = DECLINED.get(task.card)
        if answer:
            raise CardDeclined(
                f"order {task.order}: the card ending in {ending} was declined ({answer}); "
                f"ask the customer for another card, {euros(task.cents)} are still due"
            )
        ctx.logger.info(
            "order %s: %s charged to the card ending in %s", task.order, euros(task.cents), ending
        )
        return {"order": task.order, "card": f"**** {ending}", "centsCharged": task.cents}
