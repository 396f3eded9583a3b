"""The application of examples/30-patterns, without a cluster: its times, its database, its answers to errors."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from httpx import ASGITransport, AsyncClient, Response

from evertask import (
    ApiUnavailableError,
    ConfigurationError,
    Dispatcher,
    DispatchRefusedError,
    PermissionDeniedError,
)
from evertask.connection.credentials import Authorization, Credentials
from evertask.connection.http import Connection
from evertask.errors import Cause
from patterns.app import create_app
from patterns.dependencies import get_dispatcher
from patterns.routes.schedules import Birthday, campaign_start, end_of_month, next_greeting
from patterns.settings import Settings, SettingsError, read_settings
from patterns.store import Message, Store

if TYPE_CHECKING:
    from fastapi import FastAPI

ENVIRONMENT = {"PATTERNS_NAMESPACE": "shop", "TASK_IMAGE": "registry/patterns:1"}


# --- schedules ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        pytest.param(date(2026, 12, 1), datetime(2026, 12, 1, 14, tzinfo=UTC), id="winter"),
        pytest.param(date(2026, 7, 1), datetime(2026, 7, 1, 13, tzinfo=UTC), id="summer"),
        pytest.param(date(2026, 3, 8), datetime(2026, 3, 8, 13, tzinfo=UTC), id="day-of-the-change"),
    ],
)
def test_nine_in_new_york_is_nine_by_the_clocks_there(day: date, instant: datetime):
    assert campaign_start(day) == instant


@pytest.mark.parametrize(
    ("day", "last"),
    [
        pytest.param(date(2028, 2, 3), 29, id="leap-year"),
        pytest.param(date(2026, 2, 28), 28, id="on-the-day"),
        pytest.param(date(2026, 12, 1), 31, id="december"),
    ],
)
def test_the_end_of_a_month_is_its_last_minute(day: date, last: int):
    assert end_of_month(day) == datetime(day.year, day.month, last, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("born", "zone", "now", "greeting"),
    [
        pytest.param(date(1990, 7, 1), "Europe/Rome", "2026-06-01T00:00Z", "2026-07-01T08:00Z", id="summer"),
        pytest.param(date(1990, 1, 9), "Europe/Rome", "2026-06-01T00:00Z", "2027-01-09T09:00Z", id="winter"),
        pytest.param(date(1990, 6, 1), "Asia/Tokyo", "2026-06-01T00:59Z", "2026-06-01T01:00Z", id="today"),
        pytest.param(
            date(1990, 6, 1), "Asia/Tokyo", "2026-06-01T01:00Z", "2027-06-01T01:00Z", id="just-over"
        ),
        pytest.param(date(1988, 2, 29), "UTC", "2026-01-01T00:00Z", "2026-02-28T10:00Z", id="29-february"),
        pytest.param(date(1988, 2, 29), "UTC", "2028-01-01T00:00Z", "2028-02-29T10:00Z", id="leap-year"),
    ],
)
def test_a_greeting_is_due_at_ten_by_the_users_clocks(born: date, zone: str, now: str, greeting: str):
    due = next_greeting(Birthday(born=born, zone=zone), datetime.fromisoformat(now))
    assert due == datetime.fromisoformat(greeting)
    assert due.timetz().replace(tzinfo=None) == time(10)


def test_an_unknown_zone_is_refused_by_name():
    with pytest.raises(ValueError, match="'Mars/Base' is no time zone"):
        Birthday(born=date(1990, 1, 1), zone="Mars/Base")


# --- settings ----------------------------------------------------------------------------------------------------


def test_an_hour_is_a_second_where_the_scale_says_so():
    settings = read_settings(ENVIRONMENT | {"DELAY_SCALE": str(1 / 3600)})
    assert settings.scaled(timedelta(hours=24)) == timedelta(seconds=24)
    assert read_settings(ENVIRONMENT).scaled(timedelta(hours=24)) == timedelta(hours=24)


@pytest.mark.parametrize("scale", ["0", "-1", "2", "fast", "nan"])
def test_a_senseless_scale_is_refused(scale: str):
    with pytest.raises(SettingsError, match=f"DELAY_SCALE='{scale}'"):
        read_settings(ENVIRONMENT | {"DELAY_SCALE": scale})


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_missing_setting_is_named(name: str):
    with pytest.raises(SettingsError, match=name):
        read_settings({other: value for other, value in ENVIRONMENT.items() if other != name})


# --- the database ------------------------------------------------------------------------------------------------


def test_ids_are_kept_by_what_they_are_for():
    store, email, sms, newer = Store(), uuid4(), uuid4(), uuid4()
    store.save_task_ids("notification 1", {"email": email, "sms": sms})
    assert store.task_ids("notification 1") == {"email": email, "sms": sms}
    store.save_task_ids("notification 1", {"sms": newer})
    assert store.task_ids("notification 1")["sms"] == newer
    assert store.task_ids("notification 2") == {}


def test_a_record_is_changed_from_the_expected_state_only():
    store = Store()
    store.put("order", "1", "pending")
    assert store.change("order", "1", expected="pending", state="paid")
    assert not store.change("order", "1", expected="pending", state="cancelled")
    assert store.state("order", "1") == "paid"


def test_a_message_goes_out_once():
    store, message = Store(), Message("task-1", "email", "ada@example.org", "Welcome")
    assert (store.deliver(message), store.deliver(message)) == (True, False)
    assert store.messages("ada@example.org") == [message]


# --- what errors are answered with -------------------------------------------------------------------------------


async def _post(app: FastAPI, path: str) -> Response:
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://patterns") as client:
        return await client.post(path)


def _app() -> FastAPI:
    app = create_app(Settings("shop", "registry/patterns:1"))
    app.state.store = Store()
    return app


async def _order_invoice(error: Exception) -> Response:
    """Ask for an invoice where the dispatcher fails."""

    def failing() -> Dispatcher:
        raise error

    app = _app()
    app.dependency_overrides[get_dispatcher] = failing
    return await _post(app, "/orders/A-1/invoice")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ApiUnavailableError("the API server is away"), id="away"),
        pytest.param(PermissionDeniedError("no right to create", status=403), id="no-right"),
        pytest.param(ConfigurationError("no EverTask in this cluster"), id="not-installed"),
    ],
)
async def test_an_error_of_the_cluster_asks_for_patience_and_gives_nothing_away(error: Exception):
    answer = await _order_invoice(error)
    assert (answer.status_code, answer.json()) == (503, {"detail": "tasks cannot be taken at the moment"})
    assert answer.headers["Retry-After"] == "10"


async def test_a_task_that_is_refused_is_the_callers_mistake():
    cause = Cause("spec.delay", "it is too long")
    answer = await _order_invoice(DispatchRefusedError("it is too long", causes=[cause]))
    assert answer.status_code == 422
    assert answer.json() == {"detail": "it is too long", "causes": [cause._asdict()]}


async def test_what_can_be_done_instead_is_done_when_no_api_server_answers():
    nowhere = Credentials("http://127.0.0.1:1", None, Authorization(lambda _afresh: None))
    connection = Connection(nowhere)
    app = _app()
    app.dependency_overrides[get_dispatcher] = lambda: Dispatcher(
        connection=connection, patience=timedelta(milliseconds=50)
    )
    answer = await _post(app, "/orders/A-1/invoice-if-possible")
    await connection.aclose()
    assert (answer.status_code, answer.json()) == (200, {"taskId": None})
    assert app.state.store.state("invoice", "A-1") == "to be written by hand"
