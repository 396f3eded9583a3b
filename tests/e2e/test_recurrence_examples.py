"""The files of examples/40-recurrence: the API server takes each, the command line says when it runs, one is run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from evertask.api.protocol import State
from evertask.cli.app import app
from hack.images.wheels import ROOT
from tests.support.live_series import counts_of, history_of
from tests.support.live_tasks import LiveTask

if TYPE_CHECKING:
    from pathlib import Path

    from hack.kubectl import Kubectl
    from tests.support.workspaces import Workspace

FILES = sorted((ROOT / "examples" / "40-recurrence").glob("*.yaml"))
FIRST_RUN = ROOT / "examples" / "40-recurrence" / "40-first-run.yaml"


def _names(file: Path) -> list[str]:
    return [document["metadata"]["name"] for document in yaml.safe_load_all(file.read_text("utf-8"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_accepted_by_the_api_server(workspace: Workspace, kubectl: Kubectl, file: Path):
    applied = kubectl.run(
        "apply", "-n", workspace.name, "--dry-run=server", "--validate=strict", "-f", str(file)
    )
    assert applied.splitlines() == [
        f"evertask.evertask.io/{name} created (server dry run)" for name in _names(file)
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_command_line_says_when_an_example_runs(file: Path):
    answer = CliRunner().invoke(app, ["next", "-f", str(file), "--count", "3", "-o", "json"])
    assert answer.exit_code == 0, answer.output
    entries = json.loads(answer.stdout)
    assert [entry["name"] for entry in entries] == _names(file)
    assert all(len(entry["occurrences"]) == 3 and entry["error"] is None for entry in entries)


def test_the_example_of_a_first_run_runs_at_once_and_three_times_more(workspace: Workspace, kubectl: Kubectl):
    kubectl.run("apply", "-n", workspace.name, "-f", str(FIRST_RUN))
    task = LiveTask(workspace.client, workspace.name, "warm-up")
    status = task.until_state(State.COMPLETED, 90)
    assert counts_of(status, "runs", "succeeded") == (4, 4)
    assert history_of(status, "outcome") == ["Succeeded"] * 4
    table = kubectl.run("get", "evertask", "warm-up", "-n", workspace.name)
    assert "every 10s" in table
