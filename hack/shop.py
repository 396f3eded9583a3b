"""The example application of examples/20-shop: its image, its manifests, the mails that it sent.

    python3 -m hack.shop image    build the image and give it to the picked cluster; the last line is its name

The image's tag is a hash of what is in it: what did not change is neither built again nor rolled out again.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.cluster import images as local_images
from hack.cluster import pick
from hack.cluster.full import FullCluster
from hack.cluster.paths import ClusterError
from hack.images import wheels
from hack.images.build import build_images
from hack.images.wheels import ImageError

if TYPE_CHECKING:
    from hack.kubectl import Kubectl

FOLDER = wheels.ROOT / "examples" / "20-shop"
NAMESPACE = "shop"
PLACEHOLDER = "SHOP_IMAGE"
"""Stands in the manifests where the image's name belongs."""

PART_OF = ("app.kubernetes.io/part-of", "evertask-examples")
"""Label of the namespace: a namespace of this name without it is somebody's own, and is left alone."""


class ShopError(Exception):
    """The example application cannot be used here; the message says why."""


def build_image() -> str:
    """Build the shop's image unless it is there, bring it to the picked cluster; return the name that pods use.

    Raises:
        ImageError: wheels could not be fetched.
        ClusterError: the build failed, or the way to the cluster.
    """
    runner = build_images()["runner"]
    sources = wheels.source_files(
        f"examples/20-shop/{name}" for name in ("Dockerfile", "requirements.txt", "shop")
    )
    tag = f"localhost/evertask/shop:{wheels.digest_of(sources, runner)}"
    if pick.chosen().kind == "local" and local_images.image_id(tag):
        cluster = FullCluster()
        local_images.load_image(tag, cluster.folder, cluster.node.socket)
        return tag
    with tempfile.TemporaryDirectory(dir=wheels.CACHE) as scratch:
        context = Path(scratch)
        shutil.copytree(FOLDER / "shop", context / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(FOLDER / "requirements.txt", context)
        _fetch_wheels(context / "wheels")
        return pick.publish(tag, FOLDER / "Dockerfile", context, {"RUNNER_IMAGE": runner})


def _fetch_wheels(folder: Path) -> None:
    machine = wheels.MACHINES.get(platform.machine(), platform.machine())
    for python in wheels.PYTHONS:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--only-binary=:all:", "--implementation=cp", f"--python-version={python}"),
                *(f"--platform={name}_{machine}" for name in wheels.PLATFORMS),
                *(f"--dest={folder}", f"--requirement={FOLDER / 'requirements.txt'}"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ImageError(
                f"the shop's wheels could not be fetched:\n{(done.stdout + done.stderr)[-2000:]}"
            )


def manifest(path: str, image: str) -> str:
    """Read a manifest of the example, the image's name in the placeholder's place.

    Args:
        path: relative to examples/20-shop.
        image: the name that pods use.
    """
    return (FOLDER / path).read_text("utf-8").replace(PLACEHOLDER, image)


def prepare(kubectl: Kubectl, image: str) -> None:
    """Give the shop its namespace, rights, orders and mail sink, and remove what an earlier use left.

    Raises:
        ShopError: the namespace is somebody's own.
        KubectlError: the cluster refuses something, or the mail sink does not start.
    """
    found = kubectl.run("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "json")
    label, value = PART_OF
    if found and json.loads(found)["metadata"].get("labels", {}).get(label) != value:
        raise ShopError(
            f"the cluster has a namespace {NAMESPACE!r} that is not the example's (no label {label}={value}): "
            "use another cluster, or remove the namespace if it is of no use"
        )
    for path in ("00-namespace", "10-rights", "20-mail-sink", "25-orders"):
        kubectl.run("apply", "-f", "-", text=manifest(f"manifests/{path}.yaml", image))
    wait = ("--namespace", NAMESPACE, "--wait", "--timeout=90s")
    kubectl.run("delete", "job", "shop-registration", "--ignore-not-found", *wait)
    kubectl.run("delete", "evertasks", "--all", *wait)
    kubectl.run("rollout", "status", "deployment/mail-sink", "--namespace", NAMESPACE, "--timeout=120s")


def received_mails(kubectl: Kubectl) -> list[dict[str, Any]]:
    """Give the mails that the mail sink has received since it was started, oldest first.

    Raises:
        KubectlError: the mail sink does not answer.
    """
    path = f"/api/v1/namespaces/{NAMESPACE}/services/mail-sink:http/proxy/mails"
    mails: list[dict[str, Any]] = json.loads(kubectl.run("get", "--raw", path))
    return mails


def main(arguments: list[str]) -> int:
    """Run the command that is named; return the exit code."""
    if arguments != ["image"]:
        print("usage: python3 -m hack.shop image", file=sys.stderr)
        return 2
    try:
        print(build_image())
    except (ClusterError, ImageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
