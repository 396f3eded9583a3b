"""Who takes the Lease, renews it, waits, gives up: a table, and random worlds in which nobody acts beside another."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from evertask_operator.leadership.election import Decision, Sight, Step, Timing, decide
from evertask_operator.settings import LeadershipSettings

TIMING = Timing.of(LeadershipSettings())
NOW = 100.0
ME, OTHER, NOBODY = "me", "other", ""


def seen(holder: str, ago: float = 0.0, duration: float = 6.0, *, certain: bool = True) -> Sight:
    return Sight(holder, duration, NOW - ago, certain)


def wait(until: float) -> Decision:
    return Decision(Step.WAIT, NOW + until)


@pytest.mark.parametrize(
    ("lease", "decision"),
    [
        pytest.param(None, Decision(Step.LOOK), id="not-seen-yet"),
        pytest.param(seen(OTHER, 99, certain=False), Decision(Step.LOOK), id="in-doubt-however-old"),
        pytest.param(seen(NOBODY), Decision(Step.ACQUIRE), id="free"),
        pytest.param(seen(ME), Decision(Step.ACQUIRE), id="ours-by-an-answer-that-was-lost"),
        pytest.param(seen(OTHER), wait(0.5), id="held"),
        pytest.param(seen(OTHER, 5.8), wait(0.2), id="about-to-expire"),
        pytest.param(seen(OTHER, 6), Decision(Step.ACQUIRE), id="expired"),
        pytest.param(seen(OTHER, 14, 15), wait(0.5), id="its-holder-asked-for-longer-than-we-would"),
        pytest.param(seen(OTHER, 5, 3), Decision(Step.ACQUIRE), id="its-holder-asked-for-less"),
        pytest.param(seen(OTHER, 5, 0), wait(0.5), id="says-no-duration"),
        pytest.param(seen(OTHER, 6, 0), Decision(Step.ACQUIRE), id="says-no-duration-and-is-old"),
    ],
)
def test_who_does_not_lead(lease, decision):
    assert decide(lease, ME, NOW, TIMING, renewed_at=None) == decision


@pytest.mark.parametrize(
    ("lease", "age", "step"),
    [
        pytest.param(seen(ME), 1.9, Step.WAIT, id="just-renewed"),
        pytest.param(seen(ME), 2, Step.RENEW, id="time-to-renew"),
        pytest.param(seen(ME), 3.9, Step.RENEW, id="late"),
        pytest.param(seen(ME), 4, Step.GIVE_UP, id="too-late"),
        pytest.param(seen(ME), 3600, Step.GIVE_UP, id="slept-for-an-hour"),
        pytest.param(seen(ME, certain=False), 3, Step.LOOK, id="in-doubt"),
        pytest.param(seen(ME, certain=False), 4, Step.GIVE_UP, id="in-doubt-for-too-long"),
        pytest.param(seen(OTHER), 1, Step.GIVE_UP, id="another-has-it"),
        pytest.param(seen(OTHER, certain=False), 1, Step.LOOK, id="another-may-have-it"),
        pytest.param(seen(NOBODY), 1, Step.RENEW, id="deleted-or-emptied-by-hand"),
        pytest.param(None, 1, Step.LOOK, id="not-seen"),
    ],
)
def test_who_leads(lease, age, step):
    assert decide(lease, ME, NOW, TIMING, renewed_at=NOW - age).step is step


def test_who_gives_up_says_why():
    late = decide(seen(ME), ME, NOW, TIMING, renewed_at=NOW - 4.2)
    assert late.reason == "the Lease was last renewed 4.2 s ago, and 4 s are allowed"
    assert decide(seen(OTHER), ME, NOW, TIMING, renewed_at=NOW).reason == "other holds the Lease"


def test_a_leader_waits_until_it_has_to_renew():
    assert decide(seen(ME), ME, NOW, TIMING, renewed_at=NOW - 0.5) == wait(1.5)


def test_a_renewal_can_be_tried_twice_before_the_deadline():
    assert TIMING.renew_interval + 2 * TIMING.request_limit <= TIMING.renew_deadline


# --- random worlds -----------------------------------------------------------------------------------------------


@dataclass
class Server:
    """A Lease, changed by compare-and-set."""

    holder: str = NOBODY
    version: int = 0


@dataclass
class Node:
    """One operator, as far as the election goes; its clock shows another time than those of the others."""

    name: str
    ahead: float
    sight: Sight | None = None
    version: int = 0
    renewed_at: float | None = None
    gone: bool = False

    def may_act(self, now: float) -> bool:
        return self.renewed_at is not None and not self.gone and now + self.ahead - self.renewed_at < 4

    def look(self, server: Server, now: float) -> None:
        if self.sight is None or self.version != server.version:
            self.sight = Sight(server.holder, TIMING.lease_duration, now + self.ahead)
        self.sight, self.version = self.sight._replace(certain=True), server.version

    def step(self, server: Server, now: float, fate: str) -> None:
        """Do one round; its request arrives and is answered, is lost, or loses its answer."""
        decision = decide(self.sight, self.name, now + self.ahead, TIMING, renewed_at=self.renewed_at)
        if decision.step is Step.GIVE_UP:
            self.gone = True
        elif fate != "answered" and self.sight:
            self.sight = self.sight._replace(certain=False)
        if self.gone or fate == "lost":
            return
        if decision.step not in {Step.ACQUIRE, Step.RENEW}:
            if fate == "answered":
                self.look(server, now)
        elif self.version == server.version:
            server.holder, server.version = self.name, server.version + 1
            if fate == "answered":
                self.look(server, now)
                self.renewed_at = now + self.ahead
        elif self.sight:
            self.sight = self.sight._replace(certain=False)


PAUSES = (0.0, 0.0, 0.1, 0.1, 0.5, 0.5, 1.0, 2.0, 6.0)
FATES = ("answered", "answered", "answered", "unanswered", "lost")
ROUNDS = 3000


def acting_together(seed: int) -> int:
    """How many have acted at once in a random world, at most, where who has given up is started anew."""
    luck, server, now, most = random.Random(seed), Server(), 0.0, 0
    nodes = [Node("a", 0.0), Node("b", 5000.0)]
    for number in range(ROUNDS):
        now += luck.choice(PAUSES)
        which = luck.randrange(len(nodes))
        if nodes[which].gone:
            nodes[which] = Node(f"{nodes[which].name}-{number}", luck.uniform(-9000, 9000))
        nodes[which].step(server, now, luck.choice(FATES))
        most = max(most, sum(node.may_act(now) for node in nodes))
    return most


@pytest.mark.parametrize("seed", range(20))
def test_no_two_act_at_once_whatever_is_lost_and_whoever_sleeps(seed):
    assert acting_together(seed) == 1
