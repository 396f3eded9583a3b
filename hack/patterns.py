"""The example application of examples/30-patterns: its image, and its deployment in a cluster with EverTask on it.

python3 -m hack.patterns image     build the image and give it to the picked cluster; the last line is its name
python3 -m hack.patterns deploy    that, and apply the manifests
"""

from __future__ import annotations

import sys

from hack.cluster import pick
from hack.cluster.paths import ClusterError
from hack.example_images import Example
from hack.images.wheels import ImageError
from hack.kubectl import Kubectl, KubectlError

EXAMPLE = Example("30-patterns", "patterns", "PATTERNS_IMAGE")
NAMESPACE = "patterns"


def deploy() -> None:
    """Apply the manifests, and wait until the application answers.

    Raises:
        ImageError: wheels could not be fetched.
        ClusterError: the build failed, or the way to the cluster.
        KubectlError: the cluster refuses something, or the application does not start.
    """
    image = EXAMPLE.build_image()
    kubectl = Kubectl(pick.chosen().kubeconfig)
    for name in ("00-namespace", "10-rights", "20-app"):
        kubectl.run("apply", "-f", "-", text=EXAMPLE.manifest(f"manifests/{name}.yaml", image))
    kubectl.run("rollout", "status", "deployment/patterns", "--namespace", NAMESPACE, "--timeout=120s")


def main(arguments: list[str]) -> int:
    """Run the command that is named; return the exit code."""
    if arguments not in (["image"], ["deploy"]):
        print("usage: python3 -m hack.patterns image|deploy", file=sys.stderr)
        return 2
    try:
        if arguments == ["image"]:
            print(EXAMPLE.build_image())
        else:
            deploy()
    except (ClusterError, ImageError, KubectlError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
