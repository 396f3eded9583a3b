"""Install EverTask into the picked cluster with Helm, or upgrade it: ``python3 -m hack.install [HELM OPTION...]``.

Builds and loads the images first where the sources changed. Safe to repeat: with nothing changed nothing is rolled
out. Options go to Helm as they are, for instance ``--set maxRunning=10``; without them the chart's defaults hold
again, but for what :data:`DEVELOPMENT` says. Ends when the operator is ready; when it does not become ready, says
what its pod and its log say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.cluster import pick
from hack.cluster.paths import ClusterError
from hack.images.build import build_images
from hack.images.wheels import ROOT, ImageError
from hack.kubectl import Kubectl, KubectlError
from hack.tools import find

if TYPE_CHECKING:
    from collections.abc import Sequence

RELEASE = "evertask"
NAMESPACE = "evertask-system"
CHART = ROOT / "charts" / "evertask"
DEVELOPMENT = ("--set", "runners.createTasks=true")
"""Where EverTask is tried out and tested, handlers may dispatch tasks in each namespace. Given options go before."""
READY_TIMEOUT = "180s"
KEPT_REVISIONS = 5


class InstallError(Exception):
    """Helm failed, or the operator did not become ready; the message has what they said."""


@dataclass(frozen=True)
class Helm:
    """Helm with the kubeconfig of one cluster and the product's namespace."""

    kubeconfig: str

    def run(self, *arguments: str) -> str:
        """Run to the end and give what was printed.

        Raises:
            InstallError: the exit code is not 0.
        """
        command = [find("helm"), "--kubeconfig", self.kubeconfig, "--namespace", NAMESPACE, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise InstallError(f"`helm {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
        return done.stdout

    def status(self) -> str:
        """Return the status of the release's newest revision; empty when it was never installed."""
        listed = json.loads(self.run("list", "--all", "--filter", f"^{RELEASE}$", "--output", "json"))
        return str(listed[0]["status"]) if listed else ""

    def heal(self) -> None:
        """End an operation that was broken off: Helm would refuse every further one."""
        status = self.status()
        if not status.startswith("pending-"):
            return
        print(f"[install] an earlier Helm run was broken off ({status}); undoing it", flush=True)
        if status == "pending-install":
            # The CRD, and with it every task, is kept: crds.keep is the default.
            self.run("uninstall", RELEASE, "--wait")
        else:
            self.run("rollback", RELEASE)


def image_options(key: str, name: str) -> list[str]:
    """Give Helm's options for an image; ``key`` is its place in the chart's values, ``name`` ends in its tag."""
    repository, _, tag = name.rpartition(":")
    return ["--set-string", f"{key}.repository={repository}", "--set-string", f"{key}.tag={tag}"]


def install(options: Sequence[str] = ()) -> None:
    """Build what changed, install or upgrade the release, wait for the operator.

    Raises:
        ClusterError: there is no cluster, or the images do not get into it.
        ImageError: the images could not be built.
        InstallError: Helm refused, or the operator is not ready in time.
    """
    names = build_images()
    choice = pick.chosen()
    helm = Helm(choice.kubeconfig)
    helm.heal()
    print(f"[install] helm upgrade --install {RELEASE}: {names['operator']}", flush=True)
    helm.run(
        *("upgrade", RELEASE, str(CHART), "--install", "--create-namespace"),
        *("--history-max", str(KEPT_REVISIONS)),
        *image_options("image", names["operator"]),
        *image_options("runner.image", names["runner"]),
        *DEVELOPMENT,
        *options,
    )
    _wait_ready(Kubectl(choice.kubeconfig))


def _wait_ready(kubectl: Kubectl) -> None:
    deployment = f"deployment/{RELEASE}"
    try:
        kubectl.run("-n", NAMESPACE, "rollout", "status", deployment, f"--timeout={READY_TIMEOUT}")
    except KubectlError as error:
        pods = kubectl.run("-n", NAMESPACE, "describe", "pods", "-l", "app.kubernetes.io/name=evertask")
        raise InstallError(
            f"the operator is not ready after {READY_TIMEOUT}: {error}\n{pods[-3000:]}\n{_log(kubectl, deployment)}"
        ) from error
    print("[install] the operator is ready", flush=True)


def _log(kubectl: Kubectl, deployment: str) -> str:
    try:
        return kubectl.run("-n", NAMESPACE, "logs", deployment, "--tail=40", "--all-pods")
    except KubectlError as error:
        return str(error)


def main(arguments: Sequence[str]) -> int:
    """Install with Helm options; return the exit code."""
    try:
        install(arguments)
    except (ClusterError, ImageError, InstallError, KubectlError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
