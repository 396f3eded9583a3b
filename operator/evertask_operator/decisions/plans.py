"""The answer of the decisions: what to write, create and delete, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.records import JobRecord

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LaunchJob:
    """Write 3: create the Job of an open run."""

    run_id: str
    launch: int


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Write 8: delete a Job."""

    job: JobRecord
    foreground: bool
    """True: the Job stays until its pods are gone, so that its absence proves theirs."""


@dataclass(frozen=True, slots=True)
class Note:
    """A Kubernetes Event on the task."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about one task."""

    status: Json | None = None
    """Writes 2 and 7: a merge patch of the status, to be written against the version that was decided on."""
    opens_run: datetime | None = None
    """The status opens a run that was due then: it needs a slot, and this is its place in the queue."""
    job: LaunchJob | None = None
    deletions: tuple[DeleteJob, ...] = ()
    delete_task: bool = False
    """Write 8: the task's time to live is over, or it is one too many. Its Jobs go with it."""
    verify: bool = False
    """What was concluded rests on something's absence: read it from the API server first."""
    diagnose: str = ""
    """UID of a Job or pod whose Warning events may say why it does not start."""
    notes: tuple[Note, ...] = ()
    """Events to make once the status is written."""
    wake: datetime | None = None
    """When to look again, whatever happens."""
