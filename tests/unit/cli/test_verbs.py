"""The verbs as they are called: help, wrong options, no cluster. What they do is tried on a real API server."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from evertask.cli import durations
from evertask.cli.app import app
from evertask.cli.exits import CommandFailedError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMED = ["get", "describe", "logs", "wait", "cancel", "suspend", "resume", "run-now", "history", "tree"]


def call(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("verb", [*NAMED, "run", "list", "ls", "next"])
def test_each_verb_has_help(verb):
    answer = call(verb, "--help")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "--namespace" in answer.stdout


@pytest.mark.parametrize("verb", NAMED)
def test_a_verb_without_a_task_is_bad_usage(verb):
    answer = call(verb)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr == "evertask: give one of them: the NAME of a task, or --key KEY\n"


@pytest.mark.parametrize(
    "arguments", [["list"], ["run", "a:b"], *([verb, "a"] for verb in NAMED)], ids=lambda words: words[0]
)
def test_without_a_cluster_a_verb_ends_with_code_5(arguments, tmp_path: Path):
    answer = call(*arguments, "--kubeconfig", str(tmp_path / "none"))
    assert (answer.exit_code, answer.stdout, len(answer.stderr.splitlines())) == (5, "", 1)
    assert answer.stderr.startswith("evertask: there is no kubeconfig at ")


def test_the_kubeconfig_may_stand_before_the_verb(tmp_path: Path):
    answer = call("--kubeconfig", str(tmp_path / "before"), "list")
    assert str(tmp_path / "before") in answer.stderr


def test_a_dry_run_with_a_namespace_asks_no_cluster(tmp_path: Path):
    answer = call(
        "run", "a:b", "--dry-run", "-n", "shop", "--name", "x", "--kubeconfig", str(tmp_path / "none")
    )
    assert (answer.exit_code, "namespace: shop" in answer.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["list", "--state", "Done"], "'Done' is not one of", id="state"),
        pytest.param(
            ["list", "--since", "yesterday"], "--since: 'yesterday' is neither a duration nor", id="since"
        ),
        pytest.param(["list", "-o", "xml"], "'xml' is not one of", id="output"),
        pytest.param(["wait", "a", "--timeout", "soon"], "--timeout: 'soon' is not a duration", id="timeout"),
        pytest.param(["logs", "a", "--tail", "-1"], "Invalid value for '--tail'", id="tail"),
        pytest.param(["get", "a/b"], "NAME 'a/b' cannot be the name of a task", id="name"),
        pytest.param(["get", "--key", ""], "--key '': it is empty", id="key"),
        pytest.param(
            ["run", "a:b", "--pod-template", "none.yaml", "-n", "x"], "--pod-template: 'none.yaml'", id="file"
        ),
        pytest.param(
            ["run", "a:b", "-n", "x", "--dry-run", "--retries", "1001"],
            "--retries: spec.retry.limit",
            id="retries",
        ),
        pytest.param(
            ["run", "a:b", "-n", "x", "--dry-run", "--retry-delay", "5"],
            "--retry-delay: spec.retry.delay: retry.delay must be a duration",
            id="retry-delay",
        ),
        pytest.param(["run", "a:b", "--retry-backoff", "linear"], "'linear' is not one of", id="backoff"),
        pytest.param(
            ["run", "a:b", "-n", "x", "--dry-run", "--run-timeout", "1d"],
            "--run-timeout: spec.run",
            id="run-timeout",
        ),
        pytest.param(
            ["run", "a:b", "-n", "x", "--dry-run", "--fence-after", "1s"],
            "--fence-after: spec.fence",
            id="fence",
        ),
        pytest.param(
            ["run", "a:b", "-n", "x", "--dry-run", "--max-interruptions", "-1"],
            "--max-interruptions: spec.maxInterruptions",
            id="interruptions",
        ),
        pytest.param(["lst"], "No such command", id="verb"),
    ],
)
def test_what_is_wrong_is_named_before_a_cluster_is_asked(arguments, said):
    answer = call(*arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert said in answer.stderr


@pytest.mark.parametrize(
    "text", ["- a\n- b\n", "a: 1\n---\nb: 2\n", "", "a: ["], ids=["list", "two", "empty", "broken"]
)
def test_a_pod_template_is_one_object(tmp_path: Path, text):
    file = tmp_path / "pod.yaml"
    file.write_text(text)
    answer = call("run", "a:b", "--dry-run", "-n", "x", "--pod-template", str(file))
    assert (answer.exit_code, answer.stderr.startswith("evertask: --pod-template: ")) == (2, True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ("30", timedelta(seconds=30)),
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(hours=1.5)),
    ],
)
def test_durations_of_waiting(text, wanted):
    assert durations.duration_of("--timeout", text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-24T01:00:00+01:00", NOW - timedelta(hours=12)),
    ],
)
def test_since_is_a_duration_back_or_an_instant(text, wanted):
    assert durations.since("--since", text, NOW) == wanted


def test_since_before_all_times_is_refused():
    with pytest.raises(CommandFailedError, match="--since"):
        durations.since("--since", "9999999d", NOW)


def test_completion_says_nothing_where_no_cluster_is(tmp_path: Path):
    environment = {
        "_EVERTASK_COMPLETE": "complete_bash",
        "COMP_WORDS": "evertask get re",
        "COMP_CWORD": "2",
        "KUBECONFIG": str(tmp_path / "none"),
    }
    command = [sys.executable, "-m", "evertask.cli"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("script", "name"),
    [
        pytest.param("kubectl-evertask", "kubectl evertask", id="plugin"),
        pytest.param("evertask", "evertask", id="own"),
    ],
)
def test_help_bears_the_name_by_which_it_was_called(script, name):
    program = f"import sys; sys.argv[0] = '/bin/{script}'; from evertask.cli.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "list", "-h"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"Usage: {name} list")
