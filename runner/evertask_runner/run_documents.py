"""What the parent hands to the child: the run as one JSON object, made from the answer to the claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.protocol import LABEL_TASK_ID

if TYPE_CHECKING:
    from evertask_runner.json_lines import Json


def run_document(
    task: Json,
    *,
    run: str,
    payload_sources_folder: str,
    default_retry: Json | None = None,
    entry: Json | None = None,
) -> Json:
    """Make the run document.

    Args:
        task: the EverTask as it was right after the claim.
        run: id of the run.
        payload_sources_folder: where the ``payloadFrom`` sources are mounted.
        default_retry: the operator's, as ``spec.retry``; None where it says nothing.
        entry: of the run in the status, where more is known than the task says.
    """
    metadata, spec, entry = task["metadata"], task["spec"], entry or task["status"]["runs"][run]
    return {
        "kind": "run",
        "handler": spec["handler"],
        "payload": spec.get("payload") or {},
        "payloadSources": len(spec.get("payloadFrom") or ()),
        "payloadSourcesFolder": payload_sources_folder,
        "taskId": (metadata.get("labels") or {}).get(LABEL_TASK_ID) or metadata["uid"],
        "taskUid": metadata["uid"],
        "taskName": metadata["name"],
        "namespace": metadata["namespace"],
        "run": run,
        "attempt": entry.get("attempt", 1),
        "scheduledTime": entry["scheduledTime"],
        # The run's children run in the same kind of pod.
        "podTemplate": spec.get("podTemplate"),
        "retry": spec.get("retry"),
        "defaultRetry": default_retry,
        "retrying": _retrying(entry),
    }


def _retrying(entry: Json) -> Json | None:
    """Give the failed attempt that the next one follows; None before the first failure."""
    failures = entry.get("failures") or ()
    return {**failures[0], "retry": entry.get("failedAttempts", 1)} if failures else None
