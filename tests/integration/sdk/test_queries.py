"""Pages of tasks on a real API server: each task once, whatever is sifted, deleted or forgotten between two pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from evertask import Dispatcher, State, TaskNotFoundError, queries
from tests.support.scripted_servers import ScriptedServer, refuse
from tests.support.sdk_tasks import Operator

RARE = "shop.orders:Rare"
NAMES = [f"t-{number:02d}" for number in range(23)]
RARE_NAMES = NAMES[::3]
GONE = 410


@pytest.fixture
def operator(admin, namespace) -> Operator:
    return Operator(admin, namespace)


@pytest.fixture
def tasks(operator) -> None:
    """Twenty-three tasks; every third has another handler."""
    for name in NAMES:
        operator.make(name, **({"handler": RARE} if name in RARE_NAMES else {}))


@pytest.fixture
def small_chunks(monkeypatch) -> None:
    """Make the API server's answers small, so that there are many of them."""
    monkeypatch.setattr(queries, "CHUNK", 5)


async def pages(dispatcher: Dispatcher, **asked: Any) -> list[list[str]]:
    """Read all pages, by their tokens."""
    found, token = [], None
    while True:
        page = await dispatcher.query(**asked, continue_token=token)
        found.append([view.name for view in page.items])
        token = page.continue_token
        if token is None:
            return found


@pytest.mark.usefixtures("tasks", "small_chunks")
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 8, 22, 23, 24, 100])
@pytest.mark.parametrize(
    ("asked", "names"),
    [({}, NAMES), ({"handler": RARE}, RARE_NAMES), ({"queue": "default"}, NAMES)],
    ids=["all", "rare", "sifted-but-all"],
)
async def test_pages_hold_each_task_once_and_are_full_but_for_the_last(dispatcher, asked, names, limit):
    found = await pages(dispatcher, limit=limit, **asked)
    assert [name for page in found for name in page] == names
    assert all(len(page) == limit for page in found[:-1])


@pytest.mark.usefixtures("tasks")
async def test_the_last_full_page_of_a_sifted_query_knows_that_it_is_the_last(dispatcher):
    page = await dispatcher.query(handler=RARE, limit=len(RARE_NAMES))
    assert (len(page.items), page.continue_token) == (len(RARE_NAMES), None)


@pytest.mark.usefixtures("tasks", "small_chunks")
async def test_what_comes_and_goes_between_two_pages_moves_nothing_else(dispatcher, operator):
    first = await dispatcher.query(handler=RARE, limit=3)
    assert [view.name for view in first.items] == ["t-00", "t-03", "t-06"]
    operator.delete("t-00", "t-06", "t-09")
    operator.make("a-new-one", handler=RARE)
    rest = await dispatcher.query(handler=RARE, limit=100, continue_token=first.continue_token)
    # t-09 is there in the API server's list, which is of the moment of the first page, or it is not.
    assert [view.name for view in rest.items if view.name != "t-09"] == ["t-12", "t-15", "t-18", "t-21"]


@pytest.mark.usefixtures("tasks", "small_chunks")
@pytest.mark.parametrize("limit", [4, 5, 6])
@pytest.mark.parametrize("asked", [{}, {"handler": RARE}], ids=["all", "rare"])
async def test_a_token_that_the_api_server_has_forgotten_still_gives_the_next_page(
    control_plane, connect, namespace, asked, limit
):
    names = RARE_NAMES if asked else NAMES
    async with (
        ScriptedServer(control_plane.server, control_plane.ca) as script,
        connect(control_plane.ca, script.url, control_plane.token, namespace) as connection,
    ):
        dispatcher = Dispatcher(connection=connection)
        first = await dispatcher.query(limit=limit, **asked)
        script.next("GET", refuse(GONE))
        rest = await dispatcher.query(limit=100, continue_token=first.continue_token, **asked)
        assert GONE in [seen.status for seen in script.seen]
    assert [view.name for view in (*first.items, *rest.items)] == names


@pytest.mark.usefixtures("tasks", "small_chunks")
async def test_query_all_gives_each_task_once_also_when_the_list_is_forgotten_on_the_way(
    control_plane, connect, namespace
):
    async with (
        ScriptedServer(control_plane.server, control_plane.ca) as script,
        connect(control_plane.ca, script.url, control_plane.token, namespace) as connection,
    ):
        found = []
        async for view in Dispatcher(connection=connection).query_all():
            found.append(view.name)
            if view.name == "t-07":
                script.next("GET", refuse(GONE))
        assert GONE in [seen.status for seen in script.seen]
    assert found == NAMES


@pytest.fixture
def mixed(operator) -> None:
    """Tasks that differ in what may be asked for."""
    operator.make("unseen")
    operator.make("waiting", "Pending", queue="mails")
    operator.make("running", "InProgress", queue="mails", taskKey="a,b=c\\d")
    operator.make("done", "Completed")
    operator.make("broken", "Failed", handler=RARE, queue="other")


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(
    ("asked", "names"),
    [
        pytest.param({"state": State.PENDING}, {"unseen", "waiting"}, id="pending-or-unseen"),
        pytest.param({"state": State.FAILED}, {"broken"}, id="failed"),
        pytest.param({"state": [State.COMPLETED, State.FAILED]}, {"done", "broken"}, id="two-states"),
        pytest.param(
            {"state": [State.PENDING, State.FAILED]}, {"unseen", "waiting", "broken"}, id="and-unseen"
        ),
        pytest.param({"queue": "mails"}, {"waiting", "running"}, id="queue"),
        pytest.param({"queue": "default"}, {"unseen", "done"}, id="default-queue"),
        pytest.param({"queue": "none"}, set(), id="no-such-queue"),
        pytest.param({"queue": "a,b=c"}, set(), id="no-queue-can-be-called-so"),
        pytest.param({"key": "a,b=c\\d"}, {"running"}, id="key"),
        pytest.param({"handler": RARE, "state": "Failed"}, {"broken"}, id="handler-and-state"),
    ],
)
async def test_what_is_asked_for_is_found(dispatcher, asked, names):
    assert {view.name for view in (await dispatcher.query(**asked)).items} == names
    assert {view.name async for view in dispatcher.query_all(**asked)} == names


async def test_the_time_of_creation_may_move_between_two_pages(dispatcher, operator):
    operator.make_many(["a", "b", "c"])
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    first = await dispatcher.query(created_after=hour_ago, limit=2)
    rest = await dispatcher.query(
        created_after=hour_ago + timedelta(minutes=1), continue_token=first.continue_token
    )
    assert [view.name for view in (*first.items, *rest.items)] == ["a", "b", "c"]
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert (await dispatcher.query(created_after=soon)).items == ()


async def test_children_are_asked_for_by_their_parents_id_name_or_uid(dispatcher, report, operator):
    parent = await dispatcher.dispatch(report())
    uid = operator.stored(parent.name)["metadata"]["uid"]
    operator.make("child", parent_uid=uid)
    for ref in (parent, UUID(str(parent)), parent.name, uid, UUID(uid)):
        assert [view.name for view in (await dispatcher.query(parent=ref)).items] == ["child"]
    assert (await dispatcher.query(parent=uuid4())).items == ()
    with pytest.raises(TaskNotFoundError, match="there is no task nobody"):
        await dispatcher.query(parent="nobody")


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_has_room_for_one_task_at_least(dispatcher, limit):
    with pytest.raises(ValueError, match=f"limit is {limit}; give the number of tasks of a page, 1 or more"):
        await dispatcher.query(limit=limit)
