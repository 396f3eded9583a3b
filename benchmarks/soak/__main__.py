"""``python3 -m benchmarks.soak``: a day in miniature. Steady load on one operator, and what grows meanwhile.

On a light control plane of its own: immediate tasks at a steady rate that expire within seconds, and series that run
all the time; pods are played, as this is about the operator and its objects. Each ten seconds the operator's memory,
its open files, the watches and the objects are sampled. Prints a table with slopes by least squares.
"""

from __future__ import annotations

import argparse
import re
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figures import keep, machine, say, table
from benchmarks.soak.trends import HEAD, Sample, rows
from evertask.api import protocol
from hack.cluster.light import LightControlPlane
from tests.support.api_client import ApiClient, tasks_path
from tests.support.control_plane import install_crd
from tests.support.live_tasks import checked
from tests.support.operator_processes import OperatorProcess, write_kubeconfig
from tests.support.simulated_pods import SimulatedPods
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from typing import Any

NAMESPACE = "soak"
TTL = "20s"
SERIES = 10
SERIES_SECONDS = 15
SAMPLE_SECONDS = 10.0
REST_SECONDS = 120.0
TELL_SECONDS = 60.0
WATCHED = re.compile(
    r'^apiserver_longrunning_requests\{[^}]*resource="(?:evertasks|jobs|pods)"[^}]*verb="WATCH"[^}]*\} (\S+)$',
    re.MULTILINE,
)


class Soak:
    """The load and the samples."""

    def __init__(self, plane: LightControlPlane, client: ApiClient, operator: OperatorProcess) -> None:
        self._plane, self._client, self._operator = plane, client, operator
        self._number = 0
        self.samples: list[Sample] = []

    def start_series(self) -> None:
        """Make the series that run all the time."""
        for number in range(SERIES):
            self._create(f"series-{number}", recurrence={"every": f"{SERIES_SECONDS}s"})

    def run(self, seconds: float, rate: float) -> None:
        """Keep up the load, and take samples."""
        begun = told = time.monotonic()
        sampled = begun - SAMPLE_SECONDS
        while (now := time.monotonic()) < begun + seconds:
            if now - sampled >= SAMPLE_SECONDS:
                sampled = now
                self.samples.append(self._sample())
            if now - told >= TELL_SECONDS:
                told = now
                say(f"{(now - begun) / 60:.0f} of {seconds / 60:.0f} minutes, {self._number} tasks")
            if self._number < (now - begun) * rate:
                self._number += 1
                self._create(f"task-{self._number}", ttlAfterFinished=TTL)
            else:
                time.sleep(0.5 / rate)
        self.samples.append(self._sample())

    def rest(self) -> Sample:
        """Wait until what was made once has expired; gives the last sample, of the series alone if all goes well."""
        deadline = time.monotonic() + REST_SECONDS
        while (sample := self._sample()).tasks > SERIES or sample.jobs > SERIES:
            if time.monotonic() > deadline:
                break
            time.sleep(1)
        return sample

    def _create(self, name: str, **spec: Any) -> None:
        body = {
            "apiVersion": protocol.API_VERSION,
            "kind": protocol.KIND,
            "metadata": {"name": name},
            "spec": {"handler": "shop.reports:daily", **spec},
        }
        checked(self._client("POST", tasks_path(NAMESPACE), body))

    def _metric(self, sample: str) -> float:
        # An operator that is busy answers late.
        return eventually(lambda: self._operator.metric(sample), lambda value: value >= 0, REST_SECONDS)

    def _sample(self) -> Sample:
        tasks = checked(self._client("GET", tasks_path(NAMESPACE)))["items"]
        runs = sum((item.get("status") or {}).get("counts", {}).get("runs", 0) for item in tasks)
        deleted = self._metric('evertask_tasks_deleted_total{reason="Expired"}')
        return Sample(
            time.monotonic(),
            self._metric("process_resident_memory_bytes"),
            self._metric("process_open_fds"),
            sum(map(float, WATCHED.findall(str(self._client("GET", "/metrics").body)))),
            len(tasks),
            len(checked(self._client("GET", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"))["items"]),
            len(checked(self._client("GET", f"/api/v1/namespaces/{NAMESPACE}/pods"))["items"]),
            runs + deleted,
        )


class Measured(NamedTuple):
    """What one run has seen."""

    samples: list[Sample]
    """Under load."""
    rest: Sample
    """When what was made once should be gone."""


def measure(seconds: float, rate: float) -> Measured:
    """Load an operator on a control plane that ends with the measurement."""
    with ExitStack() as stack:
        plane = stack.enter_context(LightControlPlane(controller_manager=True))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="evertask-soak-")))
        client = stack.enter_context(closing(ApiClient(plane.server, plane.ca, plane.token)))
        install_crd(client)
        checked(client("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}))
        kubeconfig = write_kubeconfig(folder / "kubeconfig", plane.server, plane.token, plane.ca)
        operator = OperatorProcess(folder, kubeconfig, watchNamespaces=[NAMESPACE])
        stack.enter_context(operator)
        stack.enter_context(SimulatedPods(client, NAMESPACE))
        soak = Soak(plane, client, operator)
        soak.start_series()
        with suppress(KeyboardInterrupt):  # what was measured until then is told
            soak.run(seconds, rate)
        return Measured(soak.samples, soak.rest())


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.soak", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--minutes", type=float, default=30, help="how long (default 30)")
    parser.add_argument("--rate", type=float, default=2, help="immediate tasks a second (default 2)")
    options = parser.parse_args()
    samples, rest = measure(options.minutes * 60, options.rate)
    kept = [sample._asdict() for sample in (*samples, rest)]
    keep("soak", {"rate": options.rate, "samples": kept})
    found = table(HEAD, rows(samples, rest, SERIES))
    print(f"{machine()}, {options.minutes:g} minutes, {options.rate:g} tasks/s\n\n{found}")


if __name__ == "__main__":
    main()
