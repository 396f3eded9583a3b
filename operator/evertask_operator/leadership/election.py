"""The decision of the election: take the Lease, renew it, wait, or give up.

It is made from what this process has seen and done, and from its own clock. The answer says what to do now, or until
when to wait; after each step it is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from evertask_operator.settings import LeadershipSettings

LOOKS_PER_RENEWAL = 4
"""How often those who wait look at the Lease while it is renewed once: what they notice late, they take over late."""


@dataclass(frozen=True)
class Timing:
    """Durations of the election, in seconds; ``LeadershipSettings`` says what they mean and checks their order."""

    lease_duration: int
    renew_deadline: float
    renew_interval: float

    @classmethod
    def of(cls, settings: LeadershipSettings) -> Timing:
        """Take them from the settings."""
        return cls(
            settings.lease_duration_seconds, settings.renew_deadline_seconds, settings.renew_interval_seconds
        )

    @property
    def request_limit(self) -> float:
        """The longest that one request may take, so that a renewal can be tried twice before the deadline."""
        return (self.renew_deadline - self.renew_interval) / 2

    @property
    def look_interval(self) -> float:
        """How often those who wait look at the Lease."""
        return self.renew_interval / LOOKS_PER_RENEWAL


class Sight(NamedTuple):
    """The Lease as it was seen."""

    holder: str
    """Empty: nobody holds it, or there is none."""
    duration: float
    """Seconds that its holder asked for; 0: it does not say."""
    since: float
    """When it was first seen like this: an instant of our own clock."""
    certain: bool = True
    """False: a request failed since, and may have been carried out all the same."""


class Step(StrEnum):
    """What to do about the Lease."""

    LOOK = "look"
    ACQUIRE = "acquire"
    RENEW = "renew"
    WAIT = "wait"
    GIVE_UP = "give up"
    """Act no more, at once."""


class Decision(NamedTuple):
    """A step, until when it waits, and why."""

    step: Step
    until: float = 0.0
    """Of WAIT: an instant of our own clock."""
    reason: str = ""
    """Of GIVE_UP: for the log."""


def decide(lease: Sight | None, me: str, now: float, timing: Timing, *, renewed_at: float | None) -> Decision:
    """Decide.

    Args:
        lease: as it was last seen; None: it was not seen yet.
        me: the identity of this process.
        now: an instant of our own clock, as all others here.
        timing: the durations.
        renewed_at: when the last request was sent that made us the holder; None while we do not lead.
    """
    if renewed_at is not None:
        return _as_leader(lease, me, now, timing, renewed_at)
    if lease is None or not lease.certain:
        return Decision(Step.LOOK)
    if lease.holder in {"", me}:
        return Decision(Step.ACQUIRE)
    # What the holder asked for is what it relies on, whatever our own settings say.
    expires = lease.since + (lease.duration or timing.lease_duration)
    if now >= expires:
        return Decision(Step.ACQUIRE)
    return Decision(Step.WAIT, min(expires, now + timing.look_interval))


def _as_leader(lease: Sight | None, me: str, now: float, timing: Timing, renewed_at: float) -> Decision:
    age = now - renewed_at
    if age >= timing.renew_deadline:
        reason = f"the Lease was last renewed {age:.1f} s ago, and {timing.renew_deadline:g} s are allowed"
        return Decision(Step.GIVE_UP, reason=reason)
    if lease is None or not lease.certain:
        return Decision(Step.LOOK)
    if lease.holder not in {"", me}:
        return Decision(Step.GIVE_UP, reason=f"{lease.holder} holds the Lease")
    if not lease.holder or age >= timing.renew_interval:  # nobody: it was deleted or emptied by hand
        return Decision(Step.RENEW)
    return Decision(Step.WAIT, renewed_at + timing.renew_interval)
