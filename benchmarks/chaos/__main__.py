"""``python3 -m benchmarks.chaos``: a thousand runs while everything breaks, and an audit of what became of them.

Most runs are made on a light control plane of its own, where operators and runners are processes behind proxies; the
rest in real pods, on the cluster of KUBECONFIG or the local one, with EverTask installed. Prints a table; ends with 1
where the auditor has found anything. The raw events are kept, and can be judged again: ``--again FILE``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.chaos import plan
from benchmarks.chaos.audit import audit
from benchmarks.chaos.collect import from_json, make_world, to_json
from benchmarks.chaos.drive import Drive
from benchmarks.chaos.light import LightStage
from benchmarks.chaos.observer import Observer
from benchmarks.chaos.pods import PodStage
from benchmarks.chaos.report import timeline, written
from benchmarks.figures import keep, machine, say
from hack.cluster import pick

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.chaos.drive import Stage
    from benchmarks.chaos.plan import PlannedTask
    from benchmarks.chaos.records import What, World

RUNS, IN_PODS = 1000, 200
GAP_SECONDS = 2.0


def chaos_on(
    stage: Stage, planned: Sequence[PlannedTask], disturbances: Iterator[tuple[float, What]], seed: int
) -> World:
    """Carry out a plan on a stage, and give what was seen."""
    with Observer(stage.api, stage.namespaces) as observer:
        drive = Drive(stage, observer, planned, disturbances, seed)
        say(f"{stage.name}: seed {seed}, {len(planned)} tasks for {sum(task.runs for task in planned)} runs")
        drive.run()
        world = make_world(drive)
    say(f"{stage.name}: over after {drive.calm:.0f} s of calm; {drive.refused} requests refused")
    if observer.relists:
        say(f"{stage.name}: {observer.relists} watches of the suite had expired: lives with gaps")
    for fault in stage.faults():
        say(f"{stage.name}: a fault of the stage itself: {fault}")
    return world


def run(options: argparse.Namespace, folder: Path) -> list[World]:
    """Make the runs, each stage by itself."""
    worlds = []
    seed, light = options.seed, options.runs - options.pods
    if light:
        with LightStage(folder / "light", seed) as stage:
            planned = plan.tasks(seed, light, options.without)
            disturbances = plan.disturbances(seed, plan.LIGHT_WEIGHTS, options.gap)
            worlds.append(chaos_on(stage, planned, disturbances, seed))
    if options.pods:
        kubeconfig = os.environ.get("KUBECONFIG") or pick.chosen().kubeconfig
        with PodStage(kubeconfig, restarts=not options.no_restarts) as pods:
            planned = plan.tasks(seed, options.pods, options.without)
            disturbances = plan.disturbances(seed, pods.weights, options.gap)
            worlds.append(chaos_on(pods, planned, disturbances, seed))
    return worlds


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.chaos", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs to make (default {RUNS})")
    parser.add_argument(
        "--pods", type=int, default=IN_PODS, help=f"so many of them in real pods (default {IN_PODS})"
    )
    parser.add_argument(
        "--gap",
        type=float,
        default=GAP_SECONDS,
        help=f"mean seconds between two disturbances (default {GAP_SECONDS:g})",
    )
    parser.add_argument(
        "--no-restarts",
        action="store_true",
        help="leave the API server and etcd of the cluster with real pods alone",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=sorted(plan.KINDS),
        help="leave out a kind of task",
    )
    parser.add_argument(
        "--again", type=Path, metavar="FILE", nargs="+", help="judge the raw events of earlier runs again"
    )
    parser.add_argument("--task", help="with --again: tell the life of this task")
    return parser.parse_args()


def main() -> None:
    """Make a run, or judge an earlier one again."""
    options = parse()
    if options.again:
        kept = [json.loads(file.read_text())["data"] for file in options.again]
        worlds = [from_json(world) for one in kept for world in one["worlds"]]
        if options.task:
            print("\n".join(timeline(world, options.task) for world in worlds))
            return
        sys.exit(judge(worlds, *(one["seed"] for one in kept)))
    folder = Path(tempfile.mkdtemp(prefix="evertask-chaos-"))
    worlds = run(options, folder)
    keep("chaos", {"seed": options.seed, "worlds": [to_json(world) for world in worlds]})
    found = judge(worlds, options.seed)
    if found:
        say(f"logs of operators and runners: {folder}")
    else:
        shutil.rmtree(folder)
    sys.exit(found)


def judge(worlds: list[World], *seeds: int) -> int:
    """Audit, and print; gives the exit code."""
    findings = [finding for world in worlds for finding in audit(world)]
    seed = ", ".join(f"seed {one}" for one in dict.fromkeys(seeds))
    print(f"{machine()}, {seed}\n\n{written(worlds, findings)}")
    return 1 if findings else 0


if __name__ == "__main__":
    main()
