"""Which of several operators acts: the one that holds the Lease.

``election`` decides (pure), ``candidate`` carries it out against the API server, ``campaign`` runs the candidate in a
thread of its own and tells the rest of the operator, ``standing`` is what that thread and the rest have in common.

Two rules make it safe. The holder counts the time since it *sent* its last renewal, the others the time since they
*saw* it, each by its own monotonic clock: no two machines' clocks are compared. And the holder stops sooner
(``renewDeadlineSeconds``) than the others take over (``leaseDurationSeconds``); it stops by ending the process, because
nothing else is sure to end what is under way.
"""

from __future__ import annotations

from evertask_operator.leadership.campaign import Campaign as Campaign
from evertask_operator.leadership.standing import EXIT_LEADERSHIP_LOST as EXIT_LEADERSHIP_LOST
from evertask_operator.leadership.standing import Standing as Standing

__all__ = ["EXIT_LEADERSHIP_LOST", "Campaign", "Standing"]
