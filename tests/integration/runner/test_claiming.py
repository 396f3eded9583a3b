"""Write 4 by real runners: who is let in, who is not, and what a lost answer changes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from evertask_runner.api_client import ApiClient
from evertask_runner.claims import Claimed, claim
from evertask_runner.clocks import Clock
from evertask_runner.environment import parse_api_server
from evertask_runner.patches import Holder
from evertask_runner.persistence import Patience, Persistence
from evertask_runner.waiting import Appointment
from tests.support.runner_pods import RUN, open_run, wait_for

if TYPE_CHECKING:
    from evertask_runner.claims import NotClaimed


def run_entry(task) -> dict[str, Any]:
    entry: dict[str, Any] = task.get()["status"]["runs"][RUN]
    return entry


def test_a_claimed_run_shows_its_holder(launched, pod, tmp_path):
    task = launched("work:wait_for_file", payload={"folder": str(tmp_path)})
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        status = task.get()["status"]
        assert (status["state"], status["message"]) == ("InProgress", "runs in pod pod-a")
        entry = status["runs"][RUN]
        assert (entry["phase"], entry["podName"], entry["attempt"]) == ("Running", "pod-a", 1)
        (tmp_path / "go").touch()
        assert runner.wait() == 0
    assert task.get()["status"]["result"] == "attempt 1"


def cancel(task):
    task.patch_spec({"cancel": True})


def suspend(task):
    task.patch_spec({"suspend": True})


def hold_by_another(task):
    task.patch_status({"runs": {RUN: {"podName": "pod-b", "phase": "Running"}}})


def move_on(task):
    task.patch_status({"launches": 2, "runs": {RUN: {"launch": 2}}})


def withdraw(task):
    task.patch_status({"runs": {RUN: None}})


def delete(task):
    task.client("DELETE", task.path)


@pytest.mark.parametrize(
    ("obstacle", "said"),
    [
        (cancel, "the task is cancelled"),
        (suspend, "the task is suspended"),
        (hold_by_another, "the pod pod-b holds the run"),
        (move_on, "the run was given to launch 2"),
        (withdraw, f"the run {RUN} was withdrawn"),
        (delete, "the task is gone"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_run_that_is_not_this_pods_is_left_alone(launched, pod, obstacle, said):
    task = launched("work:nothing")
    runner = pod(task)
    obstacle(task)
    before = task.get()
    with runner:
        assert runner.wait() == 0
    assert f"nothing to do: {said}" in runner.log
    assert runner.termination_message is None
    assert task.get() == before


def test_a_task_of_the_same_name_is_another_task(launched, pod, admin):
    runner = pod(launched("work:nothing"))
    admin("DELETE", launched("work:nothing", name="b").path)
    task = launched("work:nothing", name="c")
    admin("DELETE", f"{task.collection}/a")
    recreated = launched("work:nothing", name="a")
    with runner:
        assert runner.wait() == 0
    assert "another one has its name" in runner.log
    assert run_entry(recreated)["phase"] == "Launching"


def test_a_lost_answer_to_the_claim_changes_nothing(launched, pod, proxy):
    task = launched("work:about")
    proxy.lose_answer()
    with pod(task, proxy.url) as runner:
        assert runner.wait() == 0
    assert proxy.lost.is_set()
    assert task.get()["status"]["state"] == "Completed"


def test_a_claim_waits_for_an_api_server_that_cannot_be_reached(launched, pod, proxy):
    task = launched("work:nothing")
    proxy.refuse()
    with pod(task, proxy.url) as runner:
        wait_for(lambda: "does not take a write" in runner.log)
        proxy.heal()
        assert runner.wait() == 0
    assert task.get()["status"]["state"] == "Completed"


def test_a_token_that_becomes_valid_is_taken_up(launched, pod, credentials):
    task = launched("work:nothing")
    good = (credentials / "token").read_text()
    (credentials / "token").write_text("not-a-token")
    with pod(task) as runner:
        wait_for(lambda: "401" in runner.log)
        (credentials / "token").write_text(good)
        assert runner.wait() == 0
    assert task.get()["status"]["state"] == "Completed"


def test_the_handler_of_the_answer_decides_and_not_the_jobs(launched, pod):
    task = launched("work:odd_result")
    runner = pod(task)
    task.patch_spec({"handler": "work:about"})
    with runner:
        assert runner.wait() == 0
    assert "names the handler work:about now" in runner.log
    assert task.get()["status"]["result"]["name"] == "a"


def test_sigterm_before_the_claim_ends_the_runner_at_once(launched, pod, proxy):
    task = launched("work:nothing")
    proxy.freeze()
    with pod(task, proxy.url) as runner:
        wait_for(runner.children)
        time.sleep(0.3)
        runner.terminate()
        assert runner.wait(5) == 143
    assert run_entry(task)["phase"] == "Launching"


def test_a_missing_variable_is_named_in_log_and_termination_message(launched, pod):
    with pod(launched("work:nothing"), EVERTASK_RUN="") as runner:
        assert runner.wait() == 78
    assert "EVERTASK_RUN is missing" in runner.log
    assert "EVERTASK_RUN is missing" in runner.termination_message["error"]["message"]


CLAIMANTS, ROUNDS = 20, 50


def test_of_twenty_claimants_exactly_one_is_let_in_fifty_times(launched, control_plane, credentials):
    task = launched("work:nothing")
    uid = task.get()["metadata"]["uid"]
    address = parse_api_server(control_plane.server)
    barrier = threading.Barrier(CLAIMANTS + 1)
    results: list[tuple[int, str, Claimed | NotClaimed]] = []

    def compete(name: str) -> None:
        client = ApiClient(address, str(credentials))
        persistence = Persistence(client, task.status_path, Patience(time.sleep, lambda: None))
        for launch in range(1, ROUNDS + 1):
            barrier.wait()
            due = Appointment(None, Clock(time.sleep))
            results.append((launch, name, claim(persistence, Holder(uid, RUN, launch, name), due)))
            barrier.wait()
        client.close()

    threads = [threading.Thread(target=compete, args=(f"pod-{number}",)) for number in range(CLAIMANTS)]
    for thread in threads:
        thread.start()
    holders = {}
    for launch in range(1, ROUNDS + 1):
        task.patch_status({"runs": {RUN: None}})
        open_run(task, launch=launch)
        barrier.wait()
        barrier.wait()
        holders[launch] = run_entry(task)["podName"]
    for thread in threads:
        thread.join()
    winners = [(launch, name) for launch, name, result in results if isinstance(result, Claimed)]
    assert len(results) == CLAIMANTS * ROUNDS
    assert sorted(winners) == sorted(holders.items())
