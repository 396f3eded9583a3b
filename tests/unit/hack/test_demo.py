"""The demo notices what did not go as it should, and shows what it saw."""

from __future__ import annotations

import io
import re
from copy import deepcopy
from typing import Any

import pytest
from rich.console import Console

from evertask.api.protocol import State
from hack import demo, shop
from hack.kubectl import json_lines
from hack.task_watch import Followed, table

HANDLERS = {
    "hello": "evertask_runner.examples:hello",
    "product-thumbnail": "shop.thumbnails:MakeThumbnailHandler",
    "monthly-report": "shop.reports:MonthlyReportHandler",
    "payment-check": "shop.payments:CheckPaymentHandler",
    "charge-card": "shop.payments:ChargeCardHandler",
}
RESULTS = {
    "hello": {"greeting": "Hello, Ada!"},
    "product-thumbnail": {"width": 128, "height": 80, "png": "x" * 500},
    "monthly-report": {
        "orders": 7,
        "cents": 31413,
        "centsByCategory": {"books": 8420, "garden": 15297, "toys": 7696},
    },
    "payment-check": {"paid": False, "centsReceived": 1200},
}
MAILS = [{"to": [address]} for address in demo.CUSTOMERS]


def document(name: str) -> dict[str, Any]:
    status = {
        "state": "Completed",
        "result": RESULTS.get(name),
        "runs": {"s1": {"startTime": "2026-05-01T10:00:11Z"}},
    }
    if name == "charge-card":
        error = {"type": "shop.payments.CardDeclined", "message": "declined (insufficient funds)"}
        status |= {"state": "Failed", "error": error}
    metadata = {"name": name, "uid": name, "creationTimestamp": "2026-05-01T10:00:00Z"}
    return {"metadata": metadata, "spec": {"handler": HANDLERS[name]}, "status": status}


def tasks(**changes: dict[str, Any]) -> list[Followed]:
    """Give the tasks of a good demo; ``changes`` replace fields of a task's status."""
    documents = deepcopy([document(name) for name in demo.APPLIED])
    for one in documents:
        one["status"] |= changes.get(one["metadata"]["name"].replace("-", "_"), {})
    return [Followed(one) for one in documents]


def test_a_good_demo_has_no_problems():
    assert list(demo.problems(tasks(), MAILS)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"hello": {"state": "Failed"}}, "hello .* is Failed and not Completed", id="failed"),
        pytest.param({"charge_card": {"state": "Completed"}}, "charge-card .* not Failed", id="not-failed"),
        pytest.param(
            {"charge_card": {"error": {"type": "X"}}}, "does not say why", id="error-without-reason"
        ),
        pytest.param(
            {"monthly_report": {"result": {"orders": 7}}}, "monthly-report is .*orders", id="numbers"
        ),
        pytest.param({"product_thumbnail": {"result": None}}, "product-thumbnail is null", id="no-result"),
        pytest.param(
            {"payment_check": {"runs": {"s1": {"startTime": "2026-05-01T10:00:09.5Z"}}}},
            "started 9.5 s",
            id="early",
        ),
    ],
)
def test_what_went_wrong_is_named(changes, said):
    (problem,) = demo.problems(tasks(**changes), MAILS)
    assert re.search(said, problem)


def test_a_task_that_is_missing_is_named():
    present = [task for task in tasks() if task.name != "hello"]
    assert list(demo.problems(present, MAILS)) == ["there is no task hello"]


@pytest.mark.parametrize(
    "mails", [MAILS[:1], [*MAILS, MAILS[0]], []], ids=["one-missing", "one-twice", "none"]
)
def test_each_customer_gets_one_mail(mails):
    (problem,) = demo.problems(tasks(), mails)
    assert problem.startswith("mails arrived for")


# --- what is shown -----------------------------------------------------------------------------------------------


def drawn(shown: list[Followed]) -> str:
    output = io.StringIO()
    Console(file=output, width=200).print(table(shown))
    return output.getvalue()


def test_a_task_keeps_the_states_that_it_went_through_once_each():
    task = Followed(document("hello"))
    for state, seconds in (("Pending", 0.1), ("Queued", 0.2), ("Queued", 0.3), ("Completed", 1.0)):
        task.see({"metadata": {"name": "hello"}, "spec": {}, "status": {"state": state}}, seconds)
    assert task.path == [(State.PENDING, 0.1), (State.QUEUED, 0.2), (State.COMPLETED, 1.0)]


def test_a_task_that_the_operator_has_not_seen_is_pending():
    assert Followed({"metadata": {"name": "new"}, "spec": {}}).state is State.PENDING


def test_the_table_shows_errors_and_leaves_long_texts_out():
    shown = drawn(tasks())
    assert "shop.payments.CardDeclined: declined (insufficient funds)" in shown
    assert "png=…" in shown


def test_a_result_with_brackets_is_no_markup():
    assert '["[bold]", "[/]"]' in drawn(tasks(hello={"result": ["[bold]", "[/]"]}))


def test_only_objects_are_read_from_what_kubectl_prints():
    assert list(json_lines(["E0101 watch closed\n", '{"type": "ADDED"}\n'])) == [{"type": "ADDED"}]


def test_no_placeholder_is_left_in_a_manifest():
    text = "".join(
        shop.manifest(str(path.relative_to(shop.EXAMPLE.folder)), "registry/shop:1")
        for path in shop.EXAMPLE.folder.rglob("*.yaml")
    )
    applied = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert not [line for line in applied if shop.EXAMPLE.placeholder in line]
    assert "          image: registry/shop:1" in applied
