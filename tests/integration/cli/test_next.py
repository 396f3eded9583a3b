"""``evertask next NAME`` against a real API server: the test plays the operator."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from evertask.api.times import format_time, parse_time
from evertask.cli.app import app
from tests.support.api_client import tasks_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from hack.cluster.light import LightControlPlane

HOURLY: dict[str, Any] = {"every": "1h"}


@pytest.fixture
def create(admin, namespace) -> Callable[..., str]:
    """Create a task; the answer is when it was created."""

    def create(spec: dict[str, Any], status: dict[str, Any] | None = None) -> str:
        task = {
            "apiVersion": "evertask.io/v1alpha1",
            "kind": "EverTask",
            "metadata": {"name": "report"},
            "spec": {"handler": "shop.reports:Daily", **spec},
        }
        answer = admin("POST", tasks_path(namespace), task)
        assert answer.status == 201, answer
        if status:
            written = admin.patch(tasks_path(namespace, "report", "status"), {"status": status})
            assert written.status == 200, written
        return str(answer.body["metadata"]["creationTimestamp"])

    return create


@pytest.fixture
def ask(control_plane: LightControlPlane, namespace) -> Callable[..., Any]:
    def ask(*arguments: str, name: str = "report"):
        options = ["--kubeconfig", control_plane.kubeconfig, "-n", namespace]
        return CliRunner().invoke(app, ["next", name, *options, *arguments])

    return ask


def after(created: str, hours: int) -> str:
    return format_time(parse_time(created) + timedelta(hours=hours))


def test_a_series_counts_from_its_creation(create, ask):
    created = create({"recurrence": HOURLY})
    answer = ask("--from", after(created, 10), "--count", "2")
    assert (answer.exit_code, answer.stdout.split()) == (0, [after(created, 11), after(created, 12)])


def test_runs_that_were_made_are_taken_from_max_runs(create, ask):
    counted = {"state": "Pending", "counts": {"incarnationRuns": 3}}
    created = create({"recurrence": {**HOURLY, "maxRuns": 5}}, counted)
    assert ask().stdout.split() == [after(created, 1), after(created, 2)]


@pytest.mark.parametrize(
    ("spec", "status", "reason"),
    [
        pytest.param(
            {},
            {"state": "Completed", "message": "3 of 3 runs"},
            "it is Completed (3 of 3 runs)",
            id="finished",
        ),
        pytest.param({"cancel": True}, {"state": "InProgress"}, "it is cancelled", id="cancelled"),
        pytest.param({"suspend": True}, None, "it is suspended", id="suspended"),
    ],
)
def test_a_task_that_stands_still_has_no_next_run_and_says_why(create, ask, spec, status, reason):
    create({"recurrence": HOURLY, **spec}, status)
    answer = ask()
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert answer.stderr.startswith(f"evertask: report: no run is to come: {reason}")


def test_json_is_the_same_as_of_a_file(create, ask):
    created = create({"recurrence": HOURLY})
    assert json.loads(ask("-o", "json", "--count", "1").stdout) == [
        {"name": "report", "occurrences": [after(created, 1)], "error": None}
    ]


def test_a_schedule_that_the_schema_could_not_judge_ends_with_code_2(create, ask):
    create({"recurrence": {"cron": "61 * * * *"}})
    answer = ask()
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith("evertask: report: spec.recurrence.cron: ")


def test_a_task_that_is_not_there_ends_with_code_1(ask, namespace):
    answer = ask(name="nobody")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"evertask: there is no EverTask 'nobody' in namespace '{namespace}'")


def test_an_unknown_context_ends_with_code_1(ask):
    answer = ask("--context", "nonsense")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "nonsense" in answer.stderr
