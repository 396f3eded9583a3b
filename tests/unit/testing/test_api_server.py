"""The parts that stand in for the API server: patches and selectors."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.testing.patches import PatchError, apply_json_patch, apply_merge_patch
from evertask.testing.selection import Selection, SelectorError

DOCUMENT = {"a": {"b": 1}, "list": [1, 2], "x/y~z": True}


@pytest.mark.parametrize(
    ("operation", "path", "value", "expected"),
    [
        pytest.param("add", "/a/c", 2, {**DOCUMENT, "a": {"b": 1, "c": 2}}, id="add"),
        pytest.param("add", "/a/b", 2, {**DOCUMENT, "a": {"b": 2}}, id="add-replaces"),
        pytest.param("add", "/list/1", 9, {**DOCUMENT, "list": [1, 9, 2]}, id="insert"),
        pytest.param("add", "/list/-", 9, {**DOCUMENT, "list": [1, 2, 9]}, id="append"),
        pytest.param("replace", "/a/b", None, {**DOCUMENT, "a": {"b": None}}, id="replace"),
        pytest.param("remove", "/a/b", None, {**DOCUMENT, "a": {}}, id="remove"),
        pytest.param("remove", "/list/0", None, {**DOCUMENT, "list": [2]}, id="remove-from-a-list"),
        pytest.param("test", "/x~1y~0z", True, DOCUMENT, id="escaped"),
        pytest.param("test", "/a/none", None, DOCUMENT, id="absent-is-null"),
    ],
)
def test_a_json_patch(operation: str, path: str, value: Any, expected: Any) -> None:
    assert apply_json_patch(DOCUMENT, [{"op": operation, "path": path, "value": value}]) == expected


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        pytest.param({"op": "test", "path": "/a/b", "value": 2}, "testing value /a/b failed", id="test"),
        pytest.param({"op": "test", "path": "/a/b", "value": True}, "failed", id="true-is-not-1"),
        pytest.param({"op": "remove", "path": "/a/none"}, "/a/none is absent", id="remove"),
        pytest.param({"op": "replace", "path": "/a/none", "value": 1}, "is absent", id="replace"),
        pytest.param({"op": "add", "path": "/none/b", "value": 1}, "the parent of /none/b", id="parent"),
    ],
)
def test_a_patch_that_does_not_apply_changes_nothing(operation: dict[str, Any], sentence: str) -> None:
    document = {"a": {"b": 1}}
    with pytest.raises(PatchError, match=sentence):
        apply_json_patch(document, [{"op": "add", "path": "/a/c", "value": 1}, operation])
    assert document == {"a": {"b": 1}}


def test_a_merge_patch_merges_and_removes() -> None:
    merged = apply_merge_patch({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": 3}, "d": [2]})
    assert merged == {"a": {"c": 2, "e": 3}, "d": [2]}


TASK = {
    "metadata": {"namespace": "shop", "name": "a", "labels": {"team": "x"}},
    "spec": {"queue": "a,b"},
    "status": {"state": "Pending"},
}


@pytest.mark.parametrize(
    ("namespace", "params", "taken"),
    [
        ("shop", {}, True),
        ("mail", {}, False),
        (None, {"labelSelector": "team=x"}, True),
        (None, {"labelSelector": "team!=x"}, False),
        (None, {"labelSelector": "team==y"}, False),
        (None, {"labelSelector": "team in (y, x),other notin (z)"}, True),
        (None, {"labelSelector": "team notin (x)"}, False),
        (None, {"fieldSelector": "metadata.name=a,status.state!=Completed"}, True),
        (None, {"fieldSelector": r"spec.queue=a\,b"}, True),
        (None, {"fieldSelector": "spec.taskKey!="}, False),
    ],
)
def test_a_selector(*, namespace: str | None, params: dict[str, str], taken: bool) -> None:
    assert Selection.of(namespace, params).takes(TASK) is taken


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"fieldSelector": "spec.handler=x"}, "field label not supported: spec.handler"),
        ({"labelSelector": "team"}, "unable to parse requirement 'team'"),
    ],
)
def test_a_selector_that_the_api_server_refuses(params: dict[str, str], sentence: str) -> None:
    with pytest.raises(SelectorError, match=sentence):
        Selection.of(None, params)
