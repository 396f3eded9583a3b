"""What is going to be done, by a seed: the same seed makes the same tasks, requests and disturbances in the same order.

When each of them meets which other is not the seed's: that is up to the machine. A plan is values only; ``drive``
carries it out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.chaos.records import Deed, What

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from benchmarks.chaos.records import Json

Dice = random.Random

LIGHT_WEIGHTS: Mapping[What, float] = {
    What.POD_DELETE: 3,
    What.POD_FORCE_DELETE: 2,
    What.EVICT: 6,
    What.RUNNER_KILL: 4,
    What.HANDLER_KILL: 4,
    What.OPERATOR_KILL: 3,
    What.OPERATOR_STOP: 2,
    What.LEADER_SWAP: 2,
    What.API_SERVER_RESTART: 0.7,
    What.ETCD_RESTART: 0.4,
    What.PROXY_FAULTS: 2,
    What.PROXY_BREAK: 2,
    What.WATCH_END: 2,
}
"""How often each is done where operators and runners are processes behind a proxy."""
POD_WEIGHTS: Mapping[What, float] = {
    What.POD_DELETE: 3,
    What.POD_FORCE_DELETE: 2,
    What.EVICT: 6,
    What.RUNNER_KILL: 4,
    What.HANDLER_KILL: 4,
    What.OPERATOR_KILL: 2,
    What.OPERATOR_STOP: 1,
}
"""The same on a cluster with real pods."""
MACHINE_WEIGHTS: Mapping[What, float] = {
    **POD_WEIGHTS,
    What.API_SERVER_RESTART: 0.5,
    What.ETCD_RESTART: 0.3,
}
"""… whose control plane is on this machine."""


class Step(NamedTuple):
    """One request about a task."""

    after: float
    """Seconds from its creation."""
    deed: Deed
    spec: Json = {}  # noqa: RUF012  (never changed)
    """What is merged into its spec."""


@dataclass(frozen=True)
class PlannedTask:
    """One task that is going to be made."""

    name: str
    kind: str
    spec: Json
    runs: int = 1
    """So many runs it makes, its children's included, if nobody disturbs it."""
    steps: tuple[Step, ...] = field(default=())


def disturbances(seed: int, weights: Mapping[What, float], mean_gap: float) -> Iterator[tuple[float, What]]:
    """Give disturbances without end, each with the seconds of peace before it."""
    dice = random.Random(f"{seed} disturbances")
    kinds, odds = list(weights), list(weights.values())
    while True:
        yield dice.expovariate(1 / mean_gap), dice.choices(kinds, odds)[0]


def tasks(seed: int, runs: int, without: Collection[str] = ()) -> list[PlannedTask]:
    """Give tasks that make so many runs, of all kinds but some."""
    dice = random.Random(f"{seed} tasks")
    found: list[PlannedTask] = []
    kinds = [kind for kind in KINDS if kind not in without]
    odds = [KINDS[kind][0] for kind in kinds]
    while sum(task.runs for task in found) < runs:
        kind = dice.choices(kinds, odds)[0]
        found.append(KINDS[kind][1](dice, f"{kind}-{len(found):04}"))
    return found


# --- kinds of task ---------------------------------------------------------------------------------------------


def _task(name: str, payload: Json, **given: Any) -> PlannedTask:
    runs, steps = given.pop("runs", 1), given.pop("steps", ())
    spec = {"handler": "chaotic:WorkHandler", "payload": payload, "gracePeriod": "2s", **given}
    return PlannedTask(name, name.rpartition("-")[0], spec, runs, tuple(steps))


def _seconds(dice: Dice, least: float, most: float) -> float:
    return round(dice.uniform(least, most), 2)


def _perhaps(dice: Dice, within: float) -> Iterator[Step]:
    """Now and then somebody changes their mind about a task."""
    after = _seconds(dice, 0, within)
    throw = dice.random()
    if throw < 0.08:  # noqa: PLR2004  (odds)
        yield Step(after, Deed.CANCEL, {"cancel": True})
    elif throw < 0.13:  # noqa: PLR2004
        yield Step(after, Deed.SUSPEND, {"suspend": True})
        yield Step(after + _seconds(dice, 1, 8), Deed.RESUME, {"suspend": False})
    elif throw < 0.16:  # noqa: PLR2004
        yield Step(after, Deed.DELETE)


def _immediate(dice: Dice, name: str) -> PlannedTask:
    return _task(name, {"seconds": _seconds(dice, 0, 1.5)}, steps=_perhaps(dice, 3))


def _delayed(dice: Dice, name: str) -> PlannedTask:
    delay = dice.randint(1, 15)
    steps = [*_perhaps(dice, delay + 2)]
    if not steps and dice.random() < 0.2:  # noqa: PLR2004
        steps = [Step(_seconds(dice, 0, delay), Deed.EDIT, {"delay": f"{dice.randint(1, 15)}s"})]
    return _task(name, {"seconds": _seconds(dice, 0, 1)}, delay=f"{delay}s", steps=steps)


def _long(dice: Dice, name: str) -> PlannedTask:
    return _task(name, {"seconds": _seconds(dice, 4, 12)}, steps=_perhaps(dice, 10))


def _at_most_once(dice: Dice, name: str) -> PlannedTask:
    payload = {"seconds": _seconds(dice, 3, 10)}
    return _task(name, payload, onInterruption="Fail", steps=_perhaps(dice, 10))


def _retried(dice: Dice, name: str) -> PlannedTask:
    retry = {"limit": dice.randint(1, 3), "delay": f"{dice.randint(1, 8) * 100}ms"}
    return _task(name, {"seconds": 0.2, "fails": dice.randint(1, 4)}, retry=retry, steps=_perhaps(dice, 3))


def _given_back(dice: Dice, name: str) -> PlannedTask:
    """Its delays are longer than a pod is held."""
    retry = {"limit": 2, "delay": f"{dice.randint(4, 7)}s"}
    return _task(name, {"seconds": 0.2, "fails": dice.randint(1, 3)}, retry=retry, steps=_perhaps(dice, 8))


def _failing(dice: Dice, name: str) -> PlannedTask:
    return _task(name, {"seconds": _seconds(dice, 0, 1), "fails": 99}, retry={"limit": 0})


def _dying(dice: Dice, name: str) -> PlannedTask:
    retry = {"limit": dice.randint(0, 2), "delay": "200ms"}
    return _task(name, {"seconds": _seconds(dice, 0, 1), "dies": dice.randint(1, 2)}, retry=retry)


def _timed_out(dice: Dice, name: str) -> PlannedTask:
    payload = {"seconds": 6, "stubborn": dice.random() < 0.3}  # noqa: PLR2004
    return _task(name, payload, timeout=f"{dice.randint(1, 2)}s", gracePeriod="1s")


def _stubborn(dice: Dice, name: str) -> PlannedTask:
    steps = [Step(_seconds(dice, 1, 6), Deed.CANCEL, {"cancel": True})]
    return _task(name, {"seconds": 8, "stubborn": True}, gracePeriod="1s", steps=steps)


def _series(dice: Dice, name: str) -> PlannedTask:
    every, runs = dice.randint(3, 6), dice.randint(3, 5)
    recurrence = {
        "every": f"{every}s",
        "maxRuns": runs,
        "overlap": dice.choice(["Skip", "Queue", "Replace", "Allow"]),
        "catchUp": {"policy": dice.choice(["Latest", "All", "None"])},
    }
    seconds = _seconds(dice, 0.1, 1) if dice.random() < 0.6 else _seconds(dice, every, 1.6 * every)  # noqa: PLR2004
    steps = [*_perhaps(dice, 12)]
    throw = dice.random()
    if throw < 0.15:  # noqa: PLR2004
        steps.append(Step(_seconds(dice, 1, 12), Deed.RUN_NOW, {"runNow": name}))
    elif throw < 0.3:  # noqa: PLR2004
        slower = {"recurrence": recurrence | {"every": f"{every + 1}s"}}
        steps.append(Step(_seconds(dice, 1, 12), Deed.EDIT, slower))
    if recurrence["overlap"] == "Replace" and seconds >= every:
        # Each of its runs is replaced by the next, which does not count for maxRuns: it goes on until it is told.
        steps.append(Step(6.0 * every, Deed.CANCEL, {"cancel": True}))
    return _task(name, {"seconds": seconds}, recurrence=recurrence, runs=runs, steps=steps)


def _keyed(dice: Dice, name: str) -> PlannedTask:
    """Registered again, as an application that starts anew does: as soon as it is over."""
    steps = [
        Step(_seconds(dice, 1, 6), Deed.REARM, {"payload": {"seconds": _seconds(dice, 0, 2)}})
        for _ in range(dice.randint(1, 2))
    ]
    return _task(name, {"seconds": _seconds(dice, 0, 1)}, taskKey=name, runs=1 + len(steps), steps=steps)


def _fan(dice: Dice, name: str) -> PlannedTask:
    children = dice.randint(2, 3)
    return _task(
        name, {"seconds": _seconds(dice, 0, 2), "children": children}, gracePeriod="10s", runs=1 + children
    )


def _chain(dice: Dice, name: str) -> PlannedTask:
    following = dice.randint(1, 3)
    payload = {"seconds": _seconds(dice, 0, 1), "next_steps": following}
    return _task(name, payload, gracePeriod="10s", runs=1 + following)


KINDS: Mapping[str, tuple[float, Callable[[Dice, str], PlannedTask]]] = {
    "immediate": (28, _immediate),
    "delayed": (12, _delayed),
    "long": (12, _long),
    "at-most-once": (10, _at_most_once),
    "retried": (6, _retried),
    "given-back": (4, _given_back),
    "failing": (4, _failing),
    "dying": (4, _dying),
    "timed-out": (3, _timed_out),
    "stubborn": (3, _stubborn),
    "series": (7, _series),
    "keyed": (4, _keyed),
    "fan": (3, _fan),
    "chain": (3, _chain),
}
"""Kind of task → how often, and how it is made."""
