"""``make demo``: a cluster, EverTask on it, the example applications, and their tasks as they run.

Each step is what a person would do by hand, said before it is done. At the end the outcome of every task is checked:
the exit code is 0 only if everything went as it should, one task's failure included. May be run again at any time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from evertask.api.protocol import LABEL_TASK_ID, State
from evertask.api.times import parse_time
from hack import shop
from hack.cluster import pick
from hack.cluster.paths import ClusterError
from hack.images import wheels
from hack.images.wheels import ImageError
from hack.kubectl import Kubectl, KubectlError
from hack.task_watch import TaskWatch, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hack.task_watch import Followed

CUSTOMERS = ("ada@example.org", "grace@example.org")
"""Those that manifests/30-registration.yaml registers."""

APPLIED = ("hello", "product-thumbnail", "monthly-report", "payment-check", "charge-card")
"""Tasks that come from YAML; each customer's registration dispatches three more."""

EXPECTED = len(APPLIED) + 3 * len(CUSTOMERS)
TIMEOUT_SECONDS = 180.0
"""For all tasks together; on two cores they take about 25 seconds."""

PLAIN_WIDTH = 170
"""Columns where the output is no terminal."""

Problem = str


class DemoError(Exception):
    """A step failed; the message says which."""


def step(console: Console, title: str) -> None:
    """Announce a step."""
    console.print(f"\n▸ {title}", style="bold", markup=False, highlight=False)


def module(name: str) -> None:
    """Run one of the scripts, its output visible.

    Raises:
        DemoError: it failed.
    """
    if subprocess.run([sys.executable, "-m", name], cwd=wheels.ROOT, check=False).returncode:
        raise DemoError(f"`python3 -m {name}` failed, see above")


def set_up(console: Console) -> tuple[Kubectl, str, str]:
    """Bring up cluster, images, EverTask and the shop.

    Returns:
        kubectl, the kubeconfig's path, the name of the shop's image.
    """
    step(console, "A cluster (python3 -m hack.cluster ensure)")
    kubeconfig = pick.ensure().kubeconfig
    step(console, "The images of the operator, the runner and the example (python3 -m hack.images)")
    image = shop.build_image()
    step(console, "EverTask, with Helm (python3 -m hack.install)")
    module("hack.install")
    step(console, "The shop: namespace, rights, mail sink (examples/20-shop/manifests)")
    kubectl = Kubectl(kubeconfig)
    shop.prepare(kubectl, image)
    console.print("ready; tasks of an earlier demo are gone")
    return kubectl, kubeconfig, image


def run_tasks(console: Console, kubectl: Kubectl, image: str) -> list[Followed]:
    """Apply and dispatch the tasks, and show them until they have finished.

    Raises:
        DemoError: some have not in time; what is known of them was printed.
    """
    step(console, "Tasks from kubectl (10-hello, 20-shop/tasks.yaml) and from Python (the registration Job)")
    with TaskWatch(kubectl, shop.NAMESPACE, console) as watch:
        hello = (wheels.ROOT / "examples" / "10-hello" / "task.yaml").read_text("utf-8")
        kubectl.run("apply", "--namespace", shop.NAMESPACE, "-f", "-", text=hello)
        kubectl.run("apply", "-f", "-", text=shop.manifest("tasks.yaml", image))
        kubectl.run("apply", "-f", "-", text=shop.manifest("manifests/30-registration.yaml", image))
        in_time = watch.follow(EXPECTED, TIMEOUT_SECONDS)
        tasks = watch.tasks
    console.print(table(tasks))
    if not in_time:
        explain(console, kubectl)
        finished = sum(task.is_finished for task in tasks)
        raise DemoError(f"{finished} of {EXPECTED} tasks have finished in {TIMEOUT_SECONDS:.0f} s")
    return tasks


def explain(console: Console, kubectl: Kubectl) -> None:
    """Print what helps to find out why tasks have not finished."""
    for arguments in (
        ("get", "evertasks,jobs,pods", "-o", "wide"),
        ("logs", "job/shop-registration", "--tail=20"),
        ("get", "events", "--field-selector=type!=Normal", "--sort-by=.lastTimestamp"),
    ):
        console.print(f"\n$ kubectl -n {shop.NAMESPACE} {' '.join(arguments)}", markup=False)
        try:
            console.out(kubectl.run("--namespace", shop.NAMESPACE, *arguments), highlight=False)
        except KubectlError as error:
            console.print(str(error), markup=False)


def show(console: Console, kubectl: Kubectl, kubeconfig: str, mails: Sequence[dict[str, Any]]) -> None:
    """Show what is left in the cluster, and what to try next."""
    step(console, "kubectl get evertasks -A -o wide")
    console.out(kubectl.run("get", "evertasks", "-A", "-o", "wide"), highlight=False)
    step(console, "A mail that arrived")
    if mails:
        console.out(
            f"To: {', '.join(mails[-1]['to'])}\nSubject: {mails[-1]['subject']}\n\n{mails[-1]['text']}"
        )
    step(
        console,
        "Why charge-card failed (kubectl -n shop get evertask charge-card -o jsonpath='{.status.error}')",
    )
    error = kubectl.json("get", "evertask", "charge-card", "-n", shop.NAMESPACE)["status"].get("error") or {}
    console.out(
        f"{error.get('type')}: {error.get('message')}\n\n{error.get('traceback', '')}", highlight=False
    )
    step(console, "Try it yourself")
    console.out(
        f"  export KUBECONFIG={kubeconfig}\n"
        "  kubectl apply -f examples/10-hello/task.yaml && kubectl get evertask hello -w\n"
        "  kubectl -n shop get evertask monthly-report -o jsonpath='{.status.result}'\n"
        "  kubectl explain evertask.spec.delay\n"
        "  kubectl -n shop delete job shop-registration    # then dispatch again: see examples/20-shop/README.md\n"
        "  make cluster-down                               # when you have seen enough",
        highlight=False,
    )


def problems(tasks: Sequence[Followed], mails: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    """Compare what happened with what should have."""
    by_name = {task.name: task for task in tasks}
    for name in APPLIED:
        if name not in by_name:
            yield f"there is no task {name}"
    for task in tasks:
        expected = State.FAILED if task.name == "charge-card" else State.COMPLETED
        if task.state is not expected:
            yield f"{task.name} ({task.handler}) is {task.state} and not {expected}: {task.answer()}"
    received = sorted(address for mail in mails for address in mail["to"])
    if received != sorted(CUSTOMERS):
        yield f"mails arrived for {received} and not for {sorted(CUSTOMERS)}, once each"
    yield from _wrong_results(by_name)


def _wrong_results(by_name: dict[str, Followed]) -> Iterator[Problem]:
    expected: dict[str, dict[str, Any]] = {
        "product-thumbnail": {"width": 128, "height": 80},
        "monthly-report": {
            "orders": 7,
            "cents": 31413,
            "centsByCategory": {"books": 8420, "garden": 15297, "toys": 7696},
        },
        "payment-check": {"paid": False, "centsReceived": 1200},
    }
    for name, values in expected.items():
        result = by_name[name].status.get("result") if name in by_name else None
        if not isinstance(result, dict) or any(result.get(key) != value for key, value in values.items()):
            yield f"the result of {name} is {json.dumps(result)}; it should have {json.dumps(values)}"
    if "charge-card" in by_name:
        error = by_name["charge-card"].status.get("error") or {}
        if "insufficient funds" not in error.get("message", ""):
            yield f"the error of charge-card does not say why: {json.dumps(error)}"
    if "payment-check" in by_name and (early := _started_after(by_name["payment-check"])) < 10:  # noqa: PLR2004
        yield f"payment-check started {early:.1f} s after it was created, its delay is 10 s"


def _started_after(task: Followed) -> float:
    """Give the seconds from creation to the handler's start; creation is known to the second, cut."""
    runs = task.status.get("runs") or {}
    started = [parse_time(run["startTime"]) for run in runs.values() if run.get("startTime")]
    created = parse_time(task.document["metadata"]["creationTimestamp"])
    return (max(started) - created).total_seconds() if started else float("inf")


def run(console: Console) -> None:
    """Do it all.

    Raises:
        DemoError: something did not go as it should.
    """
    kubectl, kubeconfig, image = set_up(console)
    tasks = run_tasks(console, kubectl, image)
    # Of this demo: the mail sink still has those of an earlier one.
    ids = {task.document["metadata"].get("labels", {}).get(LABEL_TASK_ID) for task in tasks}
    mails = [
        mail
        for mail in shop.received_mails(kubectl)
        if mail["messageId"].strip("<>").partition("@")[0] in ids
    ]
    show(console, kubectl, kubeconfig, mails)
    found = list(problems(tasks, mails))
    if found:
        raise DemoError("not everything went as it should:\n  " + "\n  ".join(found))


def main() -> int:
    """Run the demo; return the exit code."""
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=PLAIN_WIDTH)
    began = time.monotonic()
    try:
        run(console)
    except (DemoError, ClusterError, ImageError, KubectlError, shop.ShopError) as error:
        console.print(f"\n[bold red]The demo failed[/bold red] after {time.monotonic() - began:.0f} s:")
        console.out(str(error), highlight=False)
        return 1
    console.print(f"\n[bold green]The demo succeeded[/bold green] in {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
