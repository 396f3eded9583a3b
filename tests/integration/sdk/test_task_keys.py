"""Registering a task under a key, on a real API server: each cell of the table, and whose object it is.

The test writes the status as the operator would.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from evertask import Dispatcher, DispatchRefusedError, PermissionDeniedError, Registration
from evertask.api.keys import key_id
from evertask.api.protocol import ANNOTATION_REGISTRATION
from evertask.api.times import parse_time
from evertask.objects import TaskObjects
from evertask.writes import create
from tests.support.api_client import tasks_path
from tests.support.control_plane import install_frozen_fields_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hack.cluster.light import LightControlPlane
    from tests.support.api_client import ApiClient

Json = dict[str, Any]

KEY = "daily-report"
CREATED, UPDATED = Registration.CREATED, Registration.UPDATED
REPLACED, UNCHANGED = Registration.REPLACED, Registration.UNCHANGED

NOW: Json = {}
LATER: Json = {"delay": timedelta(hours=1)}
SOON: Json = {"delay": timedelta(seconds=30)}
AT: Json = {"at": datetime(2999, 1, 1, tzinfo=UTC)}
SERIES: Json = {"recurring": "@daily"}
OTHER_SERIES: Json = {"recurring": "@weekly"}
FORMS = {"now": NOW, "delay": LATER, "at": AT, "series": SERIES}


@pytest.fixture(scope="module", autouse=True)
def _frozen_fields(admin: ApiClient) -> None:
    install_frozen_fields_policy(admin)


class Stored:
    """The object of the key."""

    def __init__(self, admin: ApiClient, namespace: str, name: str = KEY) -> None:
        self.admin = admin
        self.path = tasks_path(namespace, name)

    def read(self) -> Json:
        answer = self.admin("GET", self.path)
        assert answer.status == 200, answer
        body: Json = answer.body
        return body

    @property
    def spec(self) -> Json:
        spec: Json = self.read()["spec"]
        return spec

    def change(self, **spec: Any) -> None:
        answer = self.admin.patch(self.path, {"spec": spec})
        assert answer.status == 200, answer

    def set_status(self, state: str, **status: Any) -> None:
        answer = self.admin.patch(f"{self.path}/status", {"status": {"state": state, **status}})
        assert answer.status == 200, answer


@pytest.fixture
def stored(admin, namespace) -> Stored:
    return Stored(admin, namespace)


async def test_the_first_registration_creates(dispatcher, report, stored, namespace):
    made = await dispatcher.dispatch(report(), task_key=KEY)
    found = stored.read()
    assert (made, made.name, made.outcome) == (key_id(namespace, KEY), KEY, CREATED)
    assert found["metadata"]["labels"] == {"evertask.io/task-id": str(made)}
    assert (found["spec"]["taskKey"], found["spec"]["payload"]) == (KEY, {"region": "eu"})


@pytest.mark.parametrize(
    "key", ["Daily Report", "task-5c6d7a2e-0000-4000-8000-000000000001", "日報/1", "x" * 200, "a_b", "-a"]
)
async def test_any_key_has_an_object_of_its_own(dispatcher, report, key):
    made = await dispatcher.dispatch(report(), task_key=key)
    again = await dispatcher.dispatch(report(region="us"), task_key=key)
    assert (made, made.name, made.outcome, again.outcome) == (again, again.name, CREATED, UPDATED)


@pytest.mark.parametrize("state", [None, "Pending", "Queued"])
@pytest.mark.parametrize("second", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("first", [NOW, LATER, AT], ids=["now", "delay", "at"])
async def test_a_one_shot_that_has_not_started_is_updated(dispatcher, report, stored, state, first, second):
    await dispatcher.dispatch(report(), task_key=KEY, **first)
    if state:
        stored.set_status(state)
    uid = stored.read()["metadata"]["uid"]
    made = await dispatcher.dispatch(report(region="us"), task_key=KEY, timeout=timedelta(1), **second)
    found = stored.read()
    assert (made.outcome, found["metadata"]["uid"]) == (UPDATED, uid)
    assert (found["spec"]["payload"], found["spec"]["timeout"]) == ({"region": "us"}, "24h")
    timing = {"delay", "runAt", "recurrence"} & found["spec"].keys()
    assert timing == ({"recurrence"} if second is SERIES else {"runAt"} if second else set())


@pytest.mark.parametrize("form", [NOW, AT, SERIES], ids=["now", "at", "series"])
async def test_an_equal_registration_writes_nothing(dispatcher, report, stored, form):
    await dispatcher.dispatch(report(), task_key=KEY, **form)
    before = stored.read()
    assert (await dispatcher.dispatch(report(), task_key=KEY, **form)).outcome is UNCHANGED
    assert stored.read() == before


@pytest.mark.parametrize("form", [LATER, SOON], ids=["an-hour", "seconds"])
async def test_a_delay_counts_from_the_newest_registration(dispatcher, report, stored, form):
    await dispatcher.dispatch(report(), task_key=KEY, **form)
    earliest = datetime.now(UTC) + form["delay"]
    assert (await dispatcher.dispatch(report(), task_key=KEY, **form)).outcome is UPDATED
    assert parse_time(stored.spec["runAt"]) >= earliest


async def test_a_suspended_task_stays_so_when_it_is_updated(dispatcher, report, stored):
    await dispatcher.dispatch(report(), task_key=KEY, recurring="@daily")
    stored.change(suspend=True, runNow="token-1")
    assert (await dispatcher.dispatch(report(), task_key=KEY, **OTHER_SERIES)).outcome is UPDATED
    assert (stored.spec["suspend"], stored.spec["runNow"]) == (True, "token-1")
    assert stored.spec["recurrence"] == {"cron": "@weekly"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_one_shot_that_runs_is_left_as_it_is(dispatcher, report, stored, form, caplog):
    await dispatcher.dispatch(report(), task_key=KEY)
    stored.set_status("InProgress")
    before = stored.read()
    assert (await dispatcher.dispatch(report(region="us"), task_key=KEY, **form)).outcome is UNCHANGED
    assert stored.read() == before
    assert "task daily-report, key 'daily-report': left as it is, because it is running" in caplog.text


async def test_an_equal_registration_of_one_that_runs_is_no_news(dispatcher, report, stored, caplog):
    await dispatcher.dispatch(report(), task_key=KEY)
    stored.set_status("InProgress")
    assert (await dispatcher.dispatch(report(), task_key=KEY)).outcome is UNCHANGED
    assert caplog.text == ""


@pytest.mark.parametrize("form", [NOW, LATER, AT], ids=["now", "delay", "at"])
@pytest.mark.parametrize("state", ["Pending", "Queued", "InProgress"])
async def test_a_series_does_not_become_a_one_shot(dispatcher, report, stored, state, form, caplog):
    await dispatcher.dispatch(report(), task_key=KEY, **SERIES)
    stored.set_status(state)
    before = stored.read()
    assert (await dispatcher.dispatch(report(region="us"), task_key=KEY, **form)).outcome is UNCHANGED
    assert stored.read() == before
    assert "it is a series, which does not become a one-shot" in caplog.text


@pytest.mark.parametrize("state", ["Pending", "Queued", "InProgress"])
async def test_a_series_is_updated_while_it_goes_on(dispatcher, report, stored, state):
    await dispatcher.dispatch(report(), task_key=KEY, **SERIES)
    stored.set_status(state, counts={"runs": 3, "succeeded": 3}, nextRunTime="2999-01-01T00:00:00Z")
    status = stored.read()["status"]
    made = await dispatcher.dispatch(report(region="us"), task_key=KEY, **OTHER_SERIES)
    found = stored.read()
    assert (made.outcome, found["spec"]["payload"]) == (UPDATED, {"region": "us"})
    assert (found["spec"]["recurrence"], found["status"]) == ({"cron": "@weekly"}, status)


@pytest.mark.parametrize("second", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("first", [NOW, SERIES], ids=["one-shot", "series"])
@pytest.mark.parametrize("state", ["Completed", "Failed", "Cancelled"])
async def test_what_is_over_starts_anew_as_the_next_incarnation(
    dispatcher, report, stored, state, first, second
):
    await dispatcher.dispatch(report(), task_key=KEY, **first)
    stored.change(suspend=True, cancel=state == "Cancelled", **({"runNow": "x"} if first else {}))
    stored.set_status(state)
    uid = stored.read()["metadata"]["uid"]
    made = await dispatcher.dispatch(report(region="us"), task_key=KEY, **second)
    found = stored.read()
    assert (made.outcome, found["metadata"]["uid"]) == (REPLACED, uid)
    own = {"taskKey": KEY, "payload": {"region": "us"}, "incarnation": 1, "suspend": False, "cancel": False}
    assert found["spec"].items() >= own.items()
    assert {"delay", "runAt", "recurrence", "runNow"} & found["spec"].keys() == (
        {"recurrence"}
        if second is SERIES
        else {"delay"}
        if second is LATER
        else {"runAt"}
        if second
        else set()
    )


async def test_one_that_is_armed_anew_may_still_be_changed(dispatcher, report, stored):
    await dispatcher.dispatch(report(), task_key=KEY)
    stored.set_status("Completed")
    await dispatcher.dispatch(report(region="us"), task_key=KEY)
    assert (await dispatcher.dispatch(report(region="us"), task_key=KEY)).outcome is UNCHANGED
    assert (await dispatcher.dispatch(report(region="jp"), task_key=KEY)).outcome is UPDATED
    assert (stored.spec["payload"], stored.spec["incarnation"]) == ({"region": "jp"}, 2)


@pytest.mark.parametrize("form", [NOW, SERIES], ids=["one-shot", "series"])
async def test_the_end_of_what_is_being_cancelled_is_waited_for(dispatcher, report, stored, form):
    await dispatcher.dispatch(report(), task_key=KEY, **form)
    stored.set_status("InProgress")
    stored.change(cancel=True)
    registering = asyncio.create_task(dispatcher.dispatch(report(region="us"), task_key=KEY, **form))
    await asyncio.sleep(0.5)
    assert not registering.done()
    stored.set_status("Cancelled")
    assert (await registering).outcome is REPLACED
    assert (stored.spec["cancel"], stored.spec["incarnation"]) == (False, 1)


async def test_what_does_not_end_is_refused_when_the_patience_is_over(connection, report, stored):
    async with Dispatcher(connection=connection, patience=timedelta(seconds=1)) as dispatcher:
        await dispatcher.dispatch(report(), task_key=KEY)
        stored.change(cancel=True)
        before = stored.read()
        with pytest.raises(
            DispatchRefusedError, match="is being cancelled, and that was not over within 1 s"
        ):
            await dispatcher.dispatch(report(region="us"), task_key=KEY)
    assert stored.read() == before


async def test_the_end_of_what_is_being_deleted_is_waited_for(dispatcher, report, stored, admin):
    await dispatcher.dispatch(report(), task_key=KEY)
    assert admin.patch(stored.path, {"metadata": {"finalizers": ["test/held"]}}).status == 200
    assert admin("DELETE", stored.path).status == 200
    old = stored.read()["metadata"]["uid"]
    registering = asyncio.create_task(dispatcher.dispatch(report(), task_key=KEY))
    await asyncio.sleep(0.5)
    assert admin.patch(stored.path, {"metadata": {"finalizers": []}}).status == 200
    assert (await registering).outcome is CREATED
    assert stored.read()["metadata"]["uid"] != old


async def test_kubectl_and_the_sdk_meet_on_one_object(
    control_plane: LightControlPlane, namespace, dispatcher, report, stored, admin
):
    applied = {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": KEY, "namespace": namespace},
        "spec": {
            "handler": "shop.reports:MonthlyReport",
            "taskKey": KEY,
            "payload": {"region": "eu"},
            "recurrence": {"cron": "@daily"},
            "timeout": "60m",
        },
    }
    control_plane.kubectl("apply", "-f", "-", text=json.dumps(applied))
    one_hour = timedelta(hours=1)
    made = await dispatcher.dispatch(report(), task_key=KEY, recurring="@daily", timeout=one_hour)
    assert made.outcome is UNCHANGED
    # By the label the id leads to the object that kubectl made.
    selector = f"labelSelector=evertask.io/task-id={made}"
    items = admin("GET", f"{tasks_path(namespace)}?{selector}").body["items"]
    assert [item["metadata"]["name"] for item in items] == [KEY]
    again = await dispatcher.dispatch(report(region="us"), task_key=KEY, recurring="@daily", timeout=one_hour)
    assert (again.outcome, stored.spec["payload"]) == (UPDATED, {"region": "us"})
    assert "configured" in control_plane.kubectl("apply", "-f", "-", text=json.dumps(applied))
    assert (stored.spec["payload"], stored.read()["metadata"]["labels"]) == (
        {"region": "eu"},
        {"evertask.io/task-id": str(made)},
    )


@pytest.mark.parametrize("spec", [{}, {"taskKey": "other"}], ids=["no-key", "another-key"])
async def test_an_object_of_another_task_is_left_alone(dispatcher, report, stored, admin, namespace, spec):
    body = {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": KEY},
        "spec": {"handler": "shop.other:work", **spec},
    }
    assert admin("POST", tasks_path(namespace), body).status == 201
    before = stored.read()
    with pytest.raises(
        DispatchRefusedError, match=r"needs the name daily-report.*choose another key"
    ) as refused:
        await dispatcher.dispatch(report(), task_key=KEY)
    assert [cause.field for cause in refused.value.causes] == ["spec.taskKey"]
    assert stored.read() == before


async def test_a_key_and_an_id_together_are_refused(dispatcher, report):
    with pytest.raises(DispatchRefusedError, match="leave task_id out, the id follows from the key"):
        await dispatcher.dispatch(report(), task_key=KEY, task_id=uuid4())


@pytest.mark.parametrize("state", [None, "Completed"])
async def test_a_refused_registration_changes_nothing(dispatcher, report, stored, state):
    await dispatcher.dispatch(report(), task_key=KEY)
    if state:
        stored.set_status(state)
    before = stored.read()
    with pytest.raises(DispatchRefusedError, match="gracePeriod must be a duration from 0s to 1h"):
        await dispatcher.dispatch(report(region="us"), task_key=KEY, grace_period=timedelta(hours=2))
    assert stored.read() == before


async def test_a_quota_that_is_used_up_does_not_keep_a_task_from_being_registered_again(
    dispatcher, report, admin, namespace, stored
):
    await dispatcher.dispatch(report(), task_key=KEY)
    policy = _no_creations(admin, namespace)
    try:
        with pytest.raises(DispatchRefusedError, match="no more tasks here"):
            await _until_refused(lambda: dispatcher.dispatch(report()))
        with pytest.raises(DispatchRefusedError, match="no more tasks here"):
            await dispatcher.dispatch(report(), task_key="another")
        assert (await dispatcher.dispatch(report(region="us"), task_key=KEY)).outcome is UPDATED
    finally:
        policy()


def _no_creations(admin: ApiClient, namespace: str) -> Callable[[], object]:
    """Refuse creations in the namespace, as a quota would; gives what takes it away."""
    base = "/apis/admissionregistration.k8s.io/v1"
    rules = {"apiGroups": ["evertask.io"], "apiVersions": ["*"], "operations": ["CREATE"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": selector,
            "resourceRules": [rules | {"resources": ["evertasks"]}],
        },
        "validations": [{"expression": "false", "message": "no more tasks here", "reason": "Forbidden"}],
    }
    binding = {"policyName": namespace, "validationActions": ["Deny"]}
    for kind, plural, body in (
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", spec),
        ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", binding),
    ):
        made = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": namespace},
        }
        assert admin("POST", f"{base}/{plural}", made | {"spec": body}).status == 201

    def remove() -> None:
        admin("DELETE", f"{base}/validatingadmissionpolicybindings/{namespace}")
        admin("DELETE", f"{base}/validatingadmissionpolicies/{namespace}")

    return remove


async def _until_refused(dispatch: Callable[[], Any]) -> None:
    """Dispatch until the policy is enforced, which takes moments."""
    async with asyncio.timeout(30):
        while True:
            await dispatch()
            await asyncio.sleep(0.1)


async def test_a_missing_right_is_named(stranger, report):
    with pytest.raises(PermissionDeniedError, match=r"no right to create evertasks.*Role"):
        await stranger.dispatch(report(), task_key=KEY)


async def test_the_right_to_update_is_named_where_it_is_missing(stranger, report, stored, admin, namespace):
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": ["evertask.io"], "resources": ["evertasks"], "verbs": ["create", "get"]}
    role = {"kind": "Role", "name": "creator", "apiGroup": "rbac.authorization.k8s.io"}
    web = {"kind": "ServiceAccount", "name": "web", "namespace": namespace}
    body = {"metadata": {"name": "creator"}}
    assert admin("POST", f"{rbac}/roles", body | {"rules": [rule]}).status == 201
    assert admin("POST", f"{rbac}/rolebindings", body | {"roleRef": role, "subjects": [web]}).status == 201
    async with asyncio.timeout(30):
        while not await _granted(stranger.dispatch(report(), task_key=KEY)):  # noqa: ASYNC110  (no event tells)
            await asyncio.sleep(0.1)
    before = stored.read()
    with pytest.raises(PermissionDeniedError, match=r"no right to patch evertasks.*verbs: \[patch\]"):
        await stranger.dispatch(report(region="us"), task_key=KEY)
    assert stored.read() == before


async def _granted(call: Coroutine[Any, Any, object]) -> bool:
    """Tell whether a call is allowed: a Role takes moments to be known."""
    try:
        await call
    except PermissionDeniedError:
        return False
    return True


async def test_each_write_is_signed_by_its_caller(dispatcher, report, stored):
    await dispatcher.dispatch(report(), task_key=KEY)
    first = stored.read()["metadata"]["annotations"][ANNOTATION_REGISTRATION]
    await dispatcher.dispatch(report(region="us"), task_key=KEY)
    assert stored.read()["metadata"]["annotations"][ANNOTATION_REGISTRATION] != first


async def test_an_unknown_field_is_refused_and_not_dropped(connection, namespace):
    manifest = {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {"name": "odd", "namespace": namespace},
        "spec": {"handler": "shop.reports:MonthlyReport", "prio": 1},
    }
    objects = TaskObjects(connection, namespace, 10)
    with pytest.raises(DispatchRefusedError, match=r'unknown field "spec\.prio"'):
        await create(objects, manifest, ignoring=frozenset(), remedy="")
    assert await objects.read("odd") is None
