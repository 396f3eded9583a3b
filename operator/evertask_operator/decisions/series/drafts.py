"""A status in the making: each step of a decision adds to it, and it is written once.

The later steps see the status as the earlier ones have made it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evertask_operator.decisions.merging import merged, merged_patches

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from evertask_operator.decisions.plans import DeleteJob, LaunchJob, Note, Plan
    from evertask_operator.decisions.situation import Situation

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """What has been decided so far about a series."""

    situation: Situation
    """With the status as it is drafted."""
    patch: Json = field(default_factory=dict)
    """What to change in the status."""
    notes: tuple[Note, ...] = ()
    opens_run: datetime | None = None
    verify: bool = False
    job: LaunchJob | None = None
    deletions: tuple[DeleteJob, ...] = ()
    diagnose: str = ""
    wakes: tuple[datetime, ...] = ()

    @property
    def status(self) -> Json:
        """The status as it is drafted."""
        return self.situation.task.status

    def change(self, **fields: Any) -> Draft:
        """Change fields of the status."""
        task = replace(self.situation.task, status=merged(self.status, fields))
        return replace(
            self,
            situation=replace(self.situation, task=task),
            patch=merged_patches(self.patch, fields),
        )

    def count(self, name: str, by: int) -> Draft:
        """Raise one of ``status.counts``."""
        if not by:
            return self
        counts = self.status.get("counts") or {}
        return self.change(counts={name: counts.get(name, 0) + by})

    def wake(self, when: datetime | None) -> Draft:
        """Look again at an instant."""
        return self if when is None else replace(self, wakes=(*self.wakes, when))

    def announce(self, *notes: Note) -> Draft:
        """Make Events once the status is written."""
        return replace(self, notes=(*self.notes, *notes))

    def take(self, plan: Plan | None) -> Draft:
        """Take over what a policy says about one of the runs."""
        if plan is None:
            return self
        draft = self.change(**plan.status) if plan.status else self
        return replace(
            draft,
            notes=(*draft.notes, *plan.notes),
            verify=draft.verify or plan.verify,
            job=draft.job or plan.job,
            deletions=(*draft.deletions, *plan.deletions),
            diagnose=draft.diagnose or plan.diagnose,
        ).wake(plan.wake)


def withdrawn(draft: Draft, run_ids: Iterable[str]) -> Draft:
    """Take back runs that nobody has claimed: from this write on nobody can."""
    for run_id in run_ids:
        draft = draft.change(runs={run_id: None})
    return draft
