"""The example application of examples/20-shop: its image, its manifests, the mails that it sent.

python3 -m hack.shop image    build the image and give it to the picked cluster; the last line is its name
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from hack.cluster.paths import ClusterError
from hack.example_images import PART_OF, Example
from hack.images.wheels import ImageError

if TYPE_CHECKING:
    from hack.kubectl import Kubectl

EXAMPLE = Example("20-shop", "shop", "SHOP_IMAGE")
NAMESPACE = "shop"

build_image = EXAMPLE.build_image
manifest = EXAMPLE.manifest


class ShopError(Exception):
    """The example application cannot be used here; the message says why."""


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
