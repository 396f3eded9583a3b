"""Which cluster to use: the one of KUBECONFIG, kind, or the local one — and how images get into it.

``ensure`` decides once and records the choice in the state folder; ``image-publish`` follows the record.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from hack.cluster import binaries, images
from hack.cluster.full import FullCluster
from hack.cluster.paths import SOURCES, ClusterError, home, say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KIND_CLUSTER = "evertask"
KIND_CONFIG = SOURCES.parents[1] / "kind-config.yaml"
REGISTRY_VARIABLE = "IMAGE_REGISTRY"
"""Prefix under which images are pushed for a cluster of KUBECONFIG, such as ``registry.example.org/me``."""

LOAD_VARIABLE = "IMAGE_LOAD_COMMAND"
"""Command that gives a built image to a cluster of KUBECONFIG; it gets the tag as its last argument."""

Kind = Literal["given", "kind", "local"]


@dataclass(frozen=True)
class Choice:
    """The cluster to use and the kubeconfig that reaches it."""

    kind: Kind
    kubeconfig: str


def _succeeds(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def choose(environment: Mapping[str, str], *, docker_answers: bool, has_kind: bool) -> Kind:
    """Decide by what is there: a given cluster first, then kind, then the local cluster."""
    if environment.get("KUBECONFIG"):
        return "given"
    return "kind" if docker_answers and has_kind else "local"


def ensure() -> Choice:
    """Make sure that there is a cluster; record and return the choice.

    Raises:
        ClusterError: the given cluster does not answer or nobody said how images reach it; or the kind
            or local cluster could not be brought up.
    """
    has_kind = shutil.which("kind") is not None
    docker_answers = has_kind and _succeeds("docker", "info")
    kind = choose(os.environ, docker_answers=docker_answers, has_kind=has_kind)
    kubeconfig = {"given": _given, "kind": _kind, "local": _local}[kind]()
    choice = Choice(kind, kubeconfig)
    home().mkdir(parents=True, exist_ok=True)
    _record().write_text(json.dumps(asdict(choice)))
    say(f"using the {'given cluster' if kind == 'given' else kind + ' cluster'}")
    return choice


def _record() -> Path:
    return home() / "choice.json"


def chosen() -> Choice:
    """Return the recorded choice, deciding first when there is none or KUBECONFIG says otherwise."""
    given = os.environ.get("KUBECONFIG")
    try:
        choice = Choice(**json.loads(_record().read_text()))
    except FileNotFoundError:
        return ensure()
    # A kubeconfig that `ensure` itself printed and the caller exported is no cluster of the caller's own.
    return choice if given in (None, "", choice.kubeconfig) else ensure()


def _given() -> str:
    path = os.environ["KUBECONFIG"]
    if path == str(FullCluster().kubeconfig):
        return _local()
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        binaries.ensure(["kubectl"])
        kubectl = binaries.path("kubectl")
    if not _succeeds(kubectl, "--request-timeout=10s", "get", "--raw", "/version"):
        raise ClusterError(
            f"the cluster of KUBECONFIG={path} does not answer: check `kubectl version` with it, or unset "
            "KUBECONFIG to use kind or a local cluster"
        )
    if not (os.environ.get(REGISTRY_VARIABLE) or os.environ.get(LOAD_VARIABLE)):
        raise ClusterError(
            f"KUBECONFIG names a cluster, and nothing says how images reach it: set {REGISTRY_VARIABLE} to a "
            f"registry that it pulls from, or {LOAD_VARIABLE} to a command that loads an image by its tag"
        )
    return path


def _kind() -> str:
    kubeconfig = home() / "kind.kubeconfig"
    home().mkdir(parents=True, exist_ok=True)
    existing = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True).stdout
    if KIND_CLUSTER in existing.split():
        command = ["kind", "export", "kubeconfig", "--name", KIND_CLUSTER]
    else:
        command = ["kind", "create", "cluster", "--config", str(KIND_CONFIG), "--wait", "120s"]
    _visibly(*command, "--kubeconfig", str(kubeconfig))
    return str(kubeconfig)


def _local() -> str:
    cluster = FullCluster()
    cluster.up()
    return str(cluster.kubeconfig)


def _visibly(*command: str) -> None:
    say(shlex.join(command))
    if subprocess.run(command, check=False).returncode:
        raise ClusterError(f"`{shlex.join(command)}` failed, see above")


def publish(tag: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> str:
    """Build an image and bring it to the chosen cluster; return the name that pods use for it.

    Raises:
        ClusterError: the build or the way to the cluster failed.
    """
    choice = chosen()
    if choice.kind == "local":
        cluster = FullCluster()
        images.build_image(dockerfile, context, tag, arguments)
        images.load_image(tag, cluster.folder, cluster.node.socket)
        return tag
    registry = os.environ.get(REGISTRY_VARIABLE) if choice.kind == "given" else None
    name = f"{registry.rstrip('/')}/{tag.rsplit('/', 1)[-1]}" if registry else tag
    options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    _visibly("docker", "build", "--tag", name, "--file", str(dockerfile), *options, str(context))
    if choice.kind == "kind":
        _visibly("kind", "load", "docker-image", name, "--name", KIND_CLUSTER)
    elif registry:
        _visibly("docker", "push", name)
    else:
        _visibly(*shlex.split(os.environ[LOAD_VARIABLE]), name)
    return name
