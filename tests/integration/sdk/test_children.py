"""What a run dispatches: once, however often it is launched, and known as its child."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from evertask import Dispatcher, DispatchRefusedError, Registration, TaskId
from evertask.children import RunScope, inside_run
from tests.support.api_client import tasks_path
from tests.support.scripted_servers import ScriptedServer, lose_answer, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from hack.cluster.light import LightControlPlane

Json = dict[str, Any]

PARENT_UID = "6b1d0b5e-0000-4000-8000-000000000002"
TEMPLATE: Json = {"spec": {"priorityClassName": "high"}}
CREATED, UNCHANGED = Registration.CREATED, Registration.UNCHANGED


class Launch:
    """One launch of the parent's run: what a runner knows of it, and is told."""

    def __init__(self, namespace: str, run_id: str = "s1795487555", **more: Any) -> None:
        self.reported: list[str] = []
        self.scope = RunScope(
            task_uid=PARENT_UID,
            task_name="order-17",
            namespace=namespace,
            run_id=run_id,
            report=self.reported.append,
            **more,
        )


@pytest.fixture
def launch(namespace) -> Iterator[Launch]:
    made = Launch(namespace)
    with inside_run(made.scope):
        yield made


@pytest.fixture
def names(admin, namespace) -> Callable[[], list[str]]:
    def read() -> list[str]:
        return [item["metadata"]["name"] for item in admin("GET", tasks_path(namespace)).body["items"]]

    return read


async def test_a_child_names_its_parent(dispatcher, report, admin, namespace, launch):
    made = await dispatcher.dispatch(report())
    metadata = admin("GET", tasks_path(namespace, made.name)).body["metadata"]
    assert metadata["labels"] == {"evertask.io/task-id": str(made), "evertask.io/parent-uid": PARENT_UID}
    assert metadata["annotations"] == {
        "evertask.io/parent-name": "order-17",
        "evertask.io/parent-run": "s1795487555",
    }
    assert launch.reported == [made.name]


async def test_a_relaunched_run_dispatches_nothing_twice(dispatcher, report, names, namespace):
    async def handle() -> list[TaskId]:
        return [
            await dispatcher.dispatch(report(region="us")),
            await dispatcher.dispatch(report(region="us")),
            await dispatcher.dispatch(report(region="us"), delay=timedelta(seconds=5)),
            await dispatcher.dispatch(report(region="eu"), delay=timedelta(hours=1)),
            await dispatcher.dispatch(report(region="eu"), recurring="@daily"),
        ]

    first, again = Launch(namespace), Launch(namespace)
    with inside_run(first.scope):
        made = await handle()
    with inside_run(again.scope):
        repeated = await handle()
    assert [one.outcome for one in made] == [CREATED] * 5
    assert repeated == made
    assert [one.outcome for one in repeated] == [UNCHANGED] * 5
    assert again.reported == first.reported
    assert sorted(names()) == sorted(one.name for one in made)


async def test_the_next_run_dispatches_children_of_its_own(dispatcher, report, names, namespace):
    for run_id in ("s1795487555", "s1795487556"):
        with inside_run(Launch(namespace, run_id).scope):
            assert (await dispatcher.dispatch(report())).outcome is CREATED
    assert len(names()) == 2


async def test_a_batch_in_a_run_is_dispatched_once(dispatcher, report, names, namespace):
    seen = []
    for _ in range(2):
        launch = Launch(namespace)
        with inside_run(launch.scope):
            results = await dispatcher.dispatch_many([report(region=str(number % 3)) for number in range(30)])
        assert sorted(launch.reported) == sorted(result.id.name for result in results)
        seen.append({result.id for result in results})
    assert seen[0] == seen[1]
    assert len(names()) == 30


async def test_a_child_that_differs_is_refused(dispatcher, report, namespace):
    with inside_run(Launch(namespace).scope):
        await dispatcher.dispatch(report())
    again = Launch(namespace)
    with inside_run(again.scope), pytest.raises(DispatchRefusedError, match="launched again") as refused:
        await dispatcher.dispatch(report(), timeout=timedelta(minutes=5))
    assert [cause.field for cause in refused.value.causes] == ["spec.timeout"]
    assert again.reported == []


async def test_an_id_of_the_callers_own_is_kept(dispatcher, report, launch):
    task_id = uuid4()
    assert await dispatcher.dispatch(report(), task_id=task_id) == task_id
    assert launch.reported == [f"task-{task_id}"]


@pytest.mark.parametrize(
    ("own", "expected"),
    [pytest.param(None, TEMPLATE, id="the-parents"), pytest.param({"spec": {}}, {"spec": {}}, id="its-own")],
)
async def test_a_child_runs_in_its_parents_kind_of_pod(connection, report, admin, namespace, own, expected):
    dispatcher = Dispatcher(connection=connection, pod_template=own)
    with inside_run(Launch(namespace, pod_template=TEMPLATE).scope):
        made = await dispatcher.dispatch(report())
    assert admin("GET", tasks_path(namespace, made.name)).body["spec"]["podTemplate"] == expected


async def test_a_child_is_in_its_parents_namespace_by_default(
    control_plane: LightControlPlane, connect, report, namespace, names
):
    plane = control_plane
    async with connect(plane.ca, plane.server, plane.token, "default") as connection:
        with inside_run(Launch(namespace).scope):
            made = await Dispatcher(connection=connection).dispatch(report())
    assert names() == [made.name]


async def test_what_is_dispatched_into_another_namespace_is_no_child_and_not_repeated_either(
    connection, report, admin, namespace
):
    made = []
    for _ in range(2):
        launch = Launch("somewhere-else", pod_template=TEMPLATE)
        with inside_run(launch.scope):
            made.append(await Dispatcher(connection=connection, namespace=namespace).dispatch(report()))
        assert launch.reported == []
    found = admin("GET", tasks_path(namespace, made[0].name)).body
    assert (made[0], made[1].outcome) == (made[1], UNCHANGED)
    assert "evertask.io/parent-uid" not in found["metadata"]["labels"]
    assert "podTemplate" not in found["spec"]


async def test_a_kubeconfig_leads_out_of_the_run(control_plane: LightControlPlane, report, namespace, admin):
    launch = Launch("somewhere-else")
    with inside_run(launch.scope):
        async with Dispatcher(kubeconfig=control_plane.kubeconfig, namespace=namespace) as dispatcher:
            made = await dispatcher.dispatch(report())
    labels = admin("GET", tasks_path(namespace, made.name)).body["metadata"]["labels"]
    assert labels == {"evertask.io/task-id": str(made)}
    assert launch.reported == []


async def test_a_keyed_task_is_a_child_of_the_run_that_creates_it(dispatcher, report, admin, namespace):
    first, second = Launch(namespace, "s1"), Launch(namespace, "s2", pod_template=TEMPLATE)
    with inside_run(first.scope):
        made = await dispatcher.dispatch(report(), task_key="daily")
    with inside_run(second.scope):
        again = await dispatcher.dispatch(report(region="us"), task_key="daily")
    found = admin("GET", tasks_path(namespace, "daily")).body
    assert (made.outcome, again.outcome) == (CREATED, Registration.UPDATED)
    assert found["metadata"]["annotations"]["evertask.io/parent-run"] == "s1"
    assert "podTemplate" not in found["spec"]
    assert (first.reported, second.reported) == (["daily"], [])


@pytest.fixture
async def server(control_plane: LightControlPlane) -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(control_plane.server, control_plane.ca) as made:
        yield made


async def test_a_dispatch_that_is_repeated_after_a_failure_is_the_same_child(
    control_plane: LightControlPlane, connect, report, namespace, server, launch, names
):
    plane = control_plane
    async with connect(plane.ca, server.url, plane.token, namespace) as connection:
        dispatcher = Dispatcher(connection=connection)
        server.next("POST", refuse(403))
        with pytest.raises(DispatchRefusedError):
            await dispatcher.dispatch(report())
        server.next("POST", lose_answer())
        server.next("POST", refuse(403))
        with pytest.raises(DispatchRefusedError):
            await dispatcher.dispatch(report())
        made = [await dispatcher.dispatch(report()) for _ in range(2)]
    assert [one.outcome for one in made] == [UNCHANGED, CREATED]
    assert sorted(names()) == sorted(one.name for one in made)
    assert launch.reported == [one.name for one in made]
