"""Finding one task by id, name or key, and changing what becomes of it; the test plays the operator."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from evertask import (
    ApiError,
    ApiUnavailableError,
    CancelOutcome,
    Dispatcher,
    DispatchRefusedError,
    PermissionDeniedError,
    TaskNotFoundError,
)
from evertask.api.keys import key_id, key_name
from evertask.api.protocol import LABEL_TASK_ID
from evertask.views import ParentRef
from tests.support.api_client import tasks_path
from tests.support.scripted_servers import ScriptedServer, before, lose_answer
from tests.support.sdk_tasks import Operator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVERY = {"recurrence": {"every": "1h"}}
KEY = "Report of the night"


@pytest.fixture
def operator(admin, namespace) -> Operator:
    return Operator(admin, namespace)


@pytest.fixture
async def script(control_plane) -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(control_plane.server, control_plane.ca) as made:
        yield made


@pytest.fixture
async def scripted(script, control_plane, connect, namespace) -> AsyncIterator[Dispatcher]:
    """A dispatcher on the other side of a server that does what the test says."""
    async with (
        connect(control_plane.ca, script.url, control_plane.token, namespace) as connection,
        Dispatcher(connection=connection) as made,
    ):
        yield made


@pytest.fixture
async def series(operator) -> str:
    operator.make("series", **EVERY)
    return "series"


async def test_a_task_without_a_key_is_found_by_id_text_and_name(dispatcher, report):
    made = await dispatcher.dispatch(report())
    for ref in (made, UUID(str(made)), str(made), made.name):
        found = await dispatcher.get(ref)
        assert found is not None
        assert (found.id, found.name) == (made, made.name)


@pytest.mark.parametrize("key", ["nightly", KEY], ids=["a-name", "no-name"])
async def test_a_task_with_a_key_is_found_by_key_id_text_and_name(dispatcher, report, namespace, key):
    made = await dispatcher.dispatch(report(), task_key=key)
    looked_up = [
        await dispatcher.get(key=key),
        *[await dispatcher.get(ref) for ref in (made, UUID(str(made)), str(made), key_name(namespace, key))],
    ]
    assert [view and (view.id, view.task_key) for view in looked_up] == [(made, key)] * 5


async def test_of_two_objects_with_an_id_on_their_labels_the_keys_own_counts(dispatcher, operator, namespace):
    for name, key in (("a-copy", None), ("nightly", "nightly"), ("z-copy", "other")):
        operator.make(name, taskKey=key)
        label = {"metadata": {"labels": {LABEL_TASK_ID: str(key_id(namespace, "nightly"))}}}
        assert operator.admin.patch(tasks_path(namespace, name), label).status == 200
    found = await dispatcher.get(key_id(namespace, "nightly"))
    assert found is not None
    assert found.name == "nightly"


async def test_what_is_not_there_is_none(dispatcher):
    assert await dispatcher.get(uuid4()) is None
    assert await dispatcher.get(str(uuid4())) is None
    assert await dispatcher.get("nothing") is None
    assert await dispatcher.get(key="nothing") is None


@pytest.mark.parametrize("call", ["suspend", "resume", "run_now", "wait"])
@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ({"ref": "nothing"}, "there is no task nothing in namespace"),
        ({"ref": UUID(int=7)}, f"there is no task {UUID(int=7)} in namespace"),
        ({"key": KEY}, f"there is no task of the key '{KEY}' in namespace"),
    ],
    ids=["name", "id", "key"],
)
async def test_what_is_not_there_cannot_be_changed(dispatcher, call, ref, said):
    with pytest.raises(TaskNotFoundError, match=said):
        await getattr(dispatcher, call)(**ref)


async def test_cancel_by_key_tells_what_happened(dispatcher, report, operator):
    assert await dispatcher.cancel(key="nightly") is CancelOutcome.NOT_FOUND
    made = await dispatcher.dispatch(report(), task_key="nightly")
    assert await dispatcher.cancel(key="nightly") is CancelOutcome.REQUESTED
    operator.set(made.name, state="Cancelled")
    assert await dispatcher.cancel(UUID(str(made))) is CancelOutcome.CANCELLED
    assert operator.stored(made.name)["spec"]["cancel"] is True


async def test_suspend_and_resume_say_whether_they_changed_anything(dispatcher, operator):
    operator.make("a")
    said = [
        await call("a")
        for call in (
            dispatcher.resume,
            dispatcher.suspend,
            dispatcher.suspend,
            dispatcher.resume,
            dispatcher.resume,
        )
    ]
    assert said == [False, True, False, True, False]
    assert operator.stored("a")["spec"]["suspend"] is False


async def test_suspend_changes_nothing_else(dispatcher, series, operator):
    earlier = operator.stored(series)["spec"]
    await dispatcher.suspend(series)
    assert operator.stored(series)["spec"] == earlier | {"suspend": True}


async def test_suspend_gets_through_a_stream_of_other_writes(dispatcher, operator):
    def chatter() -> None:
        for number in range(60):
            operator.set("a", message=f"step {number}")

    operator.make("a")
    writes = asyncio.create_task(asyncio.to_thread(chatter))
    assert await dispatcher.suspend("a")
    await writes
    assert operator.stored("a")["spec"]["suspend"] is True


async def test_a_change_that_comes_between_is_seen(script, scripted, operator):
    operator.make("a")
    script.next("PATCH", before(lambda: operator.set("a", state="Completed")))
    assert await scripted.cancel("a") is CancelOutcome.ALREADY_FINISHED
    assert operator.stored("a")["spec"]["cancel"] is False


async def test_an_object_made_anew_under_the_name_is_read_before_it_is_changed(script, scripted, operator):
    def make_anew() -> None:
        operator.delete("a")
        operator.make("a", "Completed")

    operator.make("a")
    script.next("PATCH", before(make_anew))
    assert await scripted.cancel("a") is CancelOutcome.ALREADY_FINISHED


async def test_a_task_that_goes_meanwhile_is_not_found(script, scripted, operator):
    operator.make("a")
    script.next("PATCH", before(lambda: operator.delete("a")))
    with pytest.raises(TaskNotFoundError, match="there is no task a in namespace"):
        await scripted.suspend("a")


async def test_a_write_whose_answer_is_lost_counts_as_ours(script, scripted, operator):
    operator.make("a")
    script.next("PATCH", lose_answer())
    assert await scripted.suspend("a")
    assert [seen.method for seen in script.seen].count("PATCH") == 2


async def test_a_task_that_never_rests_is_an_error_in_the_end(script, control_plane, connect, operator):
    operator.make("a")
    script.next("PATCH", *[before(lambda: operator.set("a", message=str(len(script.seen))))] * 200)
    async with connect(control_plane.ca, script.url, control_plane.token, operator.namespace) as connection:
        dispatcher = Dispatcher(connection=connection, patience=timedelta(seconds=0.5))
        with pytest.raises(
            ApiUnavailableError, match=r"task a changed each time that spec\.cancel was to be set"
        ):
            await dispatcher.cancel("a")


async def test_run_now_puts_a_new_token_each_time(dispatcher, series, operator):
    first = await dispatcher.run_now(series)
    assert operator.stored(series)["spec"]["runNow"] == first
    second = await dispatcher.run_now(series)
    assert second != first
    assert operator.stored(series)["spec"]["runNow"] == second


async def test_a_token_that_stands_there_asks_for_nothing_new(dispatcher, series, operator):
    assert await dispatcher.run_now(series, "delivery-1") == "delivery-1"
    written = operator.stored(series)["metadata"]["resourceVersion"]
    assert await dispatcher.run_now(series, token="delivery-1") == "delivery-1"
    assert operator.stored(series)["metadata"]["resourceVersion"] == written


@pytest.mark.parametrize(
    ("spec", "state", "said"),
    [
        pytest.param({}, None, "task a is no series", id="one-shot"),
        pytest.param(EVERY, "Completed", r"task a has ended \(Completed\)", id="ended"),
        pytest.param(EVERY | {"cancel": True}, "Pending", "task a is being cancelled", id="cancelled"),
    ],
)
async def test_what_has_no_further_run_is_refused_one(dispatcher, operator, spec, state, said):
    operator.make("a", state, **spec)
    with pytest.raises(DispatchRefusedError, match=said) as caught:
        await dispatcher.run_now("a")
    assert caught.value.causes[0].field == "spec.runNow"
    assert "runNow" not in operator.stored("a")["spec"]


@pytest.mark.parametrize("token", ["", "t" * 65], ids=["empty", "long"])
async def test_a_token_has_1_to_64_characters(dispatcher, series, token):
    with pytest.raises(ValueError, match="give 1 to 64"):
        await dispatcher.run_now(series, token)


@pytest.fixture
async def forbidden(admin, namespace, dispatcher, series) -> AsyncIterator[None]:
    """A rule of the cluster: nobody asks for extra runs or suspends anything here."""
    group, name = "/apis/admissionregistration.k8s.io/v1", f"quiet-{namespace}"
    rule = {"apiGroups": ["evertask.io"], "apiVersions": ["*"], "operations": ["UPDATE"]}
    policy = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "resourceRules": [rule | {"resources": ["evertasks"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            },
            "validations": [
                {
                    "expression": "!has(object.spec.runNow) && !object.spec.suspend",
                    "message": "quiet please",
                    "reason": "Forbidden",
                }
            ],
        },
    }
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    kinds = (("validatingadmissionpolicies", policy), ("validatingadmissionpolicybindings", binding))
    for kind, body in kinds:
        answer = admin("POST", f"{group}/{kind}", body)
        assert answer.status == 201, answer
    async with asyncio.timeout(30):
        while True:  # it takes the API server moments to enforce it
            try:
                await dispatcher.suspend(series)
                await dispatcher.resume(series)
            except ApiError:
                break
            await asyncio.sleep(0.2)
    yield
    for kind, _ in kinds:
        admin("DELETE", f"{group}/{kind}/{name}")


@pytest.mark.usefixtures("forbidden")
async def test_what_a_rule_of_the_cluster_forbids_is_told_in_its_words(dispatcher, operator):
    operator.make("another", **EVERY)
    with pytest.raises(DispatchRefusedError, match=r"refused it: .*quiet please"):
        await dispatcher.run_now("another")
    with pytest.raises(ApiError, match="quiet please") as caught:
        await dispatcher.suspend("another")
    assert not isinstance(caught.value, PermissionDeniedError)  # a Role would not help
    assert operator.stored("another")["spec"]["suspend"] is False


async def test_children_are_found_the_oldest_first(dispatcher, operator):
    parent = operator.make("parent")["metadata"]["uid"]
    operator.make_many(["b", "a"], parent_uid=parent)
    operator.make("c", parent_uid=str(uuid4()))
    children = await dispatcher.children("parent")
    assert {view.name for view in children} == {"a", "b"}
    assert [view.created for view in children] == sorted(view.created for view in children)
    assert children[0].parent == ParentRef(parent, "parent")


async def test_children_of_a_parent_that_is_gone_are_found_by_its_uid(dispatcher, operator):
    parent = operator.make("parent")["metadata"]["uid"]
    operator.make("a", parent_uid=parent)
    operator.delete("parent")
    for ref in (UUID(parent), parent):
        assert [view.name for view in await dispatcher.children(ref)] == ["a"]
    with pytest.raises(TaskNotFoundError, match="there is no task parent in"):
        await dispatcher.children("parent")


async def test_a_task_without_children_has_none(dispatcher, operator: Any):
    operator.make("parent")
    assert await dispatcher.children("parent") == []
