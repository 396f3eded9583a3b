"""The light control plane ends with its users and keeps its data over a crash of the API server."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hack.cluster.light import LightControlPlane
from hack.cluster.paths import SOURCES

HOLD = """\
import sys
from hack.cluster.light import LightControlPlane
with LightControlPlane() as plane:
    print(plane.folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def plane():
    with LightControlPlane() as plane:
        yield plane


def test_objects_survive_a_crash_of_the_api_server(plane):
    plane.kubectl("create", "configmap", "kept")
    plane.stop_apiserver(abruptly=True)
    plane.start_apiserver()
    assert "kept" in plane.kubectl("get", "configmap", "kept", "-o", "name")


def test_it_is_the_release_that_the_full_cluster_runs(plane):
    assert "v1.34" in plane.kubectl("get", "--raw", "/version")


def test_a_second_user_of_a_shared_plane_joins_it(plane):
    with LightControlPlane(name=plane.folder.name) as joined:
        assert joined.server == plane.server
    assert plane.kubectl("get", "namespace", "default", "-o", "name") == "namespace/default\n"


def test_a_plane_whose_user_was_killed_leaves_nothing():
    user = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=SOURCES.parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    folder = Path(user.stdout.readline().strip())
    assert (folder / "serves").exists()
    user.kill()
    user.communicate()
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not folder.exists()
