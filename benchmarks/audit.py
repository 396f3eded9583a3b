"""Counts API writes from the local cluster's audit log, by who made them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete"})
FIRST_ERROR = 300
CLIENTS = {"evertask-operator": "operator", "evertask-runner": "runner", "evertask-bench": "client"}


class Write(NamedTuple):
    """One write that succeeded."""

    time: float
    who: str
    """operator, runner, client, or the first word of the user agent."""
    what: str
    """verb and resource."""


def _who(agent: str) -> str:
    for prefix, name in CLIENTS.items():
        if agent.startswith(prefix):
            return name
    return agent.partition("/")[0] or "unknown"


def read_writes(path: Path, namespace: str) -> list[Write]:
    """Read the successful writes in a namespace."""
    writes = []
    for line in path.read_text().splitlines():
        event = json.loads(line)
        ref = event.get("objectRef") or {}
        if (
            event["stage"] != "ResponseComplete"
            or event["verb"] not in WRITES
            or ref.get("namespace") != namespace
        ):
            continue
        if event["responseStatus"]["code"] >= FIRST_ERROR:
            continue
        when = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
        resource = "/".join(filter(None, (ref.get("resource"), ref.get("subresource"))))
        writes.append(Write(when, _who(event.get("userAgent", "")), f"{event['verb']} {resource}"))
    return writes


def count(writes: Iterable[Write]) -> Counter[tuple[str, str]]:
    """Count writes by who and what."""
    return Counter((write.who, write.what) for write in writes)
