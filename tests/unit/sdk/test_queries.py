"""The token of a page: what it keeps, and what it refuses."""

from __future__ import annotations

import pytest

from evertask import State
from evertask.filters import filters_of
from evertask.queries import Position, read_token, write_token

HERE = Position("eyJydiI6Nn0", "task-17")
DIGEST = filters_of(state=State.FAILED).digest("shop")


def test_a_token_gives_the_position_back():
    token = write_token(HERE, DIGEST)
    assert read_token(token, DIGEST) == HERE
    assert token.replace("-", "").replace("_", "").isalnum()  # fit for a URL as it is


@pytest.mark.parametrize("token", ["", "x", "====", "bnVsbA", "WzFd", "WzIsImEiLCIiLCIiXQ", "é"])
def test_what_is_no_token_is_an_error(token):
    with pytest.raises(ValueError, match="is none that a Page gave; leave it out for the first page"):
        read_token(token, DIGEST)


@pytest.mark.parametrize(
    ("asked", "namespace"),
    [
        pytest.param({"state": State.QUEUED}, "shop", id="state"),
        pytest.param({"state": State.FAILED, "handler": "a:b"}, "shop", id="handler"),
        pytest.param({"state": State.FAILED}, "bank", id="namespace"),
    ],
)
def test_a_token_belongs_to_its_query(asked, namespace):
    with pytest.raises(ValueError, match="belongs to a query with other filters"):
        read_token(write_token(HERE, DIGEST), filters_of(**asked).digest(namespace))


def test_the_order_of_states_makes_no_other_query():
    one, other = ([State.FAILED, State.CANCELLED], [State.CANCELLED, State.FAILED])
    assert filters_of(state=one).digest("shop") == filters_of(state=other).digest("shop")
