"""What docs/howto/recurring-tasks.md tells people to write is accepted, and gives what it says there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from evertask.api.task import EverTaskSpec
from evertask.cli.app import app
from evertask.recurrence import compile_recurrence, describe

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "howto" / "recurring-tasks.md").read_text("utf-8")
HANDLER = {"handler": "evertask_runner.examples:hello"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


FILES = {
    block.splitlines()[0].removeprefix("# "): block for block in blocks("yaml") if block.startswith("# ")
}
"""Whole documents, by the name in their first line."""


def spec_of(block: str) -> dict[str, Any]:
    content = yaml.safe_load(block)
    spec: dict[str, Any] = content.get("spec") or HANDLER | content
    return spec


def accepted(spec: dict[str, Any]) -> EverTaskSpec:
    return EverTaskSpec.model_validate(spec, strict=True, by_alias=True, by_name=False)


def merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        result[key] = merged(result.get(key), value)
    return {key: value for key, value in result.items() if value is not None}


def commands(program: str) -> list[tuple[list[str], str]]:
    """Give the commands of a program, and what is printed after each."""
    found = []
    for block in blocks("console"):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, _, output = part.partition("\n")
            words = shlex.split(command)
            if words[0] == program:
                found.append((words[1:], output))
    return found


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: " ".join(block.split())[:40])
def test_every_schedule_is_one(block):
    recurrence = accepted(spec_of(block)).recurrence
    assert recurrence is not None
    assert describe(compile_recurrence(recurrence).recurrence)


PATCHES = [
    json.loads(words[words.index("-p") + 1]) for words, _ in commands("kubectl") if words[0] == "patch"
]


@pytest.mark.parametrize("patch", PATCHES, ids=json.dumps)
def test_every_change_gives_a_task(patch):
    spec = merged({"spec": spec_of(FILES["report.yaml"])}, patch)["spec"]
    assert accepted(spec).recurrence is not None


@pytest.mark.parametrize(
    ("arguments", "output"), commands("evertask"), ids=lambda value: " ".join(value)[:40]
)
def test_the_command_line_prints_what_is_said(arguments, output, tmp_path, monkeypatch):
    for name, block in FILES.items():
        (tmp_path / name).write_text(block, "utf-8")
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, arguments)
    assert (answer.exit_code, answer.stdout.strip()) == (0, output.strip())


def test_there_is_something_to_check():
    assert len(FILES) == 1
    assert len(blocks("yaml")) >= 5
    assert len(PATCHES) >= 5
    assert commands("evertask")
