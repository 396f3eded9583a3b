"""What of a query the API server selects, and what is sifted here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from evertask import State
from evertask.api.protocol import LABEL_PARENT_UID
from evertask.filters import Filters, filters_of
from evertask.objects import Selection
from evertask.views import view_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAITING = "status.state!=InProgress,status.state!=Completed,status.state!=Failed,status.state!=Cancelled"


class Export:
    """A handler."""


def task(state: str | None = None, **spec: Any) -> Any:
    made: dict[str, Any] = {
        "metadata": {
            "name": "a",
            "uid": "1",
            "namespace": "shop",
            "creationTimestamp": "2026-03-01T12:00:00Z",
        },
        "spec": {"handler": "shop.orders:Export", **spec},
    }
    return view_of(made | ({"status": {"state": state}} if state else {}))


@pytest.mark.parametrize(
    ("asked", "selection"),
    [
        pytest.param({}, Selection(), id="all"),
        pytest.param({"state": State.FAILED}, Selection("status.state=Failed"), id="state"),
        pytest.param({"state": "Failed"}, Selection("status.state=Failed"), id="state-as-text"),
        pytest.param({"state": [State.PENDING, State.QUEUED]}, Selection(WAITING), id="states"),
        pytest.param(
            {"state": State.PENDING}, Selection(f"status.state!=Queued,{WAITING}"), id="pending-or-not-seen"
        ),
        pytest.param(
            {"state": [*State][1:]},
            Selection("status.state!=Pending,status.state!="),
            id="seen-and-not-pending",
        ),
        pytest.param({"state": State}, Selection(), id="any-state"),
        pytest.param({"queue": "mails"}, Selection("spec.queue=mails"), id="queue"),
        pytest.param({"queue": "default"}, Selection(), id="default-queue"),
        pytest.param({"key": "a,b=c\\d"}, Selection("spec.taskKey=a\\,b\\=c\\\\d"), id="key"),
        pytest.param({"handler": "a:b", "created_after": NOON}, Selection(), id="sifted"),
        pytest.param(
            {"state": State.FAILED, "queue": "q", "key": "k"},
            Selection("status.state=Failed,spec.queue=q,spec.taskKey=k"),
            id="together",
        ),
    ],
)
def test_what_the_api_server_selects(asked, selection):
    assert filters_of(**asked).selection == selection


def test_children_are_selected_by_the_label_of_their_parent():
    assert Filters(parent_uid="17").selection == Selection(labels=f"{LABEL_PARENT_UID}=17")


@pytest.mark.parametrize(
    ("asked", "view", "matches"),
    [
        pytest.param({"state": State.PENDING}, task(), True, id="not-seen-is-pending"),
        pytest.param({"state": State.PENDING}, task("Queued"), False, id="another-state"),
        pytest.param({"queue": "default"}, task(), True, id="no-queue-is-default"),
        pytest.param({"queue": "default"}, task(queue="mails"), False, id="another-queue"),
        pytest.param({"handler": "shop.orders:Export"}, task(), True, id="handler"),
        pytest.param({"handler": Export}, task(handler=f"{__name__}:Export"), True, id="handler-class"),
        pytest.param({"handler": Export}, task(), False, id="another-handler"),
        pytest.param({"key": "k"}, task(taskKey="k"), True, id="key"),
        pytest.param({"key": "k"}, task(), False, id="no-key"),
        pytest.param({"created_after": NOON.replace(hour=11)}, task(), True, id="younger"),
        pytest.param({"created_after": NOON}, task(), False, id="not-younger"),
    ],
)
def test_what_a_task_must_be(asked, view, matches):
    assert filters_of(**asked).match(view) is matches


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"state": "Done"}, "'Done' is not a valid State; the states are Pending, ", id="state"),
        pytest.param({"state": []}, "state names no state at all", id="no-state"),
        pytest.param({"key": ""}, "it is empty", id="key"),
        pytest.param({"created_after": datetime(2026, 3, 1)}, "is naive", id="naive"),  # noqa: DTZ001
    ],
)
def test_what_no_task_can_be_is_an_error(asked, said):
    with pytest.raises(ValueError, match=said):
        filters_of(**asked)
