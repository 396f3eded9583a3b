"""The application's own database: records with a state, messages that went out, and the ids of dispatched tasks.

EverTask keeps what a task *is*; what it is *for* the application has to remember. So it stores the ids of the tasks
that it wants to look after, under a reference of its own: an order, a payment, a batch.

One SQLite file. A statement takes microseconds here, so the routes call it without a thread of its own.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = """
CREATE TABLE IF NOT EXISTS task_ids (reference TEXT, purpose TEXT, task_id TEXT, PRIMARY KEY (reference, purpose));
CREATE TABLE IF NOT EXISTS records (kind TEXT, id TEXT, state TEXT, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, channel TEXT, receiver TEXT, text TEXT);
"""


class Message(NamedTuple):
    """An e-mail or an SMS that went out."""

    id: str
    """Of the task that sent it: one that runs twice sends once."""
    channel: str
    receiver: str
    text: str


class Store:
    """The database of one instance of the application; for one thread."""

    def __init__(self, path: str = ":memory:") -> None:
        """Open or make it."""
        # Any thread may come, as FastAPI's tests do; the application's own calls all come from its event loop.
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Without a wait for the disk at each statement; a crash of the machine may lose the last ones.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Close it."""
        self._database.close()

    # --- ids of tasks -------------------------------------------------------------------------------------------

    def save_task_ids(self, reference: str, ids: Mapping[str, UUID]) -> None:
        """Remember tasks under a reference, by what they are for; a newer id takes an older one's place."""
        rows = [(reference, purpose, str(task_id)) for purpose, task_id in ids.items()]
        self._database.executemany("INSERT OR REPLACE INTO task_ids VALUES (?, ?, ?)", rows)

    def task_ids(self, reference: str) -> dict[str, UUID]:
        """Give the tasks of a reference, by what they are for, in the order in which they were saved."""
        query = "SELECT purpose, task_id FROM task_ids WHERE reference = ? ORDER BY rowid"
        return {purpose: UUID(text) for purpose, text in self._database.execute(query, (reference,))}

    # --- records ------------------------------------------------------------------------------------------------

    def put(self, kind: str, key: str, state: str) -> None:
        """Make a record, or set its state."""
        self._database.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (kind, key, state))

    def change(self, kind: str, key: str, *, expected: str, state: str) -> bool:
        """Set a record's state if it is in the expected one; tell whether it was."""
        query = "UPDATE records SET state = ? WHERE kind = ? AND id = ? AND state = ?"
        return self._database.execute(query, (state, kind, key, expected)).rowcount == 1

    def state(self, kind: str, key: str) -> str | None:
        """Give a record's state; None where there is no such record."""
        query = "SELECT state FROM records WHERE kind = ? AND id = ?"
        row = self._database.execute(query, (kind, key)).fetchone()
        return None if row is None else str(row[0])

    # --- messages -----------------------------------------------------------------------------------------------

    def deliver(self, message: Message) -> bool:
        """Keep a message; tell whether it is new: one id goes out once, however often its task is run."""
        query = "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?)"
        return self._database.execute(query, message).rowcount == 1

    def messages(self, receiver: str) -> list[Message]:
        """Give the messages to a receiver, oldest first."""
        query = "SELECT * FROM messages WHERE receiver = ? ORDER BY rowid"
        return [Message(*row) for row in self._database.execute(query, (receiver,))]
