"""A mail server that keeps what it gets in memory and shows it: for demonstrations and tests.

SMTP on one port; on another ``GET /mails`` (the newest 1,000 mails, oldest first) and ``GET /healthz``, as JSON.

    python3 -m shop.mail_sink
"""

from __future__ import annotations

import json
import signal
import threading
from collections import deque
from email import message_from_bytes, policy
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

SMTP_PORT = 2525
HTTP_PORT = 8025
LIMIT = 1000
"""Mails kept; older ones are forgotten."""


class Mailbox:
    """The mails received, written by the SMTP server's thread and read by the HTTP server's threads."""

    def __init__(self) -> None:
        self._mails: deque[dict[str, Any]] = deque(maxlen=LIMIT)
        self._lock = threading.Lock()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail; aiosmtpd calls this by name."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = message_from_bytes(content, policy=policy.default)
        body = message.get_body(preferencelist=("plain",))
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(message["Subject"] or ""),
            "messageId": str(message["Message-ID"] or ""),
            "text": body.get_content() if body else "",
        }
        with self._lock:
            self._mails.append(mail)
        return "250 Message accepted for delivery"

    def mails(self) -> list[dict[str, Any]]:
        """Give the mails received, oldest first."""
        with self._lock:
            return list(self._mails)


def http_server(mailbox: Mailbox, host: str, port: int) -> ThreadingHTTPServer:
    """Make the server that shows a mailbox; port 0 takes a free one."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers: dict[str, Any] = {"/mails": mailbox.mails, "/healthz": lambda: "ok"}
            answer = answers.get(self.path)
            body = json.dumps(answer() if answer else f"{self.path}: there are /mails and /healthz").encode()
            self.send_response(HTTPStatus.OK if answer else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the parent's name)
            """Say nothing: probes would fill the log."""

    return ThreadingHTTPServer((host, port), Page)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(
        signal.SIG_BLOCK, ends
    )  # before any thread: they inherit it, and sigwait gets them
    mailbox = Mailbox()
    smtp = Controller(mailbox, "0.0.0.0", SMTP_PORT, server_hostname="mail-sink")  # noqa: S104  (a Service reaches it)
    smtp.start()
    http = http_server(mailbox, "0.0.0.0", HTTP_PORT)  # noqa: S104
    threading.Thread(target=http.serve_forever, daemon=True).start()
    print(f"SMTP on {SMTP_PORT}, received mails on {HTTP_PORT}/mails", flush=True)
    signal.sigwait(ends)
    http.shutdown()
    smtp.stop()


if __name__ == "__main__":
    main()
