"""Chaos, short: sixty runs in real pods while pods, runners, the operator and the API server die; and a minute of soak.

``make chaos`` and ``make soak`` are the long ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.chaos import plan
from benchmarks.chaos.__main__ import chaos_on
from benchmarks.chaos.audit import audit
from benchmarks.chaos.pods import PodStage
from benchmarks.chaos.report import written
from benchmarks.soak.__main__ import SERIES, measure
from benchmarks.soak.trends import rows

if TYPE_CHECKING:
    from tests.support.operators import InstalledOperator

SEED, RUNS = 5, 60
GAP_SECONDS = 1.5
ENOUGH_DISTURBANCES = 8

SOAK_SECONDS, RATE = 60.0, 2.0


def test_sixty_runs_are_neither_lost_nor_doubled_nor_told_wrongly_while_everything_breaks(
    kubeconfig: str, operator: InstalledOperator
):
    operator.until_ready()
    with PodStage(kubeconfig, restarts=True) as stage:
        disturbances = plan.disturbances(SEED, stage.weights, GAP_SECONDS)
        world = chaos_on(stage, plan.tasks(SEED, RUNS), disturbances, SEED)
    findings = audit(world)
    assert findings == [], written([world], findings)
    assert len(world.disturbances) >= ENOUGH_DISTURBANCES
    assert len(world.calls) >= RUNS / 2


def test_a_minute_of_steady_load_leaves_nothing_behind():
    samples, rest = measure(SOAK_SECONDS, RATE)
    assert (rest.tasks, rest.done > SOAK_SECONDS * RATE / 2) == (SERIES, True)
    assert max(rest.jobs, rest.pods) <= SERIES
    assert rest.watches <= samples[len(samples) // 2].watches  # at first not everybody watches yet
    assert rows(samples, rest, SERIES)[0][0] == "operator: memory (RSS)"
