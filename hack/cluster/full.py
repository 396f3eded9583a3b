"""The full cluster of this machine: brought up, healed, inspected and taken down.

``up`` is idempotent: it starts only what is not healthy, and a cluster in which everything is healthy is
found so within a second. The configuration (every command line and file, and the boot of the machine) has
a hash; a cluster that was brought up with another hash is replaced, not patched.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.cluster import binaries, control_plane, images, network, node, remains
from hack.cluster.control_plane import Settings
from hack.cluster.node import Node
from hack.cluster.paths import ClusterError, home, locked, say
from hack.cluster.prerequisites import FULL_PACKAGES, require_packages, require_root
from hack.cluster.processes import ProcessFolder, Program, boot_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEALTH_SECONDS = 90.0
NODE_READY_SECONDS = 90.0
PART_STOP_SECONDS = 3.0
"""An API server waits a minute for watches to end, which clients never do; after 3 s it is killed."""


@dataclass(frozen=True)
class Part:
    """One process of the cluster and how to see that it serves."""

    program: Program
    healthy: Callable[[], bool]


class FullCluster:
    """The one full cluster of this machine."""

    def __init__(self) -> None:
        self.folder = home() / "full"
        self.processes = ProcessFolder(self.folder)
        self.settings = Settings(
            folder=self.folder,
            apiserver_port=26443,
            etcd_port=22379,
            etcd_peer_port=22380,
            controller_manager_port=26257,
            scheduler_port=26259,
            advertise_address=network.ADDRESS,
            bind_address="0.0.0.0",
            audit=True,
        )
        self.node = Node(self.folder, self.settings)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.settings.kubeconfig("admin")

    def parts(self) -> dict[str, Part]:
        """Return every part by name, in the order in which they start."""
        settings = self.settings
        containerd, kubelet, proxy, coredns = node.programs(self.node)
        parts = [
            Part(control_plane.etcd(settings), lambda: control_plane.etcd_healthy(settings)),
            Part(control_plane.apiserver(settings), lambda: control_plane.apiserver_healthy(settings)),
            Part(
                control_plane.controller_manager(settings),
                lambda: control_plane.controller_manager_healthy(settings),
            ),
            Part(control_plane.scheduler(settings), lambda: control_plane.scheduler_healthy(settings)),
            Part(containerd, self._containerd_healthy),
            Part(kubelet, node.kubelet_healthy),
            Part(proxy, node.proxy_healthy),
            Part(coredns, node.dns_healthy),
        ]
        return {part.program.name: part for part in parts}

    def _containerd_healthy(self) -> bool:
        ctr = shutil.which("ctr") or "/usr/bin/ctr"
        command = [ctr, "-a", str(self.node.socket), "--timeout", "2s", "version"]
        # The kubelet ends at once when the CRI socket is not there: the file is not enough, it must answer.
        return (
            self.node.socket.exists()
            and not subprocess.run(command, capture_output=True, check=False).returncode
        )

    def configuration_hash(self) -> str:
        """Return the hash of everything that decides how the cluster runs."""
        described = {
            "boot": boot_id(),
            "binaries": {name: binaries.BINARIES[name].stamp() for name in binaries.FULL},
            "programs": {name: list(part.program.argv) for name, part in self.parts().items()},
            "files": {str(path): text for path, text in node.files(self.node).items()},
            "more": [control_plane.AUDIT_POLICY, node.DNS_ROLE],
        }
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl as the administrator and return what it prints."""
        command = [binaries.path("kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def node_ready(self) -> bool:
        """Tell whether the node says that it takes pods."""
        path = '{.status.conditions[?(@.type=="Ready")].status}'
        try:
            return self.kubectl("get", "node", node.NAME, "-o", f"jsonpath={path}") == "True"
        except ClusterError:
            return False

    def up(self) -> None:
        """Bring the cluster up, or heal it, or find it healthy.

        Raises:
            ClusterError: a prerequisite is missing or a part does not become healthy.
        """
        require_root()
        require_packages(FULL_PACKAGES)
        binaries.ensure(binaries.FULL)
        with locked("full"):
            recorded = self.folder / "configuration"
            expected = self.configuration_hash()
            if self.folder.exists() and not (recorded.exists() and recorded.read_text() == expected):
                say("another configuration runs here, or the machine restarted: replacing that cluster")
                self._down()
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            recorded.write_text(expected)
            if self.is_healthy():
                say(f"the cluster is healthy; {self.kubeconfig}")
                return
            self._heal()
        say(f"the cluster is ready; {self.kubeconfig}")

    def is_healthy(self) -> bool:
        """Tell whether every part runs and serves and the node is ready."""
        alive = all(self.processes.alive(name) is not None for name in self.parts())
        return (
            alive
            and network.is_up()
            and all(part.healthy() for part in self.parts().values())
            and self.node_ready()
        )

    def _heal(self) -> None:
        network.up(self.folder)
        authority = control_plane.prepare(self.settings)
        node.prepare(self.node, authority)
        node.make_cgroups()
        for path, text in node.files(self.node).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Untouched when unchanged: kube-proxy ends itself when its file is written.
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        for name in self.parts():
            self.start(name)
            if name == "kube-apiserver":
                self.kubectl("apply", "--server-side", "-f", "-", text=node.DNS_ROLE)
            if name == "containerd":
                images.pause_image()
                images.load_image(node.PAUSE_IMAGE, self.folder, self.node.socket)
        self._wait_node_ready()

    def _wait_node_ready(self) -> None:
        say("waiting for the node")
        deadline = time.monotonic() + NODE_READY_SECONDS
        while not self.node_ready():
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"the node is not ready; the kubelet says:\n{self.processes.tail('kubelet')}"
                )
            time.sleep(0.2)

    def start(self, name: str) -> None:
        """Start the part ``name`` unless it serves, and wait until it does; one that hangs is replaced."""
        part = self.parts()[name]
        if self.processes.alive(name) is not None:
            if part.healthy():
                return
            say(f"{name} runs and does not serve: starting it anew")
            self.processes.stop(name)
        say(f"starting {name}")
        self.processes.start(part.program)
        self.processes.wait_healthy(name, part.healthy, HEALTH_SECONDS)

    def stop(self, name: str) -> None:
        """Stop the part ``name`` (and leave it stopped until ``start`` or ``up``)."""
        self.processes.stop(name, seconds=PART_STOP_SECONDS)

    def status(self) -> dict[str, str]:
        """Return each part's state in a word, and the node's."""
        states = {}
        for name, part in self.parts().items():
            pid = self.processes.alive(name)
            states[name] = "stopped" if pid is None else "healthy" if part.healthy() else "not serving"
        return states | {"node": "ready" if self.node_ready() else "not ready"}

    def down(self) -> None:
        """End the cluster and leave nothing of it but binaries and images.

        Raises:
            ClusterError: something is still there afterwards; the message names it.
        """
        require_root()
        with locked("full"):
            if self.folder.exists():
                self._down()

    def _down(self) -> None:
        say("taking the cluster down")
        # The kubelet first, so that nothing starts pods again; etcd last.
        for name in ("kubelet", "kube-proxy", "coredns", "containerd", *reversed(self.parts())):
            self.stop(name)
        remains.end_processes(self.node.socket)
        remains.remove_shim_sockets(self.folder)
        remains.unmount(self.folder)
        remains.remove_cgroups()
        remains.remove_log_links(self.folder)
        network.down(self.folder)
        left = remains.leftovers(self.folder, self.node.socket) + network.leftovers()
        if left:
            raise ClusterError(
                f"still there after `down`: {', '.join(left)}. Run `down` again, or end them by hand."
            )
        shutil.rmtree(self.folder)
