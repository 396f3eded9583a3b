"""``kubectl evertask``: kubectl finds the script on the PATH, and passes on what stands after it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hack.cluster.light import LightControlPlane


@pytest.fixture
def kubectl(control_plane: LightControlPlane, tmp_path: Path) -> Callable[..., Any]:
    """Call kubectl, with the script of the plugin as pip writes it."""
    script = tmp_path / "kubectl-evertask"
    script.write_text(f"#!{sys.executable}\nfrom evertask.cli.__main__ import main\nmain()\n")
    script.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": control_plane.kubeconfig,
    }

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [control_plane.kubectl_path, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return call


def test_kubectl_passes_flags_and_the_exit_code_on(kubectl, stored, namespace):
    stored("report")
    done = kubectl("evertask", "list", "-n", namespace, "-o", "name")
    assert (done.returncode, done.stdout, done.stderr) == (0, "report\n", "")
    assert kubectl("evertask", "get", "nobody", "-n", namespace).returncode == 3


def test_help_speaks_of_kubectl_evertask(kubectl):
    assert "Usage: kubectl evertask list" in kubectl("evertask", "list", "--help").stdout
