"""Handlers that are given a Secret's value: what EverTask shows of their runs is to be looked through."""

from __future__ import annotations

import sys
import time
from typing import Any

from pydantic import BaseModel, Json, field_validator


class Mail(BaseModel):
    """A payload of which one key is a Secret's."""

    password: str
    host: str = "mail"


class NumberedMail(BaseModel):
    """The same, and the Secret does not fit."""

    password: int


class CrashingMail(BaseModel):
    """The same, with a validator that quotes what it refuses."""

    password: str

    @field_validator("password")
    @classmethod
    def check(cls, value: str) -> str:
        """Refuse it."""
        raise RuntimeError(f"no account for {value}")


class ParsedMail(BaseModel):
    """The same, where the value is JSON of its own."""

    password: Json[dict[int, int]]


def works(mail: Mail) -> int:
    """Use the Secret and tell its length."""
    return len(mail.password)


def needs_a_number(mail: NumberedMail) -> int:
    """Never get as far."""
    return mail.password


def crashes(mail: CrashingMail) -> None:
    """Never get as far."""


def parses(mail: ParsedMail) -> None:
    """Never get as far."""


def fails(mail: Mail) -> None:
    """Fail for another reason, with the Secret in a local variable of each frame."""
    password = mail.password
    if password:
        raise LookupError(mail.host)


def exits(mail: Mail) -> None:
    """End the process with the Secret in its hands."""
    sys.exit(len(mail.password))


def sleeps(mail: Mail) -> None:
    """Be stopped by a timeout."""
    while mail.password:
        time.sleep(0.05)


def returns_a_set(payload: dict[str, Any]) -> Any:
    """Return what is no JSON, made of the Secret."""
    return {"found": {payload["password"]}}


class Wired:
    """A handler that needs more than it gets."""

    def __init__(self, account: int) -> None:
        """Take what nothing provides."""
        self.account = account

    def handle(self, mail: Mail) -> None:
        """Never get as far."""


class Telling:
    """A handler whose callbacks raise."""

    def handle(self, mail: Mail) -> None:
        """Fail."""
        raise LookupError(mail.host)

    def on_error(self) -> None:
        """Raise too."""
        raise LookupError("in on_error")
