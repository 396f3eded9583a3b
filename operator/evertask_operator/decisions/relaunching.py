"""A launch whose Job name turns out to be taken is given up: launch numbers are never used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask_operator.decisions.auditing import with_changes_of_state
from evertask_operator.decisions.launch import relaunch
from evertask_operator.decisions.plans import Plan

if TYPE_CHECKING:
    from evertask_operator.decisions.situation import Situation


def give_up_the_launch(situation: Situation) -> Plan:
    """Give the open run a new launch number."""
    run = situation.run
    if run is None or not run.launched:
        return Plan()
    why = "another Job has the name of this launch's"
    plan = relaunch(situation, run, why, interruptions=run.interruptions)
    return with_changes_of_state(situation, plan)
