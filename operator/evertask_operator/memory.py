"""What the operator learned about a task that stands in no object: refusals, postponements, diagnoses.

All of it can be learned again: after a restart it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from evertask_operator.decisions.plans import Note
    from evertask_operator.decisions.situation import Diagnosis

FIRST_PAUSE = timedelta(seconds=0.25)
LONGEST_PAUSE = timedelta(seconds=60)
DIAGNOSIS_INTERVAL = timedelta(seconds=5)
"""How long after a fruitless question the events of a pod are read again; it doubles."""


@dataclass(slots=True)
class Memory:
    """Notes about one task."""

    uid: str
    refused_generation: int = -1
    refusal: str = ""
    postponement: str = ""
    retry_at: datetime | None = None
    diagnosis: Diagnosis | None = None
    diagnosed: str = ""
    """UID of the Job or pod that the diagnosis is about."""
    ask_again_at: datetime | None = None
    questions: int = 0
    """How often the events of that object were read."""
    keep_jobs: bool = True
    """False: the room of the task's kept Jobs is needed."""
    observed_launch: int = 0
    """Number of the newest launch whose time was learned from."""
    ended_by_us: str = ""
    """``finishTime`` of the final state that the operator wrote itself, and has told of."""
    notes: list[Note] = field(default_factory=list)
    """Events to make of what others have written."""
    failures: int = 0
    """Failures in a row of whatever is tried: passes, or the creation of the Job."""

    def pause(self) -> timedelta:
        """How long to wait after the failures so far; it doubles up to a minute."""
        doubled: timedelta = FIRST_PAUSE * (2 ** min(self.failures, 10))
        return min(doubled, LONGEST_PAUSE)

    def postpone(self, message: str, now: datetime) -> None:
        """The Job was not taken: try again later."""
        self.postponement = message
        self.retry_at = now + self.pause()
        self.failures += 1

    def refuse(self, message: str, generation: int) -> None:
        """The Job was refused for what is in it: try again when the spec has changed."""
        self.refusal = message
        self.refused_generation = generation

    def launched(self) -> None:
        """The Job was taken."""
        self.postponement, self.retry_at, self.failures, self.keep_jobs = "", None, 0, True
        self.diagnosis, self.diagnosed, self.ask_again_at = None, "", None

    def may_ask(self, uid: str, now: datetime) -> bool:
        """Whether it is time to read the events of an object."""
        return uid != self.diagnosed or self.ask_again_at is None or now >= self.ask_again_at

    def put_off(self, uid: str, until: datetime) -> None:
        """It is other tasks' turn to have their events read."""
        self.diagnosed, self.ask_again_at = uid, until

    def asked(self, uid: str, diagnosis: Diagnosis | None, now: datetime) -> None:
        """The events of an object were read."""
        self.questions = self.questions + 1 if uid == self.diagnosed else 1
        doubled: timedelta = DIAGNOSIS_INTERVAL * (2 ** min(self.questions - 1, 10))
        self.diagnosis, self.diagnosed = diagnosis, uid
        self.ask_again_at = now + min(doubled, LONGEST_PAUSE)
