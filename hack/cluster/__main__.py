"""Clusters for development and tests: ``python3 -m hack.cluster COMMAND``, from the checkout's root."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hack.cluster import binaries, images, pick
from hack.cluster.full import FullCluster
from hack.cluster.light import LightControlPlane
from hack.cluster.paths import ClusterError, locked, say

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[[argparse.Namespace], None]

INTERRUPTED = 130
"""The exit code of a command that was ended by Ctrl-C, as shells give it."""

RESTARTABLE = {"apiserver": "kube-apiserver", "kubelet": "kubelet"}
"""Parts that tests stop and start by themselves: command suffix → part."""


def ensure(_: argparse.Namespace) -> None:
    """Pick the cluster of KUBECONFIG, kind or the local one; bring it up; print its kubeconfig."""
    print(pick.ensure().kubeconfig)


def up(_: argparse.Namespace) -> None:
    """Bring up or heal the local cluster."""
    FullCluster().up()


def down(_: argparse.Namespace) -> None:
    """Take down what `ensure` or `up` brought up (never the cluster of KUBECONFIG); binaries, images stay."""
    pick.down()


def status(_: argparse.Namespace) -> None:
    """Print the state of each part of the local cluster; fail unless all is well."""
    states = FullCluster().status()
    for name, state in states.items():
        print(f"{name:26}{state}")
    if not set(states.values()) <= {"healthy", "ready"}:
        raise ClusterError("not all is well; `up` heals")


def kubeconfig(_: argparse.Namespace) -> None:
    """Print the path of the local cluster's kubeconfig."""
    print(FullCluster().kubeconfig)


def audit_log(_: argparse.Namespace) -> None:
    """Print the path of the local API server's audit log (writes to tasks, Jobs and pods)."""
    print(FullCluster().settings.audit_log)


def stop(arguments: argparse.Namespace) -> None:
    """Stop one part of the local cluster, for a test of its absence."""
    with locked("full"):
        FullCluster().stop(arguments.part)


def start(arguments: argparse.Namespace) -> None:
    """Start that part again and wait until it serves."""
    with locked("full"):
        FullCluster().start(arguments.part)


def light(arguments: argparse.Namespace) -> None:
    """Run a light control plane in the foreground until interrupted; print its kubeconfig."""
    with LightControlPlane(controller_manager=arguments.controller_manager) as plane:
        say(f"light control plane at {plane.server}; end it with Ctrl-C")
        print(plane.kubeconfig, flush=True)
        ends = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        signal.sigwait(ends)


def build(arguments: argparse.Namespace) -> None:
    """Build binaries: those named, or all of the local cluster."""
    binaries.ensure(arguments.names or binaries.FULL)


def base_image(_: argparse.Namespace) -> None:
    """Make the base images of the project's Dockerfiles, once per machine."""
    images.base_images()
    print(images.BASE_IMAGE)
    print(images.BUILD_IMAGE)


def build_image(arguments: argparse.Namespace) -> None:
    """Build an image on the local base images, without Docker; print its id."""
    print(
        images.build_image(arguments.dockerfile, arguments.context, arguments.tag, dict(arguments.build_arg))
    )


def load_image(arguments: argparse.Namespace) -> None:
    """Give a built image to the local cluster."""
    cluster = FullCluster()
    images.load_image(arguments.tag, cluster.folder, cluster.node.socket)


def image_publish(arguments: argparse.Namespace) -> None:
    """Build an image and bring it to the picked cluster; print the name that pods use for it."""
    print(
        pick.publish(arguments.tag, arguments.dockerfile, arguments.context, dict(arguments.build_arg)),
    )


def _build_argument(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m hack.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(run: Command, name: str = "") -> argparse.ArgumentParser:
        command = commands.add_parser(name or run.__name__.replace("_", "-"), help=run.__doc__)
        command.set_defaults(run=run)
        return command

    for plain in (ensure, up, down, status, kubeconfig, audit_log, base_image):
        add(plain)
    for suffix, part in RESTARTABLE.items():
        add(stop, f"stop-{suffix}").set_defaults(part=part)
        add(start, f"start-{suffix}").set_defaults(part=part)
    add(light).add_argument("--controller-manager", action="store_true", help="also Jobs, garbage collection")
    add(build).add_argument("names", nargs="*", metavar="BINARY", help=", ".join(binaries.BINARIES))
    add(load_image).add_argument("tag")
    for building in (build_image, image_publish):
        command = add(building)
        command.add_argument("--tag", required=True)
        command.add_argument("--dockerfile", required=True, type=Path)
        command.add_argument("--context", required=True, type=Path)
        command.add_argument("--build-arg", action="append", default=[], type=_build_argument)
    return parser


def main() -> int:
    """Run one command; return the exit code."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
