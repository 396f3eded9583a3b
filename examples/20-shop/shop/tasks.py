"""What the shop can ask for: each class is a task's payload, and names its handler by path.

The web side imports this module only: it needs neither Pillow nor a mail server, as no handler is imported.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Base64Bytes, Field

from evertask import Task

Cents = Annotated[int, Field(ge=0)]
Order = Annotated[str, Field(pattern=r"^[A-Z]-\d{4}$")]


class SendWelcomeEmail(Task):
    """Greet a new customer by mail."""

    handler = "shop.mails:SendWelcomeEmailHandler"
    name: Annotated[str, Field(min_length=1, max_length=100)]
    address: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]


class MakeThumbnail(Task):
    """Scale a picture down."""

    handler = "shop.thumbnails:MakeThumbnailHandler"
    picture: Base64Bytes
    """The picture's file; base64 in YAML and JSON."""
    largest_side: Annotated[int, Field(ge=1, le=1024)] = 128
    """Pixels."""


class CheckPayment(Task):
    """Look whether an order was paid."""

    handler = "shop.payments:CheckPaymentHandler"
    order: Order
    cents_due: Cents


class ChargeCard(Task):
    """Take an amount from a card."""

    handler = "shop.payments:ChargeCardHandler"
    order: Order
    card: Annotated[str, Field(pattern=r"^\d{16}$")]
    """A test card's number. A real shop puts a token of its payment provider here, never a number."""
    cents: Cents


class MonthlyReport(Task):
    """Add up the orders of a month."""

    handler = "shop.reports:MonthlyReportHandler"
    month: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    """YYYY-MM."""
    orders: str
    """CSV; in Kubernetes it comes from a ConfigMap, through payloadFrom."""
