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


def choose(given: str | None, *, docker_answers: bool, has_kind: bool) -> Kind:
    """Decide by what is there: a given kubeconfig first, then kind, then the local cluster."""
    if given:
        return "given"
    return "kind" if docker_answers and has_kind else "local"


def given_kubeconfig() -> str | None:
    """Return the caller's own KUBECONFIG; one that ``ensure`` printed and the caller exported is not."""
    path = os.environ.get("KUBECONFIG")
    return None if path in (None, "", str(FullCluster().kubeconfig), str(_kind_kubeconfig())) else path


def ensure() -> Choice:
    """Make sure that there is a cluster; record and return the choice.

    Raises:
        ClusterError: the given cluster does not answer or nobody said how images reach it; or the kind
            or local cluster could not be brought up.
    """
    given = given_kubeconfig()
    has_kind = shutil.which("kind") is not None
    docker_answers = has_kind and _succeeds("docker", "info")
    kind = choose(given, docker_answers=docker_answers, has_kind=has_kind)
    if kind == "given" and given:
        _check_given(given)
        choice = Choice(kind, given)
    else:
        choice = Choice(kind, _kind() if kind == "kind" else _local())
    home().mkdir(parents=True, exist_ok=True)
    _record().write_text(json.dumps(asdict(choice)))
    say(f"using the {kind} cluster; its kubeconfig is {choice.kubeconfig}")
    return choice


def chosen() -> Choice:
    """Return the choice; a local cluster is healed if need be, so that images can be given to it."""
    given = given_kubeconfig()
    try:
        choice = Choice(**json.loads(_record().read_text()))
    except FileNotFoundError:
        return ensure()
    settled = choice.kubeconfig == given if given else choice.kind == "kind"
    return choice if settled else ensure()


def down() -> None:
    """Take down the cluster that ``ensure`` brought up: the local one, or kind's; never a given one.

    Raises:
        ClusterError: something is still there afterwards.
    """
    try:
        choice = Choice(**json.loads(_record().read_text()))
    except FileNotFoundError:
        choice = None
    if choice is not None and choice.kind == "kind":
        _visibly("kind", "delete", "cluster", "--name", KIND_CLUSTER, "--kubeconfig", choice.kubeconfig)
    FullCluster().down()
    _record().unlink(missing_ok=True)


def _record() -> Path:
    return home() / "choice.json"


def _kind_kubeconfig() -> Path:
    return home() / "kind.kubeconfig"


def _check_given(path: str) -> None:
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


def _kind() -> str:
    kubeconfig = _kind_kubeconfig()
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
    # A given cluster without Docker on this machine: buildah builds and pushes as well.
    docker = choice.kind == "kind" or _succeeds("docker", "info")
    if docker:
        options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        _visibly("docker", "build", "--tag", name, "--file", str(dockerfile), *options, str(context))
    else:
        images.build_image(dockerfile, context, name, arguments)
    if choice.kind == "kind":
        _visibly("kind", "load", "docker-image", name, "--name", KIND_CLUSTER)
    elif not registry:
        _visibly(*shlex.split(os.environ[LOAD_VARIABLE]), name)
    elif docker:
        _visibly("docker", "push", name)
    else:
        images.push_image(name)
    return name
