"""``python3 -m benchmarks``: EverTask against bare Jobs, on the installed cluster, as ratios.

Needs a cluster with EverTask installed (``make install``). Each figure is the median of alternating runs. Prints a
Markdown table; nothing here passes or fails by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from benchmarks import audit, measures
from benchmarks.bench_cluster import open_bench, task, task_completed, tasks_path
from benchmarks.figures import machine, say, table
from evertask.connection import Connection, load_credentials
from hack.cluster import pick

if TYPE_CHECKING:
    from benchmarks.bench_cluster import Bench

Row = tuple[str, str, str, str, str]
HEAD: Row = ("measure", "bare Job", "EverTask", "ratio", "to reach")


async def single_rows(bench: Bench, rounds: int) -> list[Row]:
    """Runs alone on the cluster."""
    await measures.task_alone(bench)  # the image is on the node, caches are warm
    jobs, tasks = [], []
    for number in range(rounds):
        say(f"one at a time, round {number + 1} of {rounds}")
        jobs.append(await measures.job_alone(bench))
        tasks.append(await measures.task_alone(bench))
    rows = []
    for what, field, target in (
        ("create → first line of the handler", "start", "≤ 1.3"),
        ("create → success visible", "success", "≤ 0.35"),
    ):
        bare = median(getattr(run, field) for run in jobs)
        ours = median(getattr(run, field) for run in tasks)
        rows.append((what, f"{bare:.2f} s", f"{ours:.2f} s", f"{ours / bare:.2f}", target))
    overhead = median(run.overhead for run in tasks)
    rows.append(
        ("runner's own time before the user's import", "—", f"{overhead * 1000:.0f} ms", "—", "≤ 150 ms")
    )
    return rows


async def burst_row(bench: Bench, rounds: int, size: int) -> Row:
    """Many at once."""
    jobs, tasks = [], []
    for number in range(rounds):
        say(f"{size} at once, round {number + 1} of {rounds}")
        jobs.append(await measures.burst_of_jobs(bench, size))
        await measures.clear(bench)
        tasks.append(await measures.burst_of_tasks(bench, size))
        await measures.clear(bench)
    bare, ours = median(jobs), median(tasks)
    return (
        f"{size} at once, until all are done",
        f"{bare:.2f}/s",
        f"{ours:.2f}/s",
        f"{ours / bare:.2f}",
        "≥ 0.80",
    )


async def latency_row(bench: Bench, rounds: int) -> Row:
    """Task created → Job created."""
    latencies: list[float] = []
    for number in range(rounds):
        say(f"task created → Job created at 5/s, round {number + 1} of {rounds}")
        latencies += await measures.launch_latencies(bench, 90)
    cuts = quantiles(latencies, n=100)
    figures = f"p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"
    return "task created → Job created, 5 a second", "—", figures, "—", "≤ 30, ≤ 150 ms"


def audit_log() -> Path | None:
    """The local cluster's audit log; None on another cluster."""
    command = [sys.executable, "-m", "hack.cluster", "audit-log"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    path = Path(found.stdout.strip())
    return path if not found.returncode and path.is_file() else None


async def write_rows(bench: Bench) -> list[Row]:
    """API writes of one task, from the audit log of the local cluster."""
    log = await asyncio.to_thread(audit_log)
    if log is None:
        say("no audit log (it is the local cluster's): API writes are not counted")
        return []
    say("API writes of one task")
    await measures.clear(bench)
    begun = time.time()
    await bench.create(tasks_path(bench), task("counted"))
    seen, _ = await bench.follow(tasks_path(bench), "counted", task_completed)
    await asyncio.sleep(10)
    writes = [write for write in audit.read_writes(log, bench.namespace) if write.time >= begun]
    ours = [write for write in writes if write.who in audit.CLIENTS.values()]
    before = [write for write in ours if write.time <= seen]
    detail = ", ".join(f"{who} {what} ({n})" for (who, what), n in audit.count(ours).items())
    others = [write for write in writes if write.who not in audit.CLIENTS.values()]
    say(f"writes of ours: {detail}")
    say("writes of Kubernetes: " + ", ".join(f"{w} {a} ({n})" for (w, a), n in audit.count(others).items()))
    return [
        ("API writes of ours until success is visible", "1", str(len(before)), "—", "≤ 5"),
        (
            "… within 10 s after that (the Job's deletion follows)",
            "0",
            str(len(ours) - len(before)),
            "—",
            "0 or 1",
        ),
    ]


async def operator_rows(bench: Bench) -> list[Row]:
    """Memory and processor time of the operator."""
    await measures.clear(bench)
    idle_from = await bench.operator_metrics()
    say("the operator at rest, 20 s")
    await asyncio.sleep(20)
    idle_to = await bench.operator_metrics()
    cpu = (idle_to["process_cpu_seconds_total"] - idle_from["process_cpu_seconds_total"]) / 20
    count = 20
    before = await bench.operator_metrics()
    say(f"the operator's processor time for {count} tasks")
    await measures.burst_of_tasks(bench, count)
    await asyncio.sleep(5)
    after = await bench.operator_metrics()
    per_task = (after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"] - cpu * 5) / count
    rss = idle_to["process_resident_memory_bytes"] / 1e6
    return [
        ("operator: memory (RSS) at rest", "—", f"{rss:.0f} MB", "—", "≤ 120 MB"),
        ("operator: processor at rest", "—", f"{cpu * 100:.1f} % of a core", "—", ""),
        ("operator: processor time per task", "—", f"{per_task * 1000:.0f} ms", "—", ""),
    ]


async def run(rounds: int, burst: int) -> str:
    """Measure everything."""
    kubeconfig = (await asyncio.to_thread(pick.chosen)).kubeconfig
    credentials = await load_credentials(kubeconfig=kubeconfig)
    async with Connection(credentials, user_agent="evertask-bench/1") as connection:
        bench = await open_bench(connection)
        try:
            rows = await single_rows(bench, max(rounds, 5))
            await measures.clear(bench)
            rows.append(await burst_row(bench, rounds, burst))
            rows += await write_rows(bench)
            await measures.clear(bench)
            rows.append(await latency_row(bench, rounds))
            rows += await operator_rows(bench)
        finally:
            await measures.remove(bench)
    return f"{machine()}\n\n{table(HEAD, rows)}"


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds per measure (default 3)")
    parser.add_argument("--burst", type=int, default=60, help="how many at once (default 60)")
    options = parser.parse_args()
    print(asyncio.run(run(options.rounds, options.burst)))


if __name__ == "__main__":
    main()
