"""Whoever is about to write makes sure that it may."""

from __future__ import annotations

import pytest

from evertask_operator.leadership.standing import Standing


class LeftError(Exception):
    """The process would have ended."""


def standing_at(now: float, renewed_at: float | None) -> Standing:
    """What one knows of oneself at an instant."""

    def leave(reason):
        raise LeftError(reason)

    made = Standing(4.0, clock=lambda: now, leave=leave)
    made.renewed_at = renewed_at
    return made


def test_who_has_renewed_may_write():
    standing = standing_at(103.9, renewed_at=100.0)
    standing.insist()
    assert standing.leads


def test_who_slept_past_the_deadline_leaves():
    with pytest.raises(LeftError, match=r"last renewed 4\.0 s ago"):
        standing_at(104.0, renewed_at=100.0).insist()


def test_who_was_never_elected_leaves():
    standing = standing_at(100.0, renewed_at=None)
    assert not standing.leads
    with pytest.raises(LeftError, match="does not hold the Lease"):
        standing.insist()
