"""E-mails, SMS, and the newsletter: to one user a task, or to many in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask import Handler
from patterns.tasks import SendBulkNewsletter, SendEmail, SendNewsletter, SendSms
from patterns.world import World

if TYPE_CHECKING:
    from evertask import Context

NEWSLETTER = "what is new this month"


def setup() -> dict[type, object]:
    """Make, once in a process, what the handlers here ask for in their constructors."""
    return {World: World()}


class SendEmailHandler(Handler[SendEmail]):
    """Send an e-mail."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendEmail, ctx: Context) -> None:
        """Send it."""
        self._world.send(ctx.task_id, "email", task.address, f"{task.subject}: {task.body}")


class SendSmsHandler(Handler[SendSms]):
    """Send an SMS."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendSms, ctx: Context) -> None:
        """Send it."""
        self._world.send(ctx.task_id, "sms", task.phone, task.text)


class SendNewsletterHandler(Handler[SendNewsletter]):
    """Send the newsletter to one user."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendNewsletter, ctx: Context) -> None:
        """Send it."""
        self._world.send(ctx.task_id, "email", task.user_id, NEWSLETTER)


class SendBulkNewsletterHandler(Handler[SendBulkNewsletter]):
    """Send the newsletter to many users."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendBulkNewsletter, ctx: Context) -> dict[str, int]:
        """Send to one after another; each message has an id of its own, so a second run sends only what is missing."""
        new = 0
        for number, user_id in enumerate(task.user_ids):
            ctx.cancellation.raise_if_cancelled()
            new += self._world.send(f"{ctx.task_id}-{number}", "email", user_id, NEWSLETTER)
            ctx.progress(100 * (number + 1) // len(task.user_ids), f"{number + 1} sent")
        return {"sent": len(task.user_ids), "new": new}
