"""How the API shows itself to a person: kubectl's columns, explanations and selectors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from evertask.api.protocol import State
from evertask.api.recurrence import Recurrence
from evertask.api.times import format_time
from tests.support.tasks import StoredTask, manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient


@pytest.fixture
def kubectl(control_plane: LightControlPlane, namespace: str) -> Callable[..., str]:
    """Run kubectl in the test's namespace."""

    def run(*arguments: str, text: str | None = None) -> str:
        return control_plane.kubectl("--namespace", namespace, *arguments, text=text)

    return run


def row(table: str) -> dict[str, str]:
    """Read the one row of a table by its columns' names, which may hold one space."""
    heading, line = table.splitlines()
    names = [name for name in heading.split("  ") if name]
    starts = [heading.index(name) for name in names]
    ends = [*starts[1:], None]
    return {
        name.strip(): line[start:end].strip() for name, start, end in zip(names, starts, ends, strict=True)
    }


@pytest.fixture
def running(admin: ApiClient, namespace: str) -> StoredTask:
    """Make a series that has a value for every column."""
    task = StoredTask(admin, namespace).create(
        State.IN_PROGRESS, taskKey="daily report", recurrence={"every": "5m"}
    )
    ninety_minutes_ago = datetime.now(UTC) - timedelta(minutes=90)
    task.patch_status(
        {
            "schedule": "every 5m",
            "nextRunTime": "2999-12-25T10:00:00Z",
            "lastRunTime": format_time(ninety_minutes_ago),
            "job": "et-1",
            "runs": {
                "s1": {"scheduledTime": "2026-12-25T10:00:00Z", "launch": 1, "phase": "Running", "attempt": 2}
            },
            "message": "runs in pod et-1-x",
            "runner": "warm-1",
        }
    )
    return task


@pytest.mark.usefixtures("running")
def test_get_shows_what_a_task_does_and_when(kubectl: Callable[..., str]) -> None:
    columns = row(kubectl("get", "et"))

    assert columns.pop("AGE").endswith("s")
    assert columns == {
        "NAME": "a",
        "STATE": "InProgress",
        "HANDLER": "shop.reports:DailyReportHandler",
        "SCHEDULE": "every 5m",
        "SUSPEND": "false",
        "NEXT RUN": "2999-12-25T10:00:00Z",
        "LAST RUN": "90m",
    }


@pytest.mark.usefixtures("running")
def test_wide_shows_key_job_and_message_too(kubectl: Callable[..., str]) -> None:
    columns = row(kubectl("get", "evertasks", "-o", "wide"))

    assert list(columns)[7:] == ["AGE", "KEY", "QUEUE", "JOB", "ATTEMPT", "MESSAGE"]
    assert (columns["KEY"], columns["JOB"], columns["ATTEMPT"], columns["MESSAGE"]) == (
        "daily report",
        "et-1",
        "2",
        "runs in pod et-1-x",
    )


STATES_OF_A_ONE_SHOT = [None, State.PENDING, State.COMPLETED]


@pytest.mark.parametrize("state", STATES_OF_A_ONE_SHOT)
def test_what_a_one_shot_does_not_have_is_an_empty_column(
    kubectl: Callable[..., str], admin: ApiClient, namespace: str, state: State | None
) -> None:
    StoredTask(admin, namespace).create(state, suspend=True)

    columns = row(kubectl("get", "et", "-o", "wide"))

    assert columns.pop("AGE").endswith("s")
    assert {name: text for name, text in columns.items() if text} == {
        "NAME": "a",
        "HANDLER": "shop.reports:DailyReportHandler",
        "SUSPEND": "true",
    } | ({"STATE": str(state)} if state else {})


def test_a_handler_that_is_about_to_start_has_run_just_now(
    kubectl: Callable[..., str], admin: ApiClient, namespace: str
) -> None:
    """A pod that was let in before its time says when it will start: a moment to come."""
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    StoredTask(admin, namespace).create().patch_status({"lastRunTime": format_time(soon)})

    assert row(kubectl("get", "et"))["LAST RUN"] == "0s"


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("name", ["et", "evertask", "evertasks", "evertasks.evertask.io"])
def test_every_name_of_the_kind_works(kubectl: Callable[..., str], name: str) -> None:
    assert kubectl("get", name, "-o", "name") == "evertask.evertask.io/a\n"


SELECTORS = {
    "state": ("status.state=InProgress", True),
    "other-state": ("status.state=Pending", False),
    "runner": ("status.runner=warm-1", True),
    "no-runner": ("status.runner=", False),
    "key": ("spec.taskKey=daily report", True),
    "key-is-case-sensitive": ("spec.taskKey=Daily report", False),
    "not-a-state": ("status.state!=Completed", True),
    "both": ("status.state=InProgress,spec.taskKey=daily report", True),
}


@pytest.mark.parametrize(("selector", "found"), SELECTORS.values(), ids=SELECTORS)
def test_fields_select(admin: ApiClient, running: StoredTask, selector: str, found: bool) -> None:  # noqa: FBT001
    answer = admin("GET", f"{running.collection}?{urlencode({'fieldSelector': selector})}")

    assert answer.status == 200, answer
    assert bool(answer.body["items"]) is found


def test_a_key_with_a_comma_is_selected_escaped(admin: ApiClient, namespace: str) -> None:
    task = StoredTask(admin, namespace).create(taskKey=r"a,b=c\d")

    query = urlencode({"fieldSelector": r"spec.taskKey=a\,b\=c\\d"})

    assert len(admin("GET", f"{task.collection}?{query}").body["items"]) == 1


EXPLAINED = {
    "evertask": ["a handler of yours, run in its own", "spec	<Object> -required-"],
    "evertask.spec": ["handler	<string> -required-", "At most one of"],
    "evertask.spec.delay": ["FIELD: delay <string>", "30m, 1h30m or 500ms, from 0s to"],
    "evertask.spec.onInterruption": ["ENUM:\n    Relaunch\n    Fail", "at-least-once, the default"],
    "evertask.spec.podTemplate": ["metadata	<Object>", "any field of a PodSpec"],
    "evertask.spec.payloadFrom": ["secretRef	<Object>", "Exactly one of secretRef and"],
    "evertask.spec.recurrence": [
        "cron	<string>",
        "every	<string>",
        "calendar	<Object>",
        "Can be changed until the series has ended",
    ],
    "evertask.spec.recurrence.cron": [
        "FIELD: cron <string>",
        "five fields (minute, hour, day of month, month",
    ],
    "evertask.spec.recurrence.crons": ["FIELD: crons <[]string>"],
    "evertask.spec.recurrence.first": ["immediately	<boolean>", "Without a schedule it is"],
    "evertask.spec.recurrence.calendar": [
        "unit	<string> -required-",
        "onMonths	<[]integer>",
        "Default 1.",
    ],
    "evertask.spec.recurrence.calendar.unit": [
        "ENUM:\n    Second\n    Minute\n    Hour\n    Day\n    Week\n    Month"
    ],
    "evertask.spec.recurrence.calendar.onDays": [
        "Monday to Sunday with the unit",
        "1 to 31 with the unit Month",
    ],
    "evertask.spec.recurrence.catchUp": ["enum: Latest, All, None", "window	<string>"],
    "evertask.spec.recurrence.overlap": [
        "ENUM:\n    Skip\n    Queue\n    Replace\n    Allow",
        "(the default)",
    ],
    "evertask.spec.runNow": ["FIELD: runNow <string>", "asks a series for one extra run at once"],
    "evertask.status.runs": ["podName	<string>"],
    "evertask.status.history": ["lateness	<string>", "enum: Succeeded, Failed, Cancelled"],
}


@pytest.mark.parametrize(("path", "texts"), EXPLAINED.items(), ids=EXPLAINED)
def test_explain_reads_well(control_plane: LightControlPlane, path: str, texts: list[str]) -> None:
    explained = control_plane.kubectl("explain", path)

    missing = [text for text in texts if text not in explained]
    assert not missing, explained


def test_the_whole_recurrence_is_explained_at_once(control_plane: LightControlPlane) -> None:
    explained = control_plane.kubectl("explain", "evertask.spec.recurrence", "--recursive")

    wanted = Recurrence.model_json_schema(by_alias=True)
    names = {name for part in (wanted, *wanted["$defs"].values()) for name in part.get("properties", ())}
    assert {line.split("\t")[0].strip() for line in explained.splitlines() if "\t<" in line} == names


def test_applying_the_same_file_again_changes_nothing(
    kubectl: Callable[..., str], admin: ApiClient, namespace: str
) -> None:
    """Also while the task runs: what is frozen may be said again."""
    text = json.dumps(manifest(payload={"a": [1, {"b": "c"}], "d": 1.0}, taskKey="k"))
    kubectl("apply", "-f", "-", text=text)
    task = StoredTask(admin, namespace)
    before = task.patch_status({"state": "InProgress"}).body

    assert "unchanged" in kubectl("apply", "-f", "-", text=text)
    assert task.get() == before


WITH_NULL = {"a": None, "b": {"c": None}, "d": [None]}


@pytest.mark.parametrize(
    "how", [("create",), ("replace", "--force"), ("apply", "--server-side")], ids=lambda how: how[0]
)
def test_null_in_a_payload_is_kept(
    kubectl: Callable[..., str], admin: ApiClient, namespace: str, how: tuple[str, ...]
) -> None:
    kubectl(*how, "-f", "-", text=json.dumps(manifest(payload=WITH_NULL)))

    assert StoredTask(admin, namespace).get()["spec"]["payload"] == WITH_NULL


def test_only_client_side_apply_drops_null(
    kubectl: Callable[..., str], admin: ApiClient, namespace: str
) -> None:
    kubectl("apply", "-f", "-", text=json.dumps(manifest(payload=WITH_NULL)))

    assert StoredTask(admin, namespace).get()["spec"]["payload"] == {"b": {}, "d": [None]}


def test_server_side_apply_works(kubectl: Callable[..., str], admin: ApiClient, namespace: str) -> None:
    text = json.dumps(manifest(payload={"a": None}, delay="5m"))

    kubectl("apply", "--server-side", "-f", "-", text=text)
    kubectl("apply", "--server-side", "-f", "-", text=text.replace("5m", "6m"))

    assert StoredTask(admin, namespace).get()["spec"]["delay"] == "6m"
