"""What the operator keeps of tasks, Jobs and pods: small frozen values, cut out of the API's objects.

A record remembers the resource version that it was read at: writes are conditional on it.
"""

from __future__ import annotations

from evertask_operator.records.tasks import EPOCH, Parent, TaskKey, TaskRecord, TaskUid, read_task, version_of
from evertask_operator.records.workloads import JobRecord, PodRecord, read_job, read_pod

__all__ = [
    "EPOCH",
    "JobRecord",
    "Parent",
    "PodRecord",
    "TaskKey",
    "TaskRecord",
    "TaskUid",
    "read_job",
    "read_pod",
    "read_task",
    "version_of",
]
