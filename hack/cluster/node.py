"""The node as command lines and files: containerd, kubelet, kube-proxy, CoreDNS.

Everything has a root, a socket and ports of its own, so that a containerd or a cluster that somebody else
runs on this machine is never touched.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hack.cluster import binaries, network
from hack.cluster.control_plane import Settings, answers, write_kubeconfig
from hack.cluster.processes import Program

if TYPE_CHECKING:
    from hack.cluster.certificates import Authority

NAME = "evertask-local"
"""The node's name."""

PAUSE_IMAGE = "localhost/evertask/pause:1"
CLUSTER_DOMAIN = "cluster.local"

CGROUP = "evertask-cluster"
"""The control group above all pods: whatever runs in it is ours to end."""

CGROUP_MOUNT = Path("/sys/fs/cgroup")

KUBELET_PORT = 26250
KUBELET_HEALTH_PORT = 26248
PROXY_HEALTH_PORT = 26256
PROXY_METRICS_PORT = 26249
DNS_HEALTH_PORT = 26280
DNS_READY_PORT = 26281


@dataclass(frozen=True)
class Node:
    """Where the node keeps its files."""

    folder: Path
    control_plane: Settings

    @property
    def socket(self) -> Path:
        """The socket of the cluster's own containerd."""
        return self.folder / "containerd.sock"

    def config(self, name: str) -> Path:
        """Return the path of a configuration file."""
        return self.folder / "config" / name

    def kubeconfig(self, name: str) -> Path:
        """Return the path of the kubeconfig of a part."""
        return self.control_plane.kubeconfig(name)


DNS_ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: evertask-local-dns}
rules:
  - {apiGroups: [""], resources: [services, pods, namespaces, endpoints], verbs: [list, watch]}
  - {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: evertask-local-dns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: evertask-local-dns}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: evertask-local-dns}]
"""
"""What CoreDNS may read; applied once the API server serves."""


def prepare(node: Node, authority: Authority) -> None:
    """Write the certificates and kubeconfigs of the node's parts."""
    authority.issue("kubelet", f"system:node:{NAME}", groups=["system:nodes"])
    authority.issue(
        "kubelet-server",
        f"system:node:{NAME}",
        groups=["system:nodes"],
        alternative_names=[f"DNS:{NAME}", f"IP:{network.ADDRESS}", "IP:127.0.0.1"],
    )
    authority.issue("kube-proxy", "system:kube-proxy")
    authority.issue("coredns", "evertask-local-dns")
    for name in ("kubelet", "kube-proxy", "coredns"):
        write_kubeconfig(node.control_plane, authority, name)


def make_cgroups() -> None:
    """Make the group above all pods in each hierarchy (cgroup v1) or in the one (v2)."""
    if (CGROUP_MOUNT / "cgroup.controllers").exists():
        (CGROUP_MOUNT / CGROUP).mkdir(exist_ok=True)
        return
    for hierarchy in CGROUP_MOUNT.iterdir():
        if (hierarchy / "cgroup.procs").exists() and not hierarchy.is_symlink():
            (hierarchy / CGROUP).mkdir(exist_ok=True)
            _inherit_cpuset(hierarchy)


def _inherit_cpuset(hierarchy: Path) -> None:
    """Allow the new group all processors and memory nodes: cgroup v1 starts it with none."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (hierarchy / name).exists():
            (hierarchy / CGROUP / name).write_text((hierarchy / name).read_text())


def files(node: Node) -> dict[Path, str]:
    """Return every configuration file of the node: path → content."""
    return {
        node.config("containerd.toml"): _containerd_config(node),
        node.config("kubelet.json"): json.dumps(_kubelet_config(node), indent=1),
        node.config("kube-proxy.json"): json.dumps(_proxy_config(node), indent=1),
        node.config("Corefile"): _corefile(node),
        # Pods resolve cluster names and nothing else: no search list of the host's.
        node.config("resolv.conf"): f"nameserver {network.ADDRESS}\n",
        **network.cni_files(node.folder),
    }


def programs(node: Node) -> list[Program]:
    """Return the node's parts in the order in which they start."""
    flags = ("--config", str(node.config("containerd.toml")))
    kubelet = (
        binaries.path("kubelet"),
        *("--config", str(node.config("kubelet.json")), "--kubeconfig", str(node.kubeconfig("kubelet"))),
        *("--root-dir", str(node.folder / "kubelet"), "--cert-dir", str(node.folder / "kubelet-pki")),
        *("--hostname-override", NAME, "--node-ip", network.ADDRESS),
    )
    proxy = (binaries.path("kube-proxy"), "--config", str(node.config("kube-proxy.json")))
    return [
        Program("containerd", (shutil.which("containerd") or "/usr/bin/containerd", *flags)),
        Program("kubelet", kubelet),
        Program("kube-proxy", (*proxy, "--hostname-override", NAME)),
        Program("coredns", (binaries.path("coredns"), "-conf", str(node.config("Corefile")))),
    ]


def _containerd_config(node: Node) -> str:
    # restrict_oom_score_adj: root of a machine in a machine lacks CAP_SYS_RESOURCE and may not lower an
    # oom_score_adj; without it every pod fails with "can't get final child's PID from pipe: EOF".
    return f"""\
version = 2
root = "{node.folder}/containerd"
state = "{node.folder}/containerd-state"
oom_score = 0

[grpc]
address = "{node.socket}"

[plugins."io.containerd.internal.v1.opt"]
path = "{node.folder}/containerd-opt"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
Root = "{node.folder}/runc"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{network.CNI_PLUGINS}"
conf_dir = "{node.folder}/cni"
"""


def _kubelet_config(node: Node) -> dict[str, object]:
    certificates = node.control_plane.certificates
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        "port": KUBELET_PORT,
        "healthzPort": KUBELET_HEALTH_PORT,
        "readOnlyPort": 0,
        "tlsCertFile": str(certificates / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(certificates / "kubelet-server.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(certificates / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{node.socket}",
        "clusterDNS": [network.ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(node.config("resolv.conf")),
        "podLogsDir": str(node.folder / "pod-logs"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        # A lost node is noticed within 16 s (see control_plane.py): the lease is renewed every 4 s.
        "nodeLeaseDurationSeconds": 16,
        "maxPods": 250,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "serializeImagePulls": False,
        # Images come by hand, not from a registry: never collect them.
        "imageGCHighThresholdPercent": 100,
        # Absolute and small: a developer's disk may well be 90 % full.
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1Gi",
            "imagefs.available": "1Gi",
        },
    }


def _proxy_config(node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(node.kubeconfig("kube-proxy"))},
        "clusterCIDR": network.POD_NETWORK,
        "healthzBindAddress": f"127.0.0.1:{PROXY_HEALTH_PORT}",
        "metricsBindAddress": f"127.0.0.1:{PROXY_METRICS_PORT}",
        # The kernel's own connection table is left as it is.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        # A pod that calls a Service on the same bridge must get its answer through the node.
        "nftables": {"masqueradeAll": True},
    }


def _corefile(node: Node) -> str:
    # Two zones: names of the cluster, and a quick "no" to all others instead of a resolver on the outside.
    return f"""\
{CLUSTER_DOMAIN}:53 in-addr.arpa:53 {{
    bind {network.ADDRESS}
    health 127.0.0.1:{DNS_HEALTH_PORT}
    ready 127.0.0.1:{DNS_READY_PORT}
    errors
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        kubeconfig {node.kubeconfig("coredns")}
        ttl 5
    }}
}}
.:53 {{
    bind {network.ADDRESS}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def kubelet_healthy() -> bool:
    """Tell whether the kubelet answers its health check."""
    return answers(f"http://127.0.0.1:{KUBELET_HEALTH_PORT}/healthz")


def proxy_healthy() -> bool:
    """Tell whether kube-proxy runs; ``livez`` does not depend on the node being schedulable."""
    return answers(f"http://127.0.0.1:{PROXY_HEALTH_PORT}/livez")


def dns_healthy() -> bool:
    """Tell whether CoreDNS has read the Services and answers."""
    return answers(f"http://127.0.0.1:{DNS_READY_PORT}/ready")
