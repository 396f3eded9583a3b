"""The shop of examples/20-shop, from its own files: five kinds of work, each with its effect in the world.

One installation for all tests here (``--dist loadfile``), in a namespace of its own in place of ``shop``.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from evertask.api.protocol import State
from evertask.api.times import parse_time
from hack import shop
from tests.support.api_client import tasks_path
from tests.support.live_tasks import LiveTask, checked, condition_of, run_of
from tests.support.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.kubectl import Kubectl
    from tests.support.api_client import ApiClient

Json = dict[str, Any]


class Shop:
    """The shop in one namespace."""

    def __init__(self, workspace: Workspace, kubectl: Kubectl, image: str) -> None:
        """Install it, let two customers register, apply its tasks."""
        self.workspace = workspace
        self._kubectl = kubectl
        self._image = image
        for path in ("10-rights", "20-mail-sink", "25-orders"):
            self._apply(f"manifests/{path}.yaml")
        kubectl.run("rollout", "status", "deployment/mail-sink", "-n", workspace.name, "--timeout=120s")
        self._apply("manifests/30-registration.yaml")
        self._apply("tasks.yaml")

    def _apply(self, path: str) -> None:
        text = shop.manifest(path, self._image)
        text = text.replace(f"namespace: {shop.NAMESPACE}\n", f"namespace: {self.workspace.name}\n")
        self._kubectl.run("apply", "-f", "-", text=text)

    def task(self, name: str) -> LiveTask:
        """Give a task by its name."""
        return LiveTask(self.workspace.client, self.workspace.name, name)

    def dispatched(self, handler: str) -> list[LiveTask]:
        """Give the tasks of a handler that the registration dispatched."""
        self._kubectl.run(
            *("wait", "job/shop-registration", "--for=condition=Complete"),
            *("-n", self.workspace.name, "--timeout=90s"),
        )
        items = checked(self.workspace.client("GET", tasks_path(self.workspace.name)))["items"]
        names = [item["metadata"]["name"] for item in items if item["spec"]["handler"] == handler]
        return [self.task(name) for name in names if name.startswith("task-")]

    def mails(self) -> list[Json]:
        """Give the mails that have arrived."""
        path = f"{self.workspace.core('services')}/mail-sink:http/proxy/mails"
        mails: list[Json] = checked(self.workspace.client("GET", path))
        return mails


@pytest.fixture(scope="module")
def installed(client: ApiClient, kubectl: Kubectl) -> Iterator[Shop]:
    """Install the shop once."""
    workspace = Workspace(client)
    try:
        yield Shop(workspace, kubectl, shop.build_image())
    finally:
        workspace.delete()


def _size_of_png(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_registering_customers_get_their_mail(installed: Shop):
    tasks = installed.dispatched("shop.mails:SendWelcomeEmailHandler")
    results = [task.until_state(State.COMPLETED)["result"] for task in tasks]
    mails = {mail["messageId"]: mail for mail in installed.mails()}
    assert sorted(result["to"] for result in results) == ["ada@example.org", "grace@example.org"]
    for result in results:
        mail = mails.pop(result["messageId"])
        assert mail["to"] == [result["to"]]
        assert mail["subject"].startswith("Welcome, ")
    assert mails == {}


def test_a_thumbnail_has_its_size(installed: Shop):
    result = installed.task("product-thumbnail").until_state(State.COMPLETED)["result"]
    picture = base64.b64decode(result["png"])
    assert _size_of_png(picture) == (result["width"], result["height"]) == (128, 80)
    assert len(picture) == result["bytes"]


def test_thumbnails_of_dispatched_pictures_have_their_size(installed: Shop):
    tasks = installed.dispatched("shop.thumbnails:MakeThumbnailHandler")
    assert len(tasks) == 2
    for task in tasks:
        result = task.until_state(State.COMPLETED)["result"]
        assert _size_of_png(base64.b64decode(result["png"])) == (96, 96)


def test_the_reports_numbers_are_those_of_the_orders(installed: Shop):
    status = installed.task("monthly-report").until_state(State.COMPLETED)
    by_category = {"books": 2 * 1990 + 3450 + 990, "garden": 3 * 799 + 12900, "toys": 2500 + 4 * 1299}
    assert status["result"] == {
        "month": "2026-05",
        "orders": 7,
        "cents": sum(by_category.values()),
        "centsByCategory": by_category,
    }
    assert run_of(status)["progress"]["message"] == "7 orders"


def test_a_payment_is_checked_after_its_delay(installed: Shop):
    task = installed.task("payment-check")
    created = parse_time(task.read()["metadata"]["creationTimestamp"])
    status = task.until_state(State.COMPLETED)
    assert (parse_time(run_of(status)["startTime"]) - created).total_seconds() >= 10
    assert status["result"] == {"order": "A-1003", "paid": False, "centsReceived": 1200, "centsDue": 2400}


def test_a_declined_card_fails_with_what_customer_service_needs(installed: Shop):
    status = installed.task("charge-card").until_state(State.FAILED)
    error = status["error"]
    assert error["type"] == "shop.payments.CardDeclined"
    assert "the card ending in 9995 was declined (insufficient funds)" in error["message"]
    assert "raise CardDeclined" in error["traceback"]
    assert "4000000000009995" not in json.dumps(status)
    assert condition_of(status, "Accepted")["status"] == "True"
