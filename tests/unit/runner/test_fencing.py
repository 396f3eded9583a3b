"""When a pod that is not answered ends its handler."""

from __future__ import annotations

import pytest

from evertask_runner.fencing import Fence


@pytest.mark.parametrize(
    ("limit", "grace", "stop", "kill"),
    [(60, 10, 50, 60), (60, 30, 30, 60), (10, 3600, 5, 10), (10, 0, 10, 10)],
    ids=["grace-fits", "half", "grace-is-longer-than-the-limit", "no-grace"],
)
def test_the_token_fires_in_time_for_the_grace_period(limit, grace, stop, kill):
    fence = Fence(limit, grace, now=1000)
    assert (fence.stop_at, fence.kill_at) == (1000 + stop, 1000 + kill)


def test_each_answer_counts_from_when_it_was_asked_for():
    fence = Fence(60, 10, now=1000)
    fence.answered(1020)
    fence.answered(1010)
    assert fence.kill_at == 1080


def test_the_api_server_is_asked_three_times_within_the_limit():
    assert Fence(60, 10, now=0).interval == 20
