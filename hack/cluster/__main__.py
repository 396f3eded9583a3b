"""The command line: ``python3 -m hack.cluster COMMAND``, from the root of the checkout."""

from __future__ import annotations

import argparse
import signal
import sys

from hack.cluster import binaries
from hack.cluster.light import LightControlPlane
from hack.cluster.paths import ClusterError, say


def _light(arguments: argparse.Namespace) -> None:
    """Run a light control plane in the foreground until interrupted."""
    with LightControlPlane(controller_manager=arguments.controller_manager) as plane:
        say(f"light control plane at {plane.server}; end it with Ctrl-C")
        print(plane.kubeconfig, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


def _build(arguments: argparse.Namespace) -> None:
    """Build binaries: those named, or all of the full cluster."""
    binaries.ensure(arguments.names or binaries.FULL)


def main() -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m hack.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True)
    light = commands.add_parser("light", help=_light.__doc__)
    light.add_argument("--controller-manager", action="store_true", help="also garbage collection and Jobs")
    light.set_defaults(run=_light)
    build = commands.add_parser("build", help=_build.__doc__)
    build.add_argument("names", nargs="*", metavar="BINARY", help=", ".join(binaries.BINARIES))
    build.set_defaults(run=_build)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
