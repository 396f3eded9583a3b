"""The application of examples/30-patterns, over HTTP as its users reach it: each pattern, with its effect in the world.

One installation for all tests here (``--dist loadfile``), in a namespace of its own in place of ``patterns``. An hour
is one second in it.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from evertask.api.protocol import State
from evertask.api.times import parse_time
from hack import patterns
from tests.support.api_client import tasks_path
from tests.support.live_tasks import LiveTask, checked, run_of
from tests.support.waiting import eventually
from tests.support.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.kubectl import Kubectl
    from tests.support.api_client import Answer, ApiClient

Json = dict[str, Any]

SCALE = 1 / 1800
"""Of the delays that the application shortens: an hour is two seconds, a day 48."""

PATIENCE_SECONDS = 90
SYDNEY = ZoneInfo("Australia/Sydney")
REGISTRATIONS = 10
GENEROUS_MILLISECONDS = 500
"""For a registration; what is promised holds on an idle machine, and this one runs other tests."""


class Application:
    """The application in one namespace."""

    def __init__(self, workspace: Workspace, kubectl: Kubectl, image: str) -> None:
        """Install it, and wait until it answers."""
        self.workspace = workspace
        self._kubectl = kubectl
        self._image = image
        self.apply("10-rights")
        self.apply("20-app")
        self.until_ready()

    def apply(self, name: str) -> None:
        """Apply one of its manifests, with this namespace and this pace."""
        text = patterns.EXAMPLE.manifest(f"manifests/{name}.yaml", self._image)
        text = text.replace(f"namespace: {patterns.NAMESPACE}\n", f"namespace: {self.workspace.name}\n")
        self.kubectl("apply", "-f", "-", text=text.replace('value: "1"', f'value: "{SCALE}"'))

    def restart(self) -> None:
        """Replace its pod, and wait until the new one answers."""
        self.kubectl("rollout", "restart", "deployment/patterns")
        self.until_ready()

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self._kubectl.run("-n", self.workspace.name, *arguments, text=text)

    def until_ready(self) -> None:
        """Wait until the newest pod of the application answers."""
        self.kubectl("rollout", "status", "deployment/patterns", "--timeout=120s")

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request to the application, through the API server."""
        return self.workspace.client(
            method, f"{self.workspace.core('services')}/patterns:http/proxy{path}", body
        )

    def post(self, path: str, body: Any = None) -> Any:
        """Send a POST that succeeds."""
        return checked(self.ask("POST", path, body))

    def read(self, path: str) -> Any:
        """Send a GET that succeeds."""
        return checked(self.ask("GET", path))

    def state_of(self, kind: str, key: str) -> str | None:
        """Give the state of a record; None where there is none."""
        answer = self.ask("GET", f"/inside/records/{kind}/{key}")
        return None if answer.status == 404 else checked(answer)["state"]

    def until_record(self, kind: str, key: str, state: str) -> None:
        """Wait until a record is in a state."""
        eventually(lambda: self.state_of(kind, key), lambda found: found == state, PATIENCE_SECONDS)

    def texts_to(self, receiver: str) -> list[str]:
        """Give the texts of the messages to somebody."""
        return [message[3] for message in self.read(f"/inside/messages?receiver={receiver}")]

    def until_texts(self, receiver: str, texts: list[str]) -> None:
        """Wait until somebody has received these messages, and no others."""
        eventually(lambda: self.texts_to(receiver), lambda found: found == texts, PATIENCE_SECONDS)

    def task(self, task_id: str) -> LiveTask:
        """Give a task by its id."""
        return LiveTask(self.workspace.client, self.workspace.name, f"task-{task_id}")

    def children_of(self, task_id: str, seconds: float = PATIENCE_SECONDS) -> list[Json]:
        """Wait until a task has children, and give them."""
        children: list[Json] = eventually(lambda: self.read(f"/tasks/{task_id}/children"), bool, seconds)
        return children


@pytest.fixture(scope="module")
def app(client: ApiClient, kubectl: Kubectl) -> Iterator[Application]:
    """Install the application once."""
    workspace = Workspace(client)
    try:
        yield Application(workspace, kubectl, patterns.EXAMPLE.build_image())
    finally:
        workspace.delete()


@pytest.fixture
def key() -> str:
    """Give a number that no other test uses."""
    return f"A-{secrets.token_hex(4)}"


# --- 1 fire and forget -------------------------------------------------------------------------------------------


def test_a_registration_is_answered_and_its_three_tasks_follow(app: Application):
    address = f"ada-{secrets.token_hex(4)}@example.org"
    user_id = app.post("/register", {"name": "Ada", "address": address})["userId"]
    app.until_texts(address, ["Welcome, Ada!"])
    app.until_record("profile", user_id, "made")
    eventually(
        lambda: app.texts_to("admins@shop.example"),
        lambda texts: texts.count(f"new user {user_id}") == 1,
        PATIENCE_SECONDS,
    )


def test_a_registration_takes_milliseconds(app: Application):
    program = ("python3", "-m", "patterns.measure", str(REGISTRATIONS), "3")
    figures = json.loads(app.kubectl("exec", "deploy/patterns", "--", *program))
    print(f"POST /register, three dispatches, in milliseconds: {figures}")
    assert figures["registrations"] == REGISTRATIONS
    assert figures["p50"] < GENEROUS_MILLISECONDS


# --- 2 delays ----------------------------------------------------------------------------------------------------


def test_an_order_that_nobody_pays_is_checked_reminded_of_and_cancelled(app: Application, key: str):
    ids = app.post(f"/orders/{key}")
    assert app.task(ids["check"]).until_state(State.COMPLETED)["result"] == {"order": "pending"}
    assert app.task(ids["reminder"]).until_state(State.COMPLETED)["result"] == {"reminded": True}
    app.until_record("order", key, "cancelled")
    # An hour is two seconds here: two pods may overtake each other.
    assert sorted(app.texts_to(key)) == ["please pay your order", "thank you for your order"]
    cancellation = app.task(ids["cancellation"])
    started = run_of(cancellation.until_state(State.COMPLETED))["startTime"]
    created = parse_time(cancellation.read()["metadata"]["creationTimestamp"])
    assert parse_time(started) - created >= timedelta(seconds=47)


def test_an_order_that_is_paid_is_neither_reminded_of_nor_cancelled(app: Application, key: str):
    ids = app.post(f"/orders/{key}")
    app.post(f"/orders/{key}/pay")
    status = app.task(ids["cancellation"]).until_state(State.COMPLETED)
    assert status["result"] == {"cancelled": False}
    assert app.task(ids["reminder"]).status["result"] == {"reminded": False}
    assert app.state_of("order", key) == "paid"
    assert app.texts_to(key) == ["thank you for your order"]


# --- 3 schedules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        pytest.param("2035-12-03", "2035-12-03T14:00:00", id="winter"),
        pytest.param("2035-07-02", "2035-07-02T13:00:00", id="summer"),
    ],
)
def test_a_campaign_waits_for_nine_in_new_york(app: Application, key: str, day: str, instant: str):
    task = app.task(app.post(f"/campaigns/{key}", {"day": day})["taskId"])
    status = task.until(lambda s: s.get("nextRunTime"))
    assert parse_time(status["nextRunTime"]) == datetime.fromisoformat(f"{instant}+00:00")
    assert status["state"] == State.PENDING


def test_a_campaign_of_yesterday_is_launched_now(app: Application, key: str):
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    app.post(f"/campaigns/{key}", {"day": yesterday.isoformat()})
    app.until_record("campaign", key, "launched")


def test_a_monthly_report_waits_for_the_last_minute_of_the_month(app: Application, key: str):
    planned = app.post(f"/users/{key}/monthly-report")
    status = app.task(planned["taskId"]).until(lambda s: s.get("nextRunTime"))
    at = parse_time(status["nextRunTime"])
    assert at == datetime.fromisoformat(planned["at"])
    assert (at + timedelta(minutes=1)).day == 1


def test_a_user_is_congratulated_by_the_clocks_of_the_users_zone(app: Application, key: str):
    soon = datetime.now(SYDNEY) + timedelta(seconds=6)
    birthday = {
        "born": soon.date().replace(year=1988).isoformat(),
        "zone": "Australia/Sydney",
        "greeting_time": soon.time().isoformat("seconds"),
    }
    planned = app.post(f"/users/{key}/birthday", birthday)
    assert datetime.fromisoformat(planned["at"]) == soon.replace(microsecond=0)
    app.until_texts(key, ["Happy birthday!"])
    started = run_of(app.task(planned["taskId"]).until_state(State.COMPLETED))["startTime"]
    assert parse_time(started) >= soon.replace(microsecond=0)


# --- 4 to 7: ids, and what they are good for ---------------------------------------------------------------------


def test_a_captured_id_finds_the_task_again(app: Application, key: str):
    task_id = app.post(f"/orders/{key}/invoice")["taskId"]
    assert app.read(f"/orders/{key}/tasks") == {"invoice": task_id}
    assert app.task(task_id).until_state(State.COMPLETED)["result"] == {"invoice": f"INV-{key}"}


def test_a_payment_that_waits_is_cancelled_and_never_starts(app: Application, key: str):
    task_id = app.post(f"/payments/{key}")["taskId"]
    assert checked(app.ask("DELETE", f"/payments/{key}")) == {"taskId": task_id, "outcome": "Requested"}
    status = app.task(task_id).until_state(State.CANCELLED)
    assert run_of(status) == {}
    assert app.state_of("payment", key) is None
    assert checked(app.ask("DELETE", f"/payments/{key}"))["outcome"] == "Cancelled"


def test_a_payment_that_runs_is_cancelled_and_gives_back_what_it_had(app: Application, key: str):
    task_id = app.post(f"/payments/{key}?now=true")["taskId"]
    app.until_record("payment", key, "reserved")
    app.ask("DELETE", f"/payments/{key}")
    app.task(task_id).until_state(State.CANCELLED)
    assert app.state_of("payment", key) == "given back"


def test_both_tasks_of_a_notification_can_be_followed(app: Application, key: str):
    address, phone = f"{key}@example.org", f"+49{secrets.randbelow(10**9) + 10**9}"
    new = {"address": address, "phone": phone, "text": "your parcel is here"}
    ids = app.post(f"/notifications/{key}", new)
    assert len(set(ids.values())) == 2
    eventually(
        lambda: app.read(f"/notifications/{key}"),
        lambda states: states == {"email": "Completed", "sms": "Completed"},
        PATIENCE_SECONDS,
    )
    assert app.texts_to(address) == ["A notification: your parcel is here"]
    assert app.texts_to(phone.replace("+", "%2B")) == ["your parcel is here"]


def test_a_tasks_states_are_told_from_its_beginning_to_its_end(app: Application, key: str):
    waits = app.post(f"/payments/{key}")["taskId"]
    eventually(lambda: _sentence(app, waits), lambda said: said.startswith("it is known"), PATIENCE_SECONDS)
    runs = app.post(f"/payments/{key}?now=true")["taskId"]
    eventually(lambda: _sentence(app, runs), lambda said: "running" in said, PATIENCE_SECONDS)
    app.ask("DELETE", f"/payments/{key}")
    eventually(lambda: _sentence(app, runs), lambda said: "cancelled" in said, PATIENCE_SECONDS)
    done = app.post(f"/orders/{key}/invoice")["taskId"]
    eventually(lambda: _sentence(app, done), lambda said: "succeeded" in said, PATIENCE_SECONDS)
    failed = app.post(f"/operations/{key}?fails=true")["taskId"]
    eventually(lambda: _sentence(app, failed), lambda said: "not in stock" in said, PATIENCE_SECONDS)


def test_an_unknown_id_is_told_as_such(app: Application):
    assert app.ask("GET", f"/tasks/{uuid4()}").status == 404


def _sentence(app: Application, task_id: str) -> str:
    return str(app.read(f"/tasks/{task_id}")["sentence"])


# --- 8 and 15: many ----------------------------------------------------------------------------------------------


def test_a_newsletter_is_a_batch_of_tasks_whose_ids_are_kept(app: Application, key: str):
    users = [f"{key}-{number}" for number in range(8)]
    assert app.post(f"/newsletters/{key}", users) == {"dispatched": 8, "failed": 0}
    eventually(
        lambda: app.read(f"/newsletters/{key}"), lambda states: states == {"Completed": 8}, PATIENCE_SECONDS
    )
    assert [app.texts_to(user) for user in users] == [["what is new this month"]] * 8


def test_a_bulk_newsletter_is_one_task_for_many_users(app: Application, key: str):
    users = [f"{key}-{number}" for number in range(200)]
    status = app.task(app.post("/bulk-newsletters", users)["taskId"]).until_state(State.COMPLETED)
    assert status["result"] == {"sent": 200, "new": 200}
    assert run_of(status)["progress"]["message"] == "200 sent"
    assert app.texts_to(users[-1]) == ["what is new this month"]


# --- 9 conditions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "handler", "times", "processed"),
    [
        pytest.param(1001, "ProcessHighValueOrderHandler", [], "processed first", id="high-value"),
        pytest.param(1000, "ProcessRegularOrderHandler", ["runAt"], "processed", id="regular"),
    ],
)
def test_an_order_is_processed_by_its_value(
    app: Application, key: str, total: int, handler: str, times: list[str], processed: str
):
    task = app.task(app.post(f"/orders/{key}/process?total={total}")["taskId"])
    spec = task.read()["spec"]
    assert spec["handler"] == f"patterns.handlers.orders:{handler}"
    assert [field for field in ("delay", "runAt") if field in spec] == times
    app.until_record("order", key, processed)


# --- 10 and 11: tasks that dispatch tasks ------------------------------------------------------------------------


def test_the_second_step_of_a_chain_follows_the_first(app: Application):
    started = app.post("/workflows")
    (child,) = app.children_of(started["taskId"])
    assert child["handler"] == "patterns.handlers.chain:SecondStepHandler"
    status = app.task(child["taskId"]).until_state(State.COMPLETED)
    assert status["result"] == {"firstStepWasDone": True}
    assert app.state_of("workflow", started["correlationId"]) == "second step done"
    assert app.task(child["taskId"]).read()["spec"]["payload"] == {"correlation_id": started["correlationId"]}


def test_an_operation_that_fails_half_way_is_rolled_back(app: Application, key: str):
    task_id = app.post(f"/operations/{key}?fails=true")["taskId"]
    error = app.task(task_id).until_state(State.FAILED)["error"]
    assert error["type"] == "patterns.handlers.operations.StockRefusedError"
    app.until_record("operation", key, "rolled back")
    (child,) = app.children_of(task_id)
    assert app.task(child["taskId"]).until_state(State.COMPLETED)["result"] == {"undone": True}


def test_an_operation_that_succeeds_is_not_rolled_back(app: Application, key: str):
    task_id = app.post(f"/operations/{key}")["taskId"]
    app.task(task_id).until_state(State.COMPLETED)
    assert app.read(f"/tasks/{task_id}/children") == []
    assert app.state_of("operation", key) == "done"


# --- 12 failures -------------------------------------------------------------------------------------------------


def test_a_document_too_large_for_a_task_is_refused_as_the_callers_mistake(app: Application):
    answer = app.ask("POST", "/documents", {"text": "word " * 200_000})
    assert answer.status == 422
    assert "the limit is 524,288" in answer.body["detail"]


def test_a_cluster_that_takes_no_tasks_is_told_as_unavailable(app: Application, key: str):
    # Its token is not accepted any more.
    app.kubectl("delete", "serviceaccount", "patterns-web")
    try:
        answer = eventually(
            lambda: app.ask("POST", f"/orders/{key}/invoice"), lambda a: a.status != 200, PATIENCE_SECONDS
        )
        assert (answer.status, answer.body) == (503, {"detail": "tasks cannot be taken at the moment"})
        assert app.post(f"/orders/{key}/invoice-if-possible") == {"taskId": None}
        assert app.state_of("invoice", key) == "to be written by hand"
    finally:
        app.apply("10-rights")
        app.restart()
    app.post(f"/orders/{key}/invoice")


# --- 13 recurring ------------------------------------------------------------------------------------------------


def test_a_restart_of_the_application_registers_the_daily_report_again_and_changes_nothing(app: Application):
    task = LiveTask(app.workspace.client, app.workspace.name, "daily-report")
    before = task.until(lambda s: s.get("nextRunTime"))
    identity = {name: task.read()["metadata"][name] for name in ("uid", "generation")}
    app.restart()
    assert "(Unchanged)" in app.kubectl("logs", "--selector=app=patterns", "--tail=-1")
    assert {name: task.read()["metadata"][name] for name in ("uid", "generation")} == identity
    assert task.status["nextRunTime"] == before["nextRunTime"]
    items = checked(app.workspace.client("GET", tasks_path(app.workspace.name)))["items"]
    assert len([item for item in items if item["spec"].get("taskKey") == "daily-report"]) == 1


def test_the_daily_report_is_found_by_its_key_and_run_on_demand(app: Application):
    report = app.read("/daily-report")
    assert parse_time(report["nextRunTime"]).astimezone(ZoneInfo("Europe/Rome")).hour == 6
    app.post("/daily-report/run")
    task = LiveTask(app.workspace.client, app.workspace.name, "daily-report")
    status = task.until(lambda s: (s.get("counts") or {}).get("succeeded"))
    assert parse_time(status["nextRunTime"]) == parse_time(report["nextRunTime"])


# --- 14 audit levels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "states"),
    [
        pytest.param("Full", ["Completed", "InProgress", "Queued"], id="full"),
        pytest.param("None", [], id="none"),
    ],
)
def test_a_dispatch_says_how_much_of_its_past_is_kept(
    app: Application, key: str, level: str, states: list[str]
):
    task = app.task(app.post(f"/caches/{key}?audit={level}")["taskId"])
    status = task.until_state(State.COMPLETED)
    assert status["result"] == {"refreshed": key}
    kept = [transition["state"] for transition in status.get("transitions") or ()]
    assert kept[: len(states)] == states
    assert bool(kept) is bool(states)
