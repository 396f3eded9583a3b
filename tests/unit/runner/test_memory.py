"""The kernel's counter of processes killed for want of memory."""

from __future__ import annotations

import pytest

from evertask_runner.memory import parse_oom_kills


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", 2),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1),
        ("oom_kill_disable 0\nunder_oom 0\n", None),
        ("", None),
    ],
    ids=["v2", "v1", "old-kernel", "empty"],
)
def test_the_counter_is_found_in_both_versions(text, count):
    assert parse_oom_kills(text) == count
