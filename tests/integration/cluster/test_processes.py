"""Only verified own processes are ever ended."""

import json
import shutil

import pytest

from hack.cluster.paths import ClusterError
from hack.cluster.processes import ProcessFolder, Program

SLEEP = Program("sleeper", (shutil.which("sleep") or "/bin/sleep", "60"))
FAILS = Program("broken", (shutil.which("ls") or "/bin/ls", "/no/such/folder"))


@pytest.fixture
def processes(tmp_path):
    folder = ProcessFolder(tmp_path)
    yield folder
    for name in folder.names():
        folder.stop(name)


def forge(processes, name, **changes):
    path = processes.pids / f"{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_stopped_process_is_gone(processes):
    processes.start(SLEEP)
    processes.stop("sleeper")
    assert processes.alive("sleeper") is None
    assert processes.names() == []


def test_a_running_process_is_not_started_twice(processes):
    assert processes.start(SLEEP) == processes.start(SLEEP)


@pytest.mark.parametrize(
    "change", [{"start_time": 1}, {"boot": "another boot"}], ids=["reused pid", "reboot"]
)
def test_a_pid_that_now_belongs_to_somebody_else_is_never_signalled(processes, change):
    pid = processes.start(SLEEP)
    original = json.loads((processes.pids / "sleeper.json").read_text())
    forge(processes, "sleeper", **change)
    processes.stop("sleeper")
    (processes.pids / "sleeper.json").write_text(json.dumps(original))
    assert processes.alive("sleeper") == pid


def test_a_part_that_dies_shows_the_end_of_its_log(processes):
    processes.start(FAILS)
    with pytest.raises(ClusterError, match="/no/such/folder"):
        processes.wait_healthy("broken", lambda: False, 10)
