"""The operator's writes: 2, 3, 7 and 8 of the protocol. Each is conditional, and a conflict is an answer.

An answer is never retried as it stands: the reconciler looks again at the task and decides anew.
"""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from evertask.connection.http import MERGE_PATCH
from evertask.connection.paths import evertask_path, job_path, pod_path
from evertask.errors import ApiError
from evertask_operator.cluster.events import Events
from evertask_operator.cluster.reads import is_missing
from evertask_operator.records import read_job, read_task

if TYPE_CHECKING:
    from evertask.connection import Connection
    from evertask_operator.decisions.plans import DeleteJob, Note
    from evertask_operator.records import JobRecord, PodRecord, TaskRecord

Json = dict[str, Any]

_JOB_IS_WRONG = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
)


class Verdict(Enum):
    """What became of the creation of a Job."""

    CREATED = auto()
    NAME_TAKEN = auto()
    """The name is taken by a Job that is not this launch's, or is being deleted: the launch is given up."""
    WRONG = auto()
    """The Job is refused for what is in it: the task must be corrected."""
    NOT_NOW = auto()
    """Refused for now: a quota, rights, throttling, a namespace that is being deleted."""


class Refusal(NamedTuple):
    """An answer to the creation of a Job."""

    verdict: Verdict
    job: JobRecord | None = None
    message: str = ""


class Writes:
    """Conditional writes to the API server."""

    def __init__(self, connection: Connection, instance: str) -> None:
        self._connection = connection
        self._events = Events(connection, instance)

    async def patch_status(self, task: TaskRecord, status: Json) -> TaskRecord | None:
        """Writes 2 and 7: change a status if the task is still at the version that was decided on.

        Returns:
            The task as it is now; None when it has changed meanwhile or is gone.
        """
        body = {"metadata": {"uid": task.uid, "resourceVersion": str(task.version)}, "status": status}
        path = evertask_path(*task.key, "status")
        try:
            return read_task(await self._connection.call("PATCH", path, body=body, content_type=MERGE_PATCH))
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT or is_missing(error):
                return None
            raise

    async def create_job(self, task: TaskRecord, manifest: Json) -> Refusal:
        """Write 3: create the Job of a launch. Its name makes it happen at most once."""
        try:
            # Strict: a misspelt field of the pod template is refused, and not left out without a word.
            raw = await self._connection.call(
                "POST",
                job_path(task.key.namespace),
                body=manifest,
                params={"fieldValidation": "Strict"},
            )
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT and error.reason == "AlreadyExists":
                return await self._existing(task, manifest)
            wrong = error.status in _JOB_IS_WRONG
            return Refusal(Verdict.WRONG if wrong else Verdict.NOT_NOW, message=error.message)
        return Refusal(Verdict.CREATED, read_job(raw))

    async def _existing(self, task: TaskRecord, manifest: Json) -> Refusal:
        name, labels = manifest["metadata"]["name"], manifest["metadata"]["labels"]
        try:
            raw = await self._connection.call("GET", job_path(task.key.namespace, name))
        except ApiError as error:
            return Refusal(Verdict.NOT_NOW, message=error.message)
        found = read_job(raw)
        owners = {owner["uid"] for owner in raw["metadata"].get("ownerReferences") or ()}
        if found is None or found.deleting or task.uid not in owners:
            return Refusal(Verdict.NAME_TAKEN)
        same = all(raw["metadata"]["labels"].get(label) == value for label, value in labels.items())
        return Refusal(Verdict.CREATED, found) if same else Refusal(Verdict.NAME_TAKEN)

    async def delete_job(self, deletion: DeleteJob) -> bool:
        """Write 8: delete a Job if it is still as it was seen; tells whether it is (being) deleted."""
        job = deletion.job
        policy = "Foreground" if deletion.foreground else "Background"
        return await self._delete(job_path(job.namespace, job.name), job.uid, job.version, policy)

    async def delete_task(self, task: TaskRecord) -> bool:
        """Write 8: delete a finished task if nobody has touched it since; its Jobs follow by ownership."""
        return await self._delete(evertask_path(*task.key), task.uid, task.version, "Background")

    async def delete_pod(self, pod: PodRecord) -> bool:
        """Delete a pod that has neither task nor Job any more, if it is still as it was seen."""
        return await self._delete(pod_path(pod.namespace, pod.name), pod.uid, pod.version, "Background")

    async def _delete(self, path: str, uid: str, version: int, policy: str) -> bool:
        preconditions = {"uid": uid, "resourceVersion": str(version)}
        body = {"preconditions": preconditions, "propagationPolicy": policy}
        try:
            await self._connection.call("DELETE", path, body=body)
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT:
                return False
            if not is_missing(error):
                raise
        return True

    async def note(self, task: TaskRecord, note: Note) -> None:
        """Record a Kubernetes Event on a task; what prevents it is logged."""
        await self._events.record(task, note)
