"""Find the command-line tools that these scripts call: kubectl and helm.

The one on PATH is the person's choice and wins. Where there is none, the cluster's own is used, which
``hack.cluster`` compiles once per machine.

    python3 -m hack.tools helm lint charts/evertask
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from hack.cluster import binaries
from hack.cluster.paths import ClusterError


def find(name: str) -> str:
    """Return the path of the tool ``name``, compiled now if need be.

    Raises:
        ClusterError: it is not on PATH and cannot be compiled here; the message says the way out.
    """
    on_path = shutil.which(name)
    if on_path:
        return on_path
    binaries.ensure([name])
    return binaries.path(name)


def main(arguments: list[str]) -> int:
    """Run the tool that the first argument names, with the other arguments; give its exit code."""
    if not arguments:
        print("usage: python3 -m hack.tools TOOL [ARGUMENT...]", file=sys.stderr)
        return 2
    try:
        path = find(arguments[0])
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return subprocess.run([path, *arguments[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
