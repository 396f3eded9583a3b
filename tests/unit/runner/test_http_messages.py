"""Reading and writing HTTP/1.1."""

from __future__ import annotations

import io

import pytest

from evertask_runner.http_messages import MalformedAnswerError, build_request, read_answer


def read(data: bytes):
    return read_answer(io.BytesIO(data))


def test_a_request_carries_its_length():
    request = build_request("PATCH", "/a", {"Host": "h:1"}, b"[]")
    assert request == b"PATCH /a HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\n\r\n[]"


@pytest.mark.parametrize(
    ("data", "status", "body", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcREST", 200, b"abc", True),
        (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, b"", True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
            200,
            b"abcde",
            True,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 No\r\nContent-Length: 1\r\n\r\n!", 422, b"!", True),
        (b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\nuntil the end", 500, b"until the end", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
        (b"HTTP/1.1 204 None\r\n\r\n", 204, b"", True),
    ],
    ids=["length", "empty", "chunked", "no-chunks", "continue", "to-the-end", "close", "http-1.0", "no-body"],
)
def test_an_answer_is_read_to_its_end(data, status, body, keeps):
    answer = read(data)
    assert (answer.status, answer.body, answer.keeps_connection) == (status, body, keeps)


def test_header_names_are_lower_case():
    assert (
        read(b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n").headers["retry-after"]
        == "3"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
    ],
    ids=[
        "nothing",
        "cut-headers",
        "cut-body",
        "negative-length",
        "length-in-words",
        "huge-length",
        "cut-chunk",
        "chunk-size-in-words",
        "no-last-chunk",
        "another-protocol",
        "no-status",
    ],
)
def test_a_cut_or_senseless_answer_is_an_error_and_never_half_an_answer(data):
    with pytest.raises(MalformedAnswerError):
        read(data)
