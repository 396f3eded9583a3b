"""The command line with the log of everything at DEBUG: the token of the kubeconfig is in no line of it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.operator_processes import write_kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

AT_DEBUG = (
    "import logging, sys; logging.basicConfig(level=0); "
    "import http.client; http.client.HTTPConnection.debuglevel = 1; "
    "from evertask.cli.app import app; app(prog_name='evertask')"
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["get", "absent"],
        ["list", "--no-such-option"],
        ["create", "--handler", "a:b", "--payload", "{"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("server", ["the-real-one", "https://127.0.0.1:1"])
def test_a_token_is_in_no_line_of_its_log(control_plane, tmp_path: Path, arguments, server):
    url = control_plane.server if server == "the-real-one" else server
    path = write_kubeconfig(tmp_path / "config", url, control_plane.token, control_plane.ca)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", AT_DEBUG, *arguments],
        env={
            **os.environ,
            "KUBECONFIG": str(path),
            "PYTHONASYNCIODEBUG": "1",
            "_TYPER_STANDARD_TRACEBACK": "1",
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "DEBUG" in done.stderr or done.returncode == 2
    assert control_plane.token not in done.stdout + done.stderr


def test_a_failure_of_the_command_lines_own_shows_no_locals(control_plane, tmp_path: Path):
    """typer's tracebacks show local variables where they are asked to."""
    path = write_kubeconfig(tmp_path / "config", control_plane.server, control_plane.token, control_plane.ca)
    crash = (
        "import evertask.connection.http as http\n"
        "def crash(*_, **__): raise RuntimeError('crash')\n"
        "http.describe = crash\n"
        "from evertask.cli.app import app; app(prog_name='evertask')"
    )
    done = subprocess.run(
        [sys.executable, "-c", crash, "list"],
        env={**os.environ, "KUBECONFIG": str(path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "crash" in done.stderr
    assert control_plane.token not in done.stdout + done.stderr
