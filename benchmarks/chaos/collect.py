"""Puts a ``World`` together at the end of a run, and keeps it: for the auditor, and for a look into it later."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from benchmarks.chaos.records import (
    Asked,
    Call,
    Deed,
    Disturbance,
    How,
    JobLife,
    Left,
    Life,
    Trace,
    Version,
    What,
    World,
)
from evertask.api import protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.chaos.api import Api
    from benchmarks.chaos.drive import Drive
    from benchmarks.chaos.records import Json

SELECTOR = f"labelSelector={protocol.LABEL_MANAGED_BY}%3D{protocol.MANAGED_BY}"
ENDED = frozenset({"Succeeded", "Failed"})


def calls_of(lines: bytes) -> tuple[Call, ...]:
    """Read the ledger: each start is a call, an end belongs to the start of the same attempt in the same pod."""
    entries = [json.loads(line) for line in lines.splitlines() if line]
    ends = {_key(entry): entry for entry in entries if entry["event"] == "end"}
    found = []
    for entry in entries:
        if entry["event"] == "start":
            end = ends.get(_key(entry))
            found.append(
                Call(
                    entry["uid"],
                    entry["task"],
                    entry["run"],
                    entry["launch"],
                    entry["attempt"],
                    entry["pod"],
                    entry["time"],
                    None if end is None else end["time"],
                    How.UNKNOWN if end is None else How(end["how"]),
                )
            )
    return tuple(found)


def _key(entry: Json) -> tuple[Any, ...]:
    return entry["uid"], entry["launch"], entry["attempt"], entry["pod"]


def left_in(api: Api, namespaces: Iterable[str]) -> tuple[Left, ...]:
    """Give the Jobs and pods of tasks that are there now."""
    found = []
    for namespace in namespaces:
        jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs?{SELECTOR}"
        found += [_left("Job", item, is_over=_has_finished(item)) for item in api.items(jobs)]
        pods = f"/api/v1/namespaces/{namespace}/pods?{SELECTOR}"
        found += [
            _left("pod", item, is_over=item["status"].get("phase") in ENDED) for item in api.items(pods)
        ]
    return tuple(found)


def _left(kind: str, item: Json, *, is_over: bool) -> Left:
    labels = item["metadata"]["labels"]
    return Left(
        kind,
        item["metadata"]["name"],
        labels[protocol.LABEL_TASK_UID],
        labels[protocol.LABEL_RUN],
        int(labels[protocol.LABEL_LAUNCH]),
        is_over,
    )


def _has_finished(job: Json) -> bool:
    conditions = job["status"].get("conditions") or ()
    return any(one["type"] in {"Complete", "Failed"} and one["status"] == "True" for one in conditions)


def make_world(drive: Drive) -> World:
    """Put together what was seen on a stage, and what is there now."""
    stage, observer = drive.stage, drive.observer
    return World(
        calls_of(stage.entries()),
        observer.lives(),
        observer.jobs(),
        tuple(drive.done),
        tuple(drive.asked),
        left_in(stage.api, stage.namespaces),
        stage.keeps_jobs,
        observer.traces(),
        stage.name,
    )


def to_json(world: World) -> Json:
    """Write a world as JSON."""
    found = dataclasses.asdict(world)
    del found["hit_pods"], found["deeds"]
    return found


def from_json(found: Json) -> World:
    """Read a world that ``to_json`` wrote."""
    lives = []
    for life in found["lives"]:
        versions = tuple(Version(**version) for version in life.pop("versions"))
        lives.append(Life(**life, versions=versions))
    return World(
        tuple(Call(**call | {"how": How(call["how"])}) for call in found["calls"]),
        tuple(lives),
        tuple(JobLife(**job) for job in found["jobs"]),
        tuple(Disturbance(**one | {"what": What(one["what"])}) for one in found["disturbances"]),
        tuple(Asked(**one | {"deed": Deed(one["deed"])}) for one in found["asked"]),
        tuple(Left(**one) for one in found["left"]),
        found["keeps_jobs"],
        tuple(Trace(**one) for one in found["traces"]),
        found.get("stage") or ("pods" if found["keeps_jobs"] else "light"),
    )
