"""Which documents of a file are EverTasks, and what is said where there are none."""

from __future__ import annotations

import io
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from evertask.cli.documents import read_documents
from evertask.cli.exits import INVALID, CommandFailedError

TASK = "apiVersion: evertask.io/v1alpha1\nkind: EverTask\nmetadata: {name: NAME}\nspec: {handler: 'a:b'}\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"


def task(name: str) -> str:
    return TASK.replace("NAME", name)


def as_object(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": name},
        "spec": {"handler": "a:b"},
    }


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes):
        path = tmp_path / "tasks.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return [(document.name, document.number) for document in read_documents(str(path))]

    return read


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(task("a"), [("a", 1)], id="one"),
        pytest.param(f"---\n{task('a')}---\n{task('b')}", [("a", 1), ("b", 2)], id="two"),
        pytest.param(f"{CONFIG_MAP}---\n{task('a')}", [("a", 2)], id="beside-another-kind"),
        pytest.param(f"---\n---\n{task('a')}...\n", [("a", 1)], id="after-an-empty-one"),
        pytest.param(f"%YAML 1.1\n---\n{task('a')}", [("a", 1)], id="with-a-directive"),
        pytest.param(json.dumps(as_object("a")), [("a", 1)], id="json"),
        pytest.param(json.dumps(as_object("a"), indent="\t"), [("a", 1)], id="json-with-tabs"),
        pytest.param(
            json.dumps(as_object("a")) + "\n" + json.dumps(as_object("b")),
            [("a", 1), ("b", 2)],
            id="json-stream",
        ),
        pytest.param(
            json.dumps(as_object("a")) + "\n---\n" + task("b"), [("a", 1), ("b", 2)], id="json-then-yaml"
        ),
        pytest.param(
            "{kind: EverTask, metadata: {name: a}, spec: {handler: 'a:b'}}",
            [("a", 1)],
            id="flow-without-version",
        ),
        pytest.param(
            json.dumps({"kind": "List", "items": [as_object("a"), {"kind": "Pod"}, as_object("b")]}),
            [("a", 1), ("b", 3)],
            id="list",
        ),
        pytest.param(
            json.dumps({"kind": "EverTaskList", "items": [as_object("a")]}), [("a", 1)], id="list-of-tasks"
        ),
        pytest.param(task("a").replace("v1alpha1", "v9"), [("a", 1)], id="of-another-version"),
        pytest.param("kind: EverTask", [(None, 1)], id="without-anything"),
        pytest.param(
            f"apiVersion: other.io/v1\nkind: EverTask\n---\n{task('a')}", [("a", 2)], id="of-another-group"
        ),
        pytest.param(task("é").encode("utf-16"), [("é", 1)], id="utf-16"),
        pytest.param(task("a").encode("utf-8-sig"), [("a", 1)], id="byte-order-mark"),
    ],
)
def test_the_evertasks_of_a_file(read, text, found):
    assert read(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", r"there is no EverTask in it; .* \(it is empty\)", id="empty"),
        pytest.param("---\n# nothing\n", "it is empty", id="only-a-comment"),
        pytest.param(
            CONFIG_MAP,
            r"kind: EverTask and apiVersion: evertask.io/v1alpha1 \(found: ConfigMap\)",
            id="another-kind",
        ),
        pytest.param(
            task("a").replace("kind: EverTask", "kind: Evertask"), r"\(found: Evertask\)", id="misspelt"
        ),
        pytest.param("just a text", r"\(found: no object\)", id="text"),
        pytest.param("a: 1", r"\(found: no kind\)", id="no-kind"),
        pytest.param(
            "a: 1\nb: [",
            "tasks.yaml, line 3, column 1: this is not YAML: .*; correct it there",
            id="open-bracket",
        ),
        pytest.param("a:\n\tb: 1", "line 2, column 1: this is not YAML: found character", id="tab"),
        pytest.param("cron: * * * * *", "line 1, column 8: this is not YAML", id="unquoted-asterisk"),
        pytest.param('{"kind": "EverTask", }}', "line 1, column 23: this is not YAML", id="json"),
        pytest.param(b"\xff\xfa\x00a", "this is not YAML", id="bytes"),
        pytest.param("a: b\x07", "this is not YAML: .*control characters", id="control-character"),
        pytest.param("[" * 5000, "nested too deeply|this is not YAML", id="nested"),
        pytest.param("&a {kind: List, items: [*a]}", "nested too deeply", id="endless"),
    ],
)
def test_a_file_without_one_is_refused_with_the_place_or_with_what_it_holds(read, text, message):
    with pytest.raises(CommandFailedError, match=message) as refusal:
        read(text)
    assert refusal.value.code == INVALID


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        pytest.param("missing.yaml", "No such file or directory", id="missing"),
        pytest.param(".", "Is a directory", id="directory"),
        pytest.param("a\0b", "null", id="no-name-of-a-file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch, file, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        CommandFailedError, match=f"--file: {re.escape(repr(file))} cannot be read: .*{reason}"
    ):
        read_documents(file)


def test_a_hyphen_is_the_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(task("a").encode())))
    assert [document.label for document in read_documents("-")] == ["a (document 1)"]
