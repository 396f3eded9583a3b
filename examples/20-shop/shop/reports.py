"""The monthly report: what was sold, by category."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from evertask import Handler
from shop.tasks import MonthlyReport

if TYPE_CHECKING:
    from evertask import Context

COLUMNS = {"date", "category", "quantity", "cents"}


class BrokenOrdersError(ValueError):
    """The orders cannot be read; the message names the line."""


class Totals(NamedTuple):
    """What one month came to."""

    orders: int
    cents: int
    cents_by_category: dict[str, int]


def month_totals(orders: str, month: str) -> Totals:
    """Add up the orders of one month.

    Args:
        orders: CSV with the columns date (YYYY-MM-DD), category, quantity and cents (the price of one piece).
        month: YYYY-MM.

    Raises:
        BrokenOrdersError: a column is missing, or a number is none.
    """
    reader = csv.DictReader(orders.splitlines())
    missing = COLUMNS - set(reader.fieldnames or ())
    if missing:
        raise BrokenOrdersError(f"the orders lack the column {', '.join(sorted(missing))}")
    count = 0
    by_category: Counter[str] = Counter()
    for line in reader:
        if not line["date"].startswith(f"{month}-"):
            continue
        try:
            by_category[line["category"]] += int(line["quantity"]) * int(line["cents"])
        except (TypeError, ValueError) as error:
            raise BrokenOrdersError(f"line {reader.line_num} of the orders: {error}") from error
        count += 1
    return Totals(count, by_category.total(), dict(sorted(by_category.items())))


class MonthlyReportHandler(Handler[MonthlyReport]):
    """Make the report of one month."""

    def handle(self, task: MonthlyReport, ctx: Context) -> dict[str, object]:
        """Add up; the numbers are the result."""
        totals = month_totals(task.orders, task.month)
        ctx.progress(100, f"{totals.orders} orders")
        return {
            "month": task.month,
            "orders": totals.orders,
            "cents": totals.cents,
            "centsByCategory": totals.cents_by_category,
        }
