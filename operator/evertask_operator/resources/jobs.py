"""The Job of a launch.

The pod gets identifiers and, where it is made early, the run's time; never anything that a user wrote (the kubelet
expands ``$(X)`` in values). Payload and options come to the runner in the answer to its claim.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.durations import parse_duration
from evertask_operator.resources.pod_templates import merge, with_named_container

if TYPE_CHECKING:
    from evertask_operator.records import TaskRecord
    from evertask_operator.settings import RunnerSettings

Json = dict[str, Any]

RUNNER_COMMAND = ["python3", "-m", "evertask_runner"]

POD_DEADLINE_MARGIN_SECONDS = 60
"""The kubelet's own deadline comes this much after all of the runner's: only a runner that hangs meets it."""

_SOURCES_VOLUME = "evertask-payload"
_FIELDS_IN_POD = ("podTemplate", "payloadFrom", "gracePeriod", "timeout", "startDeadline", "handler")


def seconds(spec: Json, field: str, default: float) -> float:
    """Give a duration field of a spec in seconds."""
    return parse_duration(spec[field]).total_seconds() if field in spec else default


def template_digest(spec: Json) -> str:
    """Digest of what a Job is made from: a launch that nobody has claimed is replaced when it changes."""
    made_from = {field: spec[field] for field in _FIELDS_IN_POD if field in spec}
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def _sources(spec: Json) -> tuple[list[Json], list[Json]]:
    """Volumes and mounts for ``payloadFrom``: a folder per source, so that no key hides another's."""
    volumes, mounts = [], []
    for index, source in enumerate(spec.get("payloadFrom") or ()):
        name = f"{_SOURCES_VOLUME}-{index}"
        if "secretRef" in source:
            reference, kind, field = source["secretRef"], "secret", "secretName"
        else:
            reference, kind, field = source["configMapRef"], "configMap", "name"
        volume: Json = {field: reference["name"]}
        if reference.get("optional"):
            volume["optional"] = True
        volumes.append({"name": name, kind: volume})
        mounts.append(
            {"name": name, "mountPath": f"{protocol.PAYLOAD_SOURCES_PATH}/{index}", "readOnly": True}
        )
    return volumes, mounts


def _environment(task: TaskRecord, run_id: str, launch: int, scheduled_time: str | None) -> list[Json]:
    values = {
        protocol.ENV_TASK_NAMESPACE: task.key.namespace,
        protocol.ENV_TASK_NAME: task.key.name,
        protocol.ENV_TASK_UID: task.uid,
        protocol.ENV_RUN: run_id,
        protocol.ENV_LAUNCH: str(launch),
        protocol.ENV_HANDLER: task.spec["handler"],
    }
    if scheduled_time is not None:
        values[protocol.ENV_SCHEDULED_TIME] = scheduled_time
    return [
        *({"name": name, "value": value} for name, value in values.items()),
        {"name": protocol.ENV_POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]


def _identity_labels(task: TaskRecord, run_id: str, launch: int) -> dict[str, str]:
    return {
        protocol.LABEL_MANAGED_BY: protocol.MANAGED_BY,
        protocol.LABEL_TASK_UID: task.uid,
        protocol.LABEL_RUN: run_id,
        protocol.LABEL_LAUNCH: str(launch),
    }


def _default_template(spec: Json, runner: RunnerSettings, wait_seconds: float) -> Json:
    """What the settings' template, and then the task's own, are merged over."""
    grace = seconds(spec, "gracePeriod", protocol.DEFAULT_GRACE_PERIOD_SECONDS)
    timeout = seconds(spec, "timeout", 0)
    base: Json = {
        "spec": {
            "terminationGracePeriodSeconds": math.ceil(grace) + protocol.REPORT_RESERVE_SECONDS,
            "containers": [
                {
                    "name": protocol.CONTAINER_NAME,
                    "image": runner.image,
                    "imagePullPolicy": runner.image_pull_policy,
                    "command": RUNNER_COMMAND,
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                }
            ],
        }
    }
    if timeout:
        start = seconds(spec, "startDeadline", protocol.DEFAULT_START_DEADLINE_SECONDS)
        base["spec"]["activeDeadlineSeconds"] = (
            # The grace period twice: the handler may take one to stop, its callbacks another.
            math.ceil(wait_seconds + start + timeout + 2 * grace) + POD_DEADLINE_MARGIN_SECONDS
        )
    return base


def _owned_template(task: TaskRecord, run_id: str, launch: int, scheduled_time: str | None) -> Json:
    """What no template can override."""
    volumes, mounts = _sources(task.spec)
    return {
        "metadata": {
            "labels": _identity_labels(task, run_id, launch),
            "annotations": {protocol.ANNOTATION_TASK_NAME: task.key.name},
        },
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": protocol.CONTAINER_NAME,
                    "env": _environment(task, run_id, launch, scheduled_time),
                    **({"volumeMounts": mounts} if mounts else {}),
                }
            ],
            **({"volumes": volumes} if volumes else {}),
        },
    }


def _job_metadata(task: TaskRecord, run_id: str, launch: int) -> Json:
    return {
        "name": protocol.job_name(task.uid, run_id, launch),
        "namespace": task.key.namespace,
        "labels": _identity_labels(task, run_id, launch),
        "annotations": {
            protocol.ANNOTATION_TASK_NAME: task.key.name,
            protocol.ANNOTATION_TEMPLATE: template_digest(task.spec),
        },
        "ownerReferences": [
            {
                "apiVersion": protocol.API_VERSION,
                "kind": protocol.KIND,
                "name": task.key.name,
                "uid": task.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def build_job(
    task: TaskRecord,
    run_id: str,
    launch: int,
    runner: RunnerSettings,
    *,
    scheduled_time: str | None = None,
    wait_seconds: float = 0,
) -> Json:
    """Build the Job of a launch.

    ``backoffLimit: 0`` and ``restartPolicy: Never``: nothing but the operator starts a pod again. The pod failure
    policy makes the Job remember that its pod was disrupted after the pod itself is gone.

    Args:
        task: the task.
        run_id: the run that the pod works for.
        launch: number of the launch.
        runner: what runner pods are made of.
        scheduled_time: for a pod that is made before its time, the instant to wait for, RFC 3339 in UTC.
        wait_seconds: how long it will wait at most: the kubelet's deadline, which counts from the pod's start, comes
            so much later.
    """
    template = merge(
        merge(_default_template(task.spec, runner, wait_seconds), with_named_container(runner.pod_template)),
        with_named_container(task.spec.get("podTemplate") or {}),
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _job_metadata(task, run_id, launch),
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podFailurePolicy": {
                "rules": [
                    {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
                ]
            },
            "template": merge(template, _owned_template(task, run_id, launch, scheduled_time)),
        },
    }
