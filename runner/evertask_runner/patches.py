"""The runner's writes as JSON patches: numbers 4, 5, 6 and 9 of the write protocol. Pure.

Every patch begins with the tests that make it harmless when the world has moved on. A test for null passes when the
field is absent; fields are set with ``add``, which replaces what is there, and removed by setting them to null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.api.protocol import Phase, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_runner.json_lines import Json


class Holder(NamedTuple):
    """Which pod works for which launch of which run."""

    uid: str
    run: str
    launch: int
    pod_name: str

    def holds(self, task: Mapping[str, Any]) -> bool:
        """Tell whether this pod has been let in to the run, in the task as it was read."""
        run = self.run_in(task)
        return (
            task["metadata"]["uid"] == self.uid
            and run.get("launch") == self.launch
            and run.get("podName") == self.pod_name
        )

    def run_in(self, task: Mapping[str, Any]) -> Json:
        """Give the run's entry in the status, empty when it is not there."""
        found: Json = ((task.get("status") or {}).get("runs") or {}).get(self.run) or {}
        return found


def _test(path: str, value: Any) -> Json:
    return {"op": "test", "path": path, "value": value}


def _add(path: str, value: Any) -> Json:
    return {"op": "add", "path": path, "value": value}


def escape(key: str) -> str:
    """Write a key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _run_path(holder: Holder) -> str:
    return f"/status/runs/{escape(holder.run)}"


def claim_patch(
    holder: Holder, start_time: str, ready_time: str | None = None, *, attempt: int = 1
) -> list[Json]:
    """Write 4: let this pod in, if nobody is in and nobody wants the task stopped.

    Args:
        holder: this pod and its run.
        start_time: when the handler will start, RFC 3339: now, or the run's time where that is still to come.
        ready_time: since when this pod has been ready, RFC 3339; ``start_time`` when absent.
        attempt: number of the attempt that this pod begins with.
    """
    run = _run_path(holder)
    return [
        _test("/metadata/uid", holder.uid),
        _test("/spec/cancel", value=False),
        _test("/spec/suspend", value=False),
        _test(f"{run}/launch", holder.launch),
        _test(f"{run}/phase", str(Phase.LAUNCHING)),
        _test(f"{run}/podName", None),
        _add(f"{run}/podName", holder.pod_name),
        _add(f"{run}/phase", str(Phase.RUNNING)),
        _add(f"{run}/readyTime", ready_time or start_time),
        _add(f"{run}/startTime", start_time),
        _add(f"{run}/attempt", attempt),
        _add("/status/lastRunTime", start_time),
        _add("/status/state", str(State.IN_PROGRESS)),
        _add("/status/message", f"runs in pod {holder.pod_name}"),
    ]


def _as_holder(holder: Holder) -> list[Json]:
    run = _run_path(holder)
    return [
        _test("/metadata/uid", holder.uid),
        _test(f"{run}/launch", holder.launch),
        _test(f"{run}/phase", str(Phase.RUNNING)),
        _test(f"{run}/podName", holder.pod_name),
    ]


def progress_patch(holder: Holder, progress: Json) -> list[Json]:
    """Write 5: say how far the handler is."""
    return run_patch(holder, {"progress": progress})


def run_patch(holder: Holder, fields: Mapping[str, Any], message: str | None = None) -> list[Json]:
    """Write 5: say how the run goes.

    Args:
        holder: this pod and its run.
        fields: of the run.
        message: one sentence for a person; none leaves the one that is there.
    """
    told = [] if message is None else [_add("/status/message", message)]
    return [*_as_holder(holder), *_fields(holder, fields), *told]


GIVEN_BACK = ("podName", "readyTime", "startTime", "attempt", "progress")
"""What a run without a pod does not have."""


def give_back_patch(holder: Holder, fields: Mapping[str, Any], message: str) -> list[Json]:
    """Write 9: give the run back until its next attempt.

    Args:
        holder: this pod and its run.
        fields: of the run: what is known of its attempts, ``nextAttemptTime``, what it has left.
        message: one sentence for a person.
    """
    given: Json = {"phase": str(Phase.BACKOFF), **fields, **dict.fromkeys(GIVEN_BACK)}
    return [
        *_as_holder(holder),
        _test("/spec/cancel", value=False),
        *_fields(holder, given),
        _add("/status/message", message),
    ]


def _fields(holder: Holder, fields: Mapping[str, Any]) -> list[Json]:
    run = _run_path(holder)
    return [_add(f"{run}/{escape(field)}", value) for field, value in fields.items()]


def outcome_patch(
    holder: Holder, change: Json, *, progress: Json | None, only_if_cancelled: bool
) -> list[Json]:
    """Write 6: commit the outcome.

    Args:
        holder: this pod and its run.
        change: what ``evertask.api.outcomes.apply_outcome`` said: a merge patch for the status.
        progress: the newest report of the handler, when it has not been written yet.
        only_if_cancelled: test that somebody asked for cancellation.
    """
    operations = _as_holder(holder)
    if only_if_cancelled:
        operations.append(_test("/spec/cancel", value=True))
    for name, value in change.items():
        if name == "runs":
            operations += [
                _add(f"/status/runs/{escape(run)}/{escape(field)}", new)
                for run, fields in value.items()
                for field, new in fields.items()
            ]
        else:
            operations.append(_add(f"/status/{escape(name)}", value))
    if progress is not None:
        operations.append(_add(f"{_run_path(holder)}/progress", progress))
    return operations
