"""The control plane as command lines: etcd, API server, controller manager, scheduler.

Pure functions of :class:`Settings`, used by the light mode and by the full cluster alike, so that what
an integration test meets is what an end-to-end test meets.
"""

from __future__ import annotations

import shutil
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.cluster import binaries
from hack.cluster.certificates import Authority
from hack.cluster.processes import Program

if TYPE_CHECKING:
    from pathlib import Path

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
# One line for each finished write that a benchmark counts (by user agent); nothing else.
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: evertask.io
      - group: batch
        resources: [jobs, jobs/status]
      - group: ""
        resources: [pods, pods/status, pods/binding, pods/eviction]
  - level: None
"""


@dataclass(frozen=True)
class Settings:
    """Where one control plane keeps its files and on which ports it listens."""

    folder: Path
    apiserver_port: int
    etcd_port: int
    etcd_peer_port: int
    controller_manager_port: int
    scheduler_port: int = 0
    service_network: str = "10.214.0.0/16"
    service_address: str = "10.214.0.1"
    """The first address of the service network: the Service ``kubernetes``."""
    advertise_address: str = "127.0.0.1"
    """Where pods reach the API server; it must exist before the API server starts."""
    bind_address: str = "127.0.0.1"
    tokens: Path | None = None
    """A static token file, for tests that want to be some user without a certificate."""
    audit: bool = False

    @property
    def server(self) -> str:
        """The URL for clients on this machine."""
        return f"https://127.0.0.1:{self.apiserver_port}"

    @property
    def certificates(self) -> Path:
        """The folder of the keys and certificates."""
        return self.folder / "certificates"

    @property
    def audit_log(self) -> Path:
        """The file of the audit log; rotated, two old files kept."""
        return self.folder / "audit" / "audit.log"

    def kubeconfig(self, user: str) -> Path:
        """Return the path of the kubeconfig of a part of the cluster."""
        return self.folder / "kubeconfigs" / f"{user}.kubeconfig"


USERS = {
    "admin": ("evertask-admin", ("system:masters",)),
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "kubelet-client": ("kube-apiserver-kubelet-client", ("system:masters",)),
}
"""Certificate name → (user, groups), for the control plane itself."""


def prepare(settings: Settings) -> Authority:
    """Write the certificates, kubeconfigs and the audit policy that do not exist yet."""
    authority = Authority(settings.certificates)
    dns = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    addresses = {"127.0.0.1", settings.service_address, settings.advertise_address}
    authority.issue(
        "apiserver",
        "kube-apiserver",
        alternative_names=[*(f"DNS:{name}" for name in dns), *(f"IP:{ip}" for ip in sorted(addresses))],
    )
    authority.signing_key("service-accounts")
    for name, (user, groups) in USERS.items():
        authority.issue(name, user, groups=groups)
        write_kubeconfig(settings, authority, name)
    settings.audit_log.parent.mkdir(exist_ok=True)
    (settings.folder / "audit-policy.yaml").write_text(AUDIT_POLICY)
    return authority


def write_kubeconfig(settings: Settings, authority: Authority, name: str) -> None:
    """Write the kubeconfig of the certificate ``name``, unless it exists."""
    path = settings.kubeconfig(name)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    if not path.exists():
        authority.kubeconfig(name, settings.server, path)


def etcd(settings: Settings) -> Program:
    """Etcd without fsync: fast, and this data is worth nothing after a power cut."""
    client = f"http://127.0.0.1:{settings.etcd_port}"
    peer = f"http://127.0.0.1:{settings.etcd_peer_port}"
    return Program(
        "etcd",
        (
            shutil.which("etcd") or "/usr/bin/etcd",
            *("--name", "evertask", "--data-dir", str(settings.folder / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"evertask={peer}", "--quota-backend-bytes", "4294967296"),
            *("--auto-compaction-retention", "10m", "--log-level", "warn", "--logger", "zap"),
        ),
    )


def apiserver(settings: Settings) -> Program:
    """Give the API server RBAC, the default admission and, on request, the audit log."""
    certificates = settings.certificates
    flags = {
        "etcd-servers": f"http://127.0.0.1:{settings.etcd_port}",
        "secure-port": settings.apiserver_port,
        "bind-address": settings.bind_address,
        "advertise-address": settings.advertise_address,
        "service-cluster-ip-range": settings.service_network,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": certificates / "ca.crt",
        "tls-cert-file": certificates / "apiserver.crt",
        "tls-private-key-file": certificates / "apiserver.key",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": certificates / "service-accounts.pub",
        "service-account-signing-key-file": certificates / "service-accounts.key",
        "kubelet-preferred-address-types": "InternalIP",
        "kubelet-certificate-authority": certificates / "ca.crt",
        "kubelet-client-certificate": certificates / "kubelet-client.crt",
        "kubelet-client-key": certificates / "kubelet-client.key",
        "shutdown-delay-duration": "0s",
    }
    if settings.tokens is not None:
        flags["token-auth-file"] = settings.tokens
    if settings.audit:
        flags |= {
            "audit-policy-file": settings.folder / "audit-policy.yaml",
            "audit-log-path": settings.audit_log,
            "audit-log-maxsize": 200,
            "audit-log-maxbackup": 2,
        }
    return _kubernetes_program("kube-apiserver", flags)


def controller_manager(settings: Settings) -> Program:
    """Give the controller manager its bounds; a lost node is noticed in 16 s, where upstream waits 50 s."""
    certificates = settings.certificates
    flags = {
        "kubeconfig": settings.kubeconfig("kube-controller-manager"),
        "bind-address": "127.0.0.1",
        "secure-port": settings.controller_manager_port,
        "service-account-private-key-file": certificates / "service-accounts.key",
        "root-ca-file": certificates / "ca.crt",
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        "cluster-signing-cert-file": certificates / "ca.crt",
        "cluster-signing-key-file": certificates / "ca.key",
        # The kubelet renews its lease every 4 s (see node.py): four missed renewals are a lost node.
        "node-monitor-grace-period": "16s",
        "kube-api-qps": 300,
        "kube-api-burst": 600,
        "concurrent-job-syncs": 20,
    }
    return _kubernetes_program("kube-controller-manager", flags)


def scheduler(settings: Settings) -> Program:
    """Give the scheduler limits that a burst of pods does not reach."""
    flags = {
        "kubeconfig": settings.kubeconfig("kube-scheduler"),
        "bind-address": "127.0.0.1",
        "secure-port": settings.scheduler_port,
        "leader-elect": "false",
        "kube-api-qps": 300,
        "kube-api-burst": 600,
    }
    return _kubernetes_program("kube-scheduler", flags)


def _kubernetes_program(name: str, flags: dict[str, object]) -> Program:
    return Program(name, (binaries.path(name), *(f"--{key}={value}" for key, value in flags.items())))


def answers(url: str, settings: Settings | None = None, seconds: float = 2.0) -> bool:
    """Tell whether ``url`` answers 200; with ``settings``, as the admin of that control plane."""
    context = None
    if settings is not None:
        context = ssl.create_default_context(cafile=str(settings.certificates / "ca.crt"))
        context.load_cert_chain(settings.certificates / "admin.crt", settings.certificates / "admin.key")
    elif url.startswith("https:"):
        # A health port with a certificate of its own making; nothing is sent or believed but "200".
        context = ssl._create_unverified_context()  # noqa: SLF001  # the public way is three lines longer
    try:
        with urllib.request.urlopen(url, timeout=seconds, context=context) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def etcd_healthy(settings: Settings) -> bool:
    """Tell whether etcd answers."""
    return answers(f"http://127.0.0.1:{settings.etcd_port}/health")


def apiserver_healthy(settings: Settings) -> bool:
    """Tell whether the API server says that it is ready."""
    return answers(f"{settings.server}/readyz", settings)


def controller_manager_healthy(settings: Settings) -> bool:
    """Tell whether the controller manager answers its health check."""
    return answers(f"https://127.0.0.1:{settings.controller_manager_port}/healthz")


def scheduler_healthy(settings: Settings) -> bool:
    """Tell whether the scheduler answers its health check."""
    return answers(f"https://127.0.0.1:{settings.scheduler_port}/healthz")
