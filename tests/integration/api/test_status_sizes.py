"""How large a status becomes at worst: hostile texts are bounded, and the API server takes what is left of them."""

from __future__ import annotations

import json

import pytest

from evertask.api import protocol
from evertask.api.protocol import Phase
from tests.support.tasks import StoredTask
from tests.support.worst_statuses import stored_bytes, worst_one_shot, worst_run, worst_series

STATUS_BYTES = 512 * 1024
"""What docs/howto/retention.md promises for a task with one open run."""

RUN_BYTES = 80 * 1024
"""And for each further one."""

ETCD_BYTES = 1536 * 1024
"""The largest object that a cluster takes, unless it is set otherwise."""

CHARACTERS = pytest.mark.parametrize(
    "character", ["<", "\x01", "\u2028", "😀", "é", '"', "x"], ids=lambda char: f"U+{ord(char):04X}"
)


def take_and_read_back(task: StoredTask, status):
    body = json.dumps({"status": status}, ensure_ascii=False).encode()
    path = f"{task.status_path}?fieldValidation=Strict"
    answer = task.client("PATCH", path, body, "application/merge-patch+json")
    assert answer.status == 200, answer
    return task.get()["status"]


@CHARACTERS
@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_the_largest_one_shot_is_bounded_and_taken(admin, namespace, character, phase):
    status = worst_one_shot(character, phase)
    assert stored_bytes(status) <= STATUS_BYTES
    assert take_and_read_back(StoredTask(admin, namespace).create(), status) == status


@CHARACTERS
def test_the_largest_series_is_bounded_and_taken_beside_the_largest_payload(admin, namespace, character):
    status = worst_series(character)
    assert stored_bytes(status) <= STATUS_BYTES
    payload = {"text": "x" * (protocol.PAYLOAD_LIMIT - 100)}
    task = StoredTask(admin, namespace).create(recurrence={"every": "1h"}, payload=payload)
    assert take_and_read_back(task, status) == status
    assert stored_bytes(task.get()) < ETCD_BYTES


@CHARACTERS
def test_a_further_open_run_is_bounded(character):
    assert stored_bytes(worst_run(character)) <= RUN_BYTES


@CHARACTERS
def test_history_and_transitions_keep_within_their_bytes(character):
    status = worst_series(character)
    for field, limit in (("history", protocol.HISTORY_BYTES), ("transitions", protocol.TRANSITIONS_BYTES)):
        entries = status[field]
        size = len(json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode())
        assert size <= limit or len(entries) == 1, "the newest stays in any case"
