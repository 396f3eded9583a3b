"""The Job of a launch.

The pod gets identifiers and, where it is made early, the run's time; never anything that a user wrote (the kubelet
expands ``$(X)`` in values). Payload and options come to the runner in the answer to its claim.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.durations import parse_duration
from evertask.api.times import format_time
from evertask.retries import Retry
from evertask_operator.resources.pod_templates import merge, with_named_container
from evertask_operator.settings import DefaultsSettings

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.records import TaskRecord
    from evertask_operator.settings import RunnerSettings

Json = dict[str, Any]

RUNNER_COMMAND = ["python3", "-m", "evertask_runner"]

POD_DEADLINE_MARGIN_SECONDS = 60
"""The kubelet's own deadline comes this much after all of the runner's: only a runner that hangs meets it."""

_SOURCES_VOLUME = "evertask-payload"
MAX_POD_DEADLINE_SECONDS = 2**31 - 1
"""The longest deadline that a pod may have."""

_FIELDS_IN_POD = (
    "podTemplate",
    "payloadFrom",
    "gracePeriod",
    "timeout",
    "runTimeout",
    "retry",
    "startDeadline",
    "handler",
)


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


@dataclass(frozen=True, slots=True)
class Begin:
    """How the pod of a launch begins."""

    attempt: int = 1
    """Number of its first attempt: one more than have failed in the run."""
    at: str | None = None
    """The instant that a pod which is made early waits for, RFC 3339 in UTC; None: it begins at once."""
    wait_seconds: float = 0
    """How long it waits at most: the kubelet's deadline, which counts from the pod's start, comes so much later."""

    @classmethod
    def of(cls, attempt: int, due: datetime, now: datetime) -> Begin:
        """Say how the pod of an attempt begins that is due at an instant."""
        if due <= now:
            return cls(attempt)
        return cls(attempt, format_time(due), (due - now).total_seconds())


AT_ONCE = Begin()


def _defaults(defaults: DefaultsSettings) -> str:
    """What the runner does where neither its task nor its handler says anything."""
    told = {"retry": defaults.policy.to_spec(), "holdPodSeconds": defaults.hold_pod.total_seconds()}
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def _environment(
    task: TaskRecord, run_id: str, launch: int, begin: Begin, defaults: DefaultsSettings
) -> list[Json]:
    values = {
        protocol.ENV_TASK_NAMESPACE: task.key.namespace,
        protocol.ENV_TASK_NAME: task.key.name,
        protocol.ENV_TASK_UID: task.uid,
        protocol.ENV_RUN: run_id,
        protocol.ENV_LAUNCH: str(launch),
        protocol.ENV_HANDLER: task.spec["handler"],
        protocol.ENV_DEFAULTS: _defaults(defaults),
    }
    if begin.attempt > 1:
        values[protocol.ENV_ATTEMPT] = str(begin.attempt)
    if begin.at is not None:
        values[protocol.ENV_SCHEDULED_TIME] = begin.at
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


def _longest_run(spec: Json, hold_pod_seconds: float) -> float | None:
    """Give the seconds that a pod's attempts may take at most, and the delays between them; None: nothing bounds them.

    Without ``spec.retry`` the handler's class may have a policy of its own, with more attempts than is known here.
    """
    # The grace period twice: the handler may take one to stop, its callbacks another.
    to_stop = 2 * seconds(spec, "gracePeriod", protocol.DEFAULT_GRACE_PERIOD_SECONDS)
    bounds = []
    if run_timeout := seconds(spec, "runTimeout", 0):
        bounds.append(run_timeout + to_stop)
    if (timeout := seconds(spec, "timeout", 0)) and "retry" in spec:
        retries = Retry.from_spec(spec["retry"]).retries
        # RetryAfter may put any delay in the place of the policy's; longer ones are not held in the pod.
        bounds.append((retries + 1) * (timeout + to_stop) + retries * hold_pod_seconds)
    return min(bounds, default=None)


def _default_template(spec: Json, runner: RunnerSettings, begin: Begin, defaults: DefaultsSettings) -> Json:
    """What the settings' template, and then the task's own, are merged over."""
    grace = seconds(spec, "gracePeriod", protocol.DEFAULT_GRACE_PERIOD_SECONDS)
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
    longest = _longest_run(spec, defaults.hold_pod.total_seconds())
    if longest is not None:
        start = seconds(spec, "startDeadline", protocol.DEFAULT_START_DEADLINE_SECONDS)
        deadline = math.ceil(begin.wait_seconds + start + longest) + POD_DEADLINE_MARGIN_SECONDS
        base["spec"]["activeDeadlineSeconds"] = min(deadline, MAX_POD_DEADLINE_SECONDS)
    return base


def _owned_template(task: TaskRecord, run_id: str, launch: int, environment: list[Json]) -> Json:
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
                    "env": environment,
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
    defaults: DefaultsSettings | None = None,
    begin: Begin = AT_ONCE,
) -> Json:
    """Build the Job of a launch.

    ``backoffLimit: 0`` and ``restartPolicy: Never``: nothing but the operator starts a pod again. The pod failure
    policy makes the Job remember that its pod was disrupted after the pod itself is gone.

    Args:
        task: the task.
        run_id: the run that the pod works for.
        launch: number of the launch.
        runner: what runner pods are made of.
        defaults: what holds where task and handler say nothing; None: the settings' own defaults.
        begin: with which attempt the pod begins, and when.
    """
    defaults = defaults or DefaultsSettings()
    environment = _environment(task, run_id, launch, begin, defaults)
    template = merge(
        merge(
            _default_template(task.spec, runner, begin, defaults), with_named_container(runner.pod_template)
        ),
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
            "template": merge(template, _owned_template(task, run_id, launch, environment)),
        },
    }
