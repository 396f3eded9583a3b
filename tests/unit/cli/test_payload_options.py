"""``--payload`` and ``-p``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.cli.exits import INVALID, CommandFailedError
from evertask.cli.payload_options import payload_from

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "parameters", "payload"),
    [
        pytest.param(None, [], {}, id="nothing"),
        pytest.param(
            '{"a": null, "b": [1.5, {"c": true}]}', [], {"a": None, "b": [1.5, {"c": True}]}, id="any-json"
        ),
        pytest.param(
            None,
            ["n=3", "x=1.5", "ok=true", "none=null"],
            {"n": 3, "x": 1.5, "ok": True, "none": None},
            id="json",
        ),
        pytest.param(
            None,
            ["l=[1, 2]", 'o={"a": 1}', 's="3"'],
            {"l": [1, 2], "o": {"a": 1}, "s": "3"},
            id="json-values",
        ),
        pytest.param(
            None,
            ["a=eu", "b=1h", "c=", "d=a=b", "e={x"],
            {"a": "eu", "b": "1h", "c": "", "d": "a=b", "e": "{x"},
            id="strings",
        ),
        pytest.param(None, ["a=NaN", "b=Infinity"], {"a": "NaN", "b": "Infinity"}, id="no-numbers-of-json"),
        pytest.param('{"a": 1, "b": 2}', ["a=3"], {"a": 3, "b": 2}, id="a-parameter-wins"),
        pytest.param(None, ["a=1", "a=2"], {"a": 2}, id="the-last-one-wins"),
    ],
)
def test_payloads(text, parameters, payload):
    assert payload_from(text, parameters) == payload


def test_a_payload_from_a_file(tmp_path: Path):
    file = tmp_path / "payload.json"
    file.write_bytes(b'\xef\xbb\xbf{"city": "Z\xc3\xbcrich"}\n')
    assert payload_from(f"@{file}", []) == {"city": "Zürich"}


@pytest.mark.parametrize(
    ("text", "parameters", "said"),
    [
        pytest.param("{", [], "--payload is not JSON", id="no-json"),
        pytest.param("", [], "--payload is not JSON", id="empty"),
        pytest.param('"eu"', [], "must be a JSON object; it is a string", id="a-string"),
        pytest.param("null", [], "must be a JSON object; it is null", id="null"),
        pytest.param("3", [], "must be a JSON object; it is a number", id="a-number"),
        pytest.param('{"a": NaN}', [], "NaN is no JSON value", id="nan"),
        pytest.param('{"a": 1, "a": 2}', [], "the key 'a' is there twice", id="twice"),
        pytest.param("[" * 100_000, [], "--payload is nested too deeply", id="deep"),
        pytest.param(
            "@nowhere.json", [], "--payload @nowhere.json cannot be read: No such file", id="no-file"
        ),
        pytest.param(None, ["region"], "-p 'region' is not key=value", id="no-value"),
        pytest.param(None, ["=eu"], "-p '=eu' is not key=value", id="no-key"),
        pytest.param(
            None, ["a=[99999999999999999999]"], "payload.a[0] holds 99999999999999999999", id="65-bits"
        ),
        pytest.param('{"a": 1e999}', [], "payload.a holds a number beyond", id="infinite"),
        pytest.param('{"a": "\\ud800"}', [], "half of a surrogate pair", id="surrogate"),
        pytest.param(None, [f"a={'x' * 600_000}"], "the limit is 524,288", id="large"),
    ],
)
def test_what_cannot_be_a_payload_is_said_with_its_place(text, parameters, said):
    with pytest.raises(CommandFailedError) as caught:
        payload_from(text, parameters)
    assert said in str(caught.value)
    assert caught.value.code == INVALID


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path):
    file = tmp_path / "payload.json"
    file.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(CommandFailedError, match="is not UTF-8"):
        payload_from(f"@{file}", [])
