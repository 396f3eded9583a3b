"""Handlers that answer: with what they got, or with what no status can hold."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from evertask import Handler, Task

if TYPE_CHECKING:
    from evertask import Context


class Order(Task):
    """A typed payload."""

    handler = "answers:OrderHandler"
    number: int
    customer: str


class OrderHandler(Handler[Order]):
    """Take a typed payload."""

    def handle(self, task: Order, ctx: Context) -> dict[str, Any]:
        """Give the order back."""
        return {"number": task.number, "customer": task.customer}


def nothing(payload: dict[str, Any]) -> None:
    """Do nothing."""


def echo(payload: dict[str, Any]) -> dict[str, Any]:
    """Give the payload back."""
    return payload


def digest(payload: dict[str, Any]) -> str:
    """Give the digest of a payload that is larger than a result may be."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def environment(payload: dict[str, Any]) -> dict[str, str]:
    """Give what the payload's ``names`` are in the environment, and the host's name."""
    return {name: os.environ[name] for name in payload["names"]} | {"host": socket.gethostname()}


def too_large(payload: dict[str, Any]) -> str:
    """Answer with 40 KiB."""
    return "x" * 40 * 1024


def not_json(payload: dict[str, Any]) -> dict[str, object]:
    """Answer with a set."""
    return {"customers": {"ada", "grace"}}


def broken(payload: dict[str, Any]) -> None:
    """Raise."""
    raise LookupError("order A-17 is unknown; look it up in the archive")


def broken_later(payload: dict[str, Any], ctx: Context) -> None:
    """Raise after the payload's ``seconds``."""
    ctx.progress(50, "at work")
    time.sleep(payload["seconds"])
    broken(payload)


def dies_later(payload: dict[str, Any], ctx: Context) -> None:
    """End without a word after the payload's ``seconds``."""
    ctx.progress(50, "at work")
    time.sleep(payload["seconds"])
    killed(payload)


def killed(payload: dict[str, Any]) -> None:
    """End without a word."""
    os._exit(9)


not_callable = 5
