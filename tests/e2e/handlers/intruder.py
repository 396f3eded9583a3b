"""A handler that writes where it must not, with its pod's token."""

from __future__ import annotations

from typing import Any

import api_server

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


def write(payload: dict[str, Any]) -> dict[str, Any]:
    """Try to write the status of the task at the payload's ``path``, and to read it with an empty patch."""
    written = api_server.call(
        "PATCH",
        f"{payload['path']}/status",
        {"status": {"state": "Completed", "message": "the intruder was here"}},
        MERGE_PATCH,
    )
    read = api_server.call("PATCH", f"{payload['path']}/status", [], JSON_PATCH)
    edited = api_server.call("PATCH", payload["path"], {"spec": {"cancel": True}}, MERGE_PATCH)
    return {
        "written": written.status,
        "read": read.status,
        "edited": edited.status,
        "message": str(written.body.get("message")),
    }
