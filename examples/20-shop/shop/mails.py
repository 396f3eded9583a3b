"""Mails to customers, sent by SMTP.

Delivery is at least once, as every run is: should a pod die between the server's answer and the report of
success, the mail is sent again. The Message-ID is made from the task's id, so that a mailbox can tell that
the two are one.
"""

from __future__ import annotations

import os
import smtplib
import socket
from email.message import EmailMessage
from email.utils import formataddr
from typing import TYPE_CHECKING

from evertask import Handler
from shop.tasks import SendWelcomeEmail

if TYPE_CHECKING:
    from evertask import Context

SERVER_VARIABLE = "SHOP_SMTP"
"""Environment variable with the mail server's ``host:port``."""

DEFAULT_SERVER = "mail-sink:25"
"""The Service of the mail sink, in the task's own namespace."""

SENDER = "hello@shop.example"
TIMEOUT_SECONDS = 10.0
"""For the connection and for each answer: a server that hangs must not hold a pod for ever."""


def welcome_message(name: str, address: str, message_id: str) -> EmailMessage:
    """Write the mail that greets a new customer."""
    message = EmailMessage()
    message["From"] = formataddr(("The Shop", SENDER))
    message["To"] = formataddr((name, address))
    message["Subject"] = f"Welcome, {name}!"
    message["Message-ID"] = f"<{message_id}@shop.example>"
    message.set_content(f"Hello {name},\n\nyour account is ready. Have a look around.\n\nThe Shop\n")
    return message


def send(message: EmailMessage, server: str) -> None:
    """Hand a mail over to a server.

    Args:
        message: the mail; its sender and receivers are those of its header.
        server: ``host:port``.

    Raises:
        OSError: the server cannot be reached.
        smtplib.SMTPException: the server refuses the mail.
    """
    host, _, port = server.rpartition(":")
    # A name is given, because smtplib would look its own up in the DNS, and pods have none there.
    with smtplib.SMTP(host, int(port), socket.gethostname(), timeout=TIMEOUT_SECONDS) as connection:
        connection.send_message(message)


class SendWelcomeEmailHandler(Handler[SendWelcomeEmail]):
    """Greet a new customer."""

    def handle(self, task: SendWelcomeEmail, ctx: Context) -> dict[str, str]:
        """Send the mail; the result says to whom and under which Message-ID."""
        server = os.environ.get(SERVER_VARIABLE, DEFAULT_SERVER)
        message = welcome_message(task.name, task.address, str(ctx.task_id))
        send(message, server)
        ctx.logger.info("mail to %s handed over to %s", task.address, server)
        return {"to": task.address, "messageId": message["Message-ID"], "server": server}
