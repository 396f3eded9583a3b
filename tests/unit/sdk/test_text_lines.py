"""An answer in text, split into lines as it comes."""

from __future__ import annotations

import asyncio
from unittest.mock import create_autospec

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from evertask.connection.paths import Target
from evertask.connection.watches import events, text_lines


def stream(*chunks: bytes) -> StreamReader:
    """Give the body of an answer that has come whole."""
    made = StreamReader(create_autospec(BaseProtocol), 2**16, loop=asyncio.get_running_loop())
    for chunk in chunks:
        made.feed_data(chunk)
    made.feed_eof()
    return made


async def lines_of(*chunks: bytes, unfinished: bool = True) -> list[bytes]:
    return [line async for line in text_lines(stream(*chunks), None, unfinished=unfinished)]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([b"one\ntwo\n"], [b"one", b"two"], id="two-lines"),
        pytest.param([b"on", b"e\nt", b"wo\n"], [b"one", b"two"], id="cut-anywhere"),
        pytest.param([b"one\n\ntwo\n"], [b"one", b"", b"two"], id="an-empty-line"),
        pytest.param([b"one\ntw"], [b"one", b"tw"], id="no-break-at-the-end"),
        pytest.param([b"x" * 300_000 + b"\n"], [b"x" * 300_000], id="a-long-line"),
    ],
)
async def test_text_is_given_line_by_line(chunks, lines):
    assert await lines_of(*chunks) == lines


async def test_half_a_line_is_left_out_unless_asked_for():
    assert await lines_of(b"one\ntw", unfinished=False) == [b"one"]


async def test_a_silent_stream_is_given_up():
    silent = StreamReader(create_autospec(BaseProtocol), 2**16, loop=asyncio.get_running_loop())
    with pytest.raises(TimeoutError):
        await anext(text_lines(silent, 0.01))


async def test_half_an_event_at_the_end_of_a_watch_is_no_event():
    body = stream(b'{"type": "ADDED", "object": {"metadata": {"resourceVersion": "7"}}}\n\n{"type": "MODI')
    found = [event async for event in events(body, Target("watch", "", "pods"), 1.0)]
    assert found == [("ADDED", {"metadata": {"resourceVersion": "7"}})]
