"""What handlers reach of the application: its records, and the way out for its messages.

Handlers run in pods of their own. In most applications both sides share a database; here the web application keeps
it, and the handlers come by HTTP (``patterns.world``). None of this is a pattern.
"""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from patterns.dependencies import StoreDep
from patterns.store import Message

router = APIRouter(prefix="/inside", tags=["inside"])


class Change(BaseModel):
    """A new state of a record."""

    state: str
    expected: str | None = None
    """Only if the record is in this state; None in any case."""


class Outgoing(BaseModel):
    """A message to send."""

    channel: str
    receiver: str
    text: str


@router.get("/records/{kind}/{key}")
async def read_record(kind: str, key: str, store: StoreDep) -> dict[str, str]:
    """Give a record's state."""
    state = store.state(kind, key)
    if state is None:
        raise HTTPException(404, f"there is no {kind} {key}")
    return {"state": state}


@router.put("/records/{kind}/{key}")
async def change_record(kind: str, key: str, change: Change, store: StoreDep) -> dict[str, bool]:
    """Set a record's state, and tell whether it was set."""
    if change.expected is None:
        store.put(kind, key, change.state)
        return {"changed": True}
    return {"changed": store.change(kind, key, expected=change.expected, state=change.state)}


@router.put("/messages/{key}")
async def send_message(key: str, outgoing: Outgoing, store: StoreDep) -> dict[str, bool]:
    """Send a message, once."""
    message = Message(key, outgoing.channel, outgoing.receiver, outgoing.text)
    return {"sent": store.deliver(message)}


@router.get("/messages")
async def sent_messages(receiver: str, store: StoreDep) -> list[Message]:
    """Give what was sent to somebody."""
    return store.messages(receiver)
