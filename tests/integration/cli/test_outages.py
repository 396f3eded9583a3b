"""What a command does that waits while the API server is away; and one that does not."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from tests.support.api_client import ApiClient
from tests.support.tasks import StoredTask

if TYPE_CHECKING:
    from hack.cluster.light import LightControlPlane


def command(plane: LightControlPlane, *arguments: str) -> list[str]:
    return [sys.executable, "-u", "-m", "evertask.cli", *arguments, "--kubeconfig", plane.kubeconfig]


def test_wait_goes_on_across_a_restart_of_the_api_server(plane, owner):
    StoredTask(owner, "default", "a").create()
    with subprocess.Popen(
        command(plane, "wait", "a"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "a Pending\n"
        plane.stop_apiserver(abruptly=True)
        plane.start_apiserver()
        with closing(ApiClient(plane.server, plane.ca, plane.token)) as client:
            StoredTask(client, "default", "a").patch_status({"state": "Completed"})
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out.split()) == (0, ["a", "Completed"])


def test_a_list_gives_up_soon_and_ends_with_code_5(plane):
    plane.stop_apiserver(abruptly=True)
    try:
        done = subprocess.run(command(plane, "list"), capture_output=True, text=True, check=False, timeout=60)
    finally:
        plane.start_apiserver()
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (5, "", 1)
    assert "no answer from" in done.stderr
