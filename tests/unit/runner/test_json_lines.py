"""The messages between parent and child."""

from __future__ import annotations

from typing import Any

import pytest

from evertask_runner.json_lines import LineBuffer, decode_json, encode_json, encode_line


@pytest.mark.parametrize(
    "value",
    [
        {"a": "line\nbreak"},
        {"a": "$(X) $$ é \u2028"},
        {"a": [1.5, -0.5, 1e300, 2**63 - 1, None, True]},
        {"": {}},
    ],
    ids=["line-break", "text", "numbers", "empty-key"],
)
def test_a_message_arrives_as_it_was_sent(value):
    assert list(LineBuffer().feed(encode_line(value))) == [value]


def test_a_message_may_arrive_byte_by_byte():
    buffer = LineBuffer()
    found: list[dict[str, Any]] = []
    for byte in encode_line({"n": 1}) + encode_line({"n": 2}):
        found += buffer.feed(bytes([byte]))
    assert found == [{"n": 1}, {"n": 2}]


def test_json_deeper_than_the_interpreter_allows_is_read_and_written():
    text = b"[" * 5000 + b"]" * 5000
    assert encode_json(decode_json(text)) == text


def test_a_number_that_json_does_not_know_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json({"a": float("nan")})
