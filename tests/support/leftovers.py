"""Remove what an interrupted run of the end-to-end tests left in the cluster: ``python3 -m tests.support.leftovers``.

Its tasks are older than those of the run that begins, so the operator would serve them first.
"""

from __future__ import annotations

import os

from hack.cluster import pick
from hack.kubectl import Kubectl
from tests.support.workspaces import LABEL


def main() -> None:
    """Delete the namespaces of all tests and wait until they are gone."""
    kubectl = Kubectl(os.environ.get("KUBECONFIG") or pick.chosen().kubeconfig)
    left = kubectl.run("delete", "namespaces", "-l", "=".join(LABEL), "--timeout=5m").strip()
    if left and "No resources found" not in left:
        print(f"[test] removed what an earlier run left:\n{left}", flush=True)


if __name__ == "__main__":
    main()
