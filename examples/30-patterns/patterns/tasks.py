"""What the application can ask for: each class is a task's payload, and names its handler by path.

The web side imports this module and no handler.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from evertask import Task

Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
Phone = Annotated[str, Field(pattern=r"^\+[0-9]{6,15}$")]

# --- a user registers --------------------------------------------------------------------------------------------


class SendWelcomeEmail(Task):
    """Greet a new user by e-mail."""

    handler = "patterns.handlers.users:SendWelcomeEmailHandler"
    address: Address
    name: str


class CreateUserProfile(Task):
    """Make the profile of a new user."""

    handler = "patterns.handlers.users:CreateUserProfileHandler"
    user_id: str


class NotifyAdmins(Task):
    """Tell the administrators of a new user."""

    handler = "patterns.handlers.users:NotifyAdminsHandler"
    user_id: str


class SendBirthdayGreeting(Task):
    """Congratulate a user."""

    handler = "patterns.handlers.users:SendBirthdayGreetingHandler"
    user_id: str


# --- orders ------------------------------------------------------------------------------------------------------


class SendOrderConfirmation(Task):
    """Confirm an order."""

    handler = "patterns.handlers.orders:SendOrderConfirmationHandler"
    order_id: str


class CheckPaymentStatus(Task):
    """Look whether an order was paid."""

    handler = "patterns.handlers.orders:CheckPaymentStatusHandler"
    order_id: str


class SendPaymentReminder(Task):
    """Remind of an order that is not paid."""

    handler = "patterns.handlers.orders:SendPaymentReminderHandler"
    order_id: str


class CancelPendingOrder(Task):
    """Cancel an order that is still not paid."""

    handler = "patterns.handlers.orders:CancelPendingOrderHandler"
    order_id: str


class MakeInvoice(Task):
    """Write the invoice of an order."""

    handler = "patterns.handlers.orders:MakeInvoiceHandler"
    order_id: str


class ProcessHighValueOrder(Task):
    """Process an order that is worth attention at once."""

    handler = "patterns.handlers.orders:ProcessHighValueOrderHandler"
    order_id: str


class ProcessRegularOrder(Task):
    """Process any other order."""

    handler = "patterns.handlers.orders:ProcessRegularOrderHandler"
    order_id: str


class ProcessPayment(Task):
    """Take a payment; the bank takes its time."""

    handler = "patterns.handlers.payments:ProcessPaymentHandler"
    # How long a payment that was cancelled has to put things in order.
    grace_period = timedelta(seconds=10)
    payment_id: str
    seconds: Annotated[int, Field(ge=1, le=600)] = 60
    """How long the bank takes."""


# --- messages ----------------------------------------------------------------------------------------------------


class SendEmail(Task):
    """Send an e-mail."""

    handler = "patterns.handlers.messages:SendEmailHandler"
    address: Address
    subject: str
    body: str


class SendSms(Task):
    """Send an SMS."""

    handler = "patterns.handlers.messages:SendSmsHandler"
    phone: Phone
    text: str


class SendNewsletter(Task):
    """Send the newsletter to one user."""

    handler = "patterns.handlers.messages:SendNewsletterHandler"
    user_id: str


class SendBulkNewsletter(Task):
    """Send the newsletter to many users."""

    handler = "patterns.handlers.messages:SendBulkNewsletterHandler"
    user_ids: Annotated[list[str], Field(min_length=1)]


# --- campaigns and reports ---------------------------------------------------------------------------------------


class LaunchMarketingCampaign(Task):
    """Launch a campaign."""

    handler = "patterns.handlers.reports:LaunchMarketingCampaignHandler"
    campaign_id: str


class GenerateMonthlyReport(Task):
    """Make a user's report of the month."""

    handler = "patterns.handlers.reports:GenerateMonthlyReportHandler"
    user_id: str


class DailyReport(Task):
    """Make the report of the day."""

    handler = "patterns.handlers.reports:DailyReportHandler"


class RefreshCache(Task):
    """Compute a cached value anew: cheap, frequent, of no interest once it is done."""

    handler = "patterns.handlers.reports:RefreshCacheHandler"
    name: str


class ImportDocument(Task):
    """Take in a document that came with the request."""

    handler = "patterns.handlers.reports:ImportDocumentHandler"
    text: str


# --- workflows ---------------------------------------------------------------------------------------------------


class FirstStep(Task):
    """Begin a workflow."""

    handler = "patterns.handlers.chain:FirstStepHandler"
    correlation_id: str


class SecondStep(Task):
    """Go on with it."""

    handler = "patterns.handlers.chain:SecondStepHandler"
    correlation_id: str


class RunOperation(Task):
    """Do something that has to be undone when it fails half-way."""

    handler = "patterns.handlers.operations:RunOperationHandler"
    operation_id: str
    fails: bool = False
    """Whether the second half is refused."""


class RollbackOperation(Task):
    """Undo it."""

    handler = "patterns.handlers.operations:RollbackOperationHandler"
    operation_id: str
