"""The pods' network: one Linux bridge, addresses from one range, kernel settings put back afterwards.

The bridge exists before the API server starts, because its address is what the API server advertises to
pods; the CNI bridge plugin adopts it. Services are kube-proxy's work (nftables).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BRIDGE = "evertask0"
POD_NETWORK = "10.213.0.0/16"
ADDRESS = "10.213.0.1"
"""The bridge's address: the node's, the API server's for pods, and the DNS server's."""

CNI_NAME = "evertask"
CNI_PLUGINS = Path("/usr/lib/cni")
"""Where Debian's containernetworking-plugins puts the plugins."""

_CNI_RESULTS = Path("/var/lib/cni/results")
"""Where the CNI library caches what it did; the path is not ours to choose."""

_KUBE_PROXY_TABLE = "kube-proxy"

_KERNEL_SETTINGS = (
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What we or the kubelet change under /proc/sys, remembered before and put back by ``down``."""


def _ip(*arguments: str) -> bool:
    return subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode == 0


def is_up() -> bool:
    """Tell whether the bridge is there with its address."""
    shown = subprocess.run(["ip", "-o", "addr", "show", BRIDGE], capture_output=True, text=True, check=False)
    return f"{ADDRESS}/16" in shown.stdout


def up(folder: Path) -> None:
    """Remember the kernel settings and make the bridge."""
    remembered = folder / "kernel-settings.json"
    if not remembered.exists():
        values = {name: _read(name) for name in _KERNEL_SETTINGS if Path("/proc/sys", name).exists()}
        remembered.write_text(json.dumps(values, indent=1))
    if not is_up():
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{ADDRESS}/16", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    _write("net/ipv4/ip_forward", "1")


def _read(name: str) -> str:
    return Path("/proc/sys", name).read_text().strip()


def _write(name: str, value: str) -> None:
    if _read(name) != value:
        Path("/proc/sys", name).write_text(value)


def cni_files(folder: Path) -> dict[Path, str]:
    """Return the CNI configuration: bridge, host-local addresses kept in our own folder, loopback."""
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(folder / "addresses"),
            "ranges": [[{"subnet": POD_NETWORK}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    conflist = {"cniVersion": "0.4.0", "name": CNI_NAME, "plugins": [bridge]}
    return {folder / "cni" / "10-evertask.conflist": json.dumps(conflist, indent=1)}


def down(folder: Path) -> None:
    """Remove the bridge with its virtual cables, kube-proxy's tables and the caches; restore the kernel."""
    for cable in _cables():
        _ip("link", "del", cable)
    _ip("link", "del", BRIDGE)
    for family in ("ip", "ip6"):
        delete = ["nft", "delete", "table", family, _KUBE_PROXY_TABLE]
        subprocess.run(delete, capture_output=True, check=False)
    for sandbox in folder.glob("containerd/io.containerd.grpc.v1.cri/sandboxes/*"):
        for result in _CNI_RESULTS.glob(f"*-{sandbox.name}-*"):
            result.unlink(missing_ok=True)
    remembered = folder / "kernel-settings.json"
    if remembered.exists():
        for name, value in json.loads(remembered.read_text()).items():
            _write(name, value)


def _cables() -> Iterable[str]:
    """Yield the interfaces that are plugged into the bridge."""
    ports = Path("/sys/class/net", BRIDGE, "brif")
    return [port.name for port in ports.iterdir()] if ports.exists() else []


def leftovers() -> list[str]:
    """Return what of the network is still there, for ``down`` to report."""
    found = [f"bridge {BRIDGE}"] if Path("/sys/class/net", BRIDGE).exists() else []
    if shutil.which("nft"):
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
        found += [f"nftables {line}" for line in tables.splitlines() if line.endswith(_KUBE_PROXY_TABLE)]
    return found
