"""Jobs and pods as the operator makes them, whose task nobody knows."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from evertask_operator.records import TaskKey, TaskUid
from evertask_operator.resources.jobs import build_job
from evertask_operator.settings import RunnerSettings
from tests.support.situations import RUN, make_task

Json = dict[str, Any]


def orphaned_job(namespace: str, *, uid: str | None = None, task: str = "gone") -> Json:
    """Make the Job of a task that is gone, as ``--cascade=orphan`` leaves it.

    Args:
        namespace: of both.
        uid: of the task; a new one when left out.
        task: name of the task.
    """
    record = replace(
        make_task().record(), key=TaskKey(namespace, task), uid=TaskUid(uid or str(uuid.uuid4()))
    )
    job = build_job(record, RUN, 1, RunnerSettings())
    del job["metadata"]["ownerReferences"]
    return job


def orphaned_pod(namespace: str) -> Json:
    """Make the pod of such a Job, after the Job has gone and left it behind."""
    job = orphaned_job(namespace)
    template = job["spec"]["template"]
    return {
        "metadata": {**template["metadata"], "name": f"{job['metadata']['name']}-x7k2p"},
        "spec": template["spec"],
    }
