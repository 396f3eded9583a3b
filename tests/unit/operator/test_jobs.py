"""The Job of a launch: identifiers only, nothing overridden, names that fit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evertask.api import protocol
from evertask.api.protocol import job_name, scheduled_run_id
from evertask.api.retry import RetryPolicy
from evertask_operator.resources.jobs import AT_ONCE, Begin, build_job, template_digest
from evertask_operator.settings import DefaultsSettings, RunnerSettings
from tests.support.situations import CREATED, RUN, UID, make_task

RUNNER = RunnerSettings(image="registry/runner:1")
MARK = "written-by-a-user"

ONCE = {"limit": 0}
QUICK = {"startDeadline": "10s", "gracePeriod": "5s"}


EARLY = Begin(at="2026-11-24T12:00:00.25Z", wait_seconds=2.5)
"""How a Job is made before its time."""

SECOND = replace(EARLY, attempt=2)
"""How the Job of a second attempt is made before its time."""

DEFAULTS = '{"holdPodSeconds":30.0,"retry":{"delay":"500ms","limit":3}}'


def job(*, runner=RUNNER, launch=1, begin=AT_ONCE, defaults=None, **spec):
    return build_job(make_task(**spec).record(), RUN, launch, runner, begin=begin, defaults=defaults)


def pod_spec(**spec):
    return job(**spec)["spec"]["template"]["spec"]


def runner_of(made):
    containers = made["spec"]["template"]["spec"]["containers"]
    return next(container for container in containers if container["name"] == "runner")


def env(**spec):
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in runner_of(job(**spec))["env"]}


def test_the_job_is_named_and_owned_by_its_launch():
    meta = job(launch=3)["metadata"]
    assert meta["name"] == f"et-{UID}-{RUN}-3"
    assert meta["namespace"] == "shop"
    assert meta["ownerReferences"] == [
        {
            "apiVersion": "evertask.io/v1alpha1",
            "kind": "EverTask",
            "name": "report",
            "uid": UID,
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]


def test_nothing_but_the_operator_starts_a_pod_again():
    made = job()["spec"]
    assert (made["backoffLimit"], made["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert made["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert "ttlSecondsAfterFinished" not in made


@pytest.mark.parametrize("where", ["job", "pod"])
def test_job_and_pod_bear_the_launch(where):
    made = job(launch=3)
    meta = (made if where == "job" else made["spec"]["template"])["metadata"]
    assert meta["labels"] == {
        protocol.LABEL_MANAGED_BY: protocol.MANAGED_BY,
        protocol.LABEL_TASK_UID: UID,
        protocol.LABEL_RUN: RUN,
        protocol.LABEL_LAUNCH: "3",
    }
    assert meta["annotations"][protocol.ANNOTATION_TASK_NAME] == "report"


def test_a_pod_template_cannot_override_identity():
    labels = {
        protocol.LABEL_TASK_UID: "x",
        protocol.LABEL_RUN: "x",
        protocol.LABEL_LAUNCH: "x",
        protocol.LABEL_MANAGED_BY: "x",
        "tier": "batch",
    }
    annotations = {protocol.ANNOTATION_TASK_NAME: "x", "note": "kept"}
    made = job(podTemplate={"metadata": {"labels": labels, "annotations": annotations}})
    meta = made["spec"]["template"]["metadata"]
    assert meta["labels"] == {**made["metadata"]["labels"], "tier": "batch"}
    assert meta["annotations"] == {protocol.ANNOTATION_TASK_NAME: "report", "note": "kept"}


@pytest.mark.parametrize(
    "name",
    [
        protocol.ENV_TASK_UID,
        protocol.ENV_RUN,
        protocol.ENV_LAUNCH,
        protocol.ENV_POD_NAME,
        protocol.ENV_HANDLER,
        protocol.ENV_SCHEDULED_TIME,
        protocol.ENV_ATTEMPT,
        protocol.ENV_DEFAULTS,
    ],
)
@pytest.mark.parametrize("kind", [{"value": "x"}, {"valueFrom": {"fieldRef": {"fieldPath": "x"}}}])
def test_a_pod_template_cannot_override_what_the_runner_is_told(name, kind):
    template = {"spec": {"containers": [{"env": [{"name": name, **kind}, {"name": "MINE", "value": "1"}]}]}}
    told = env(begin=SECOND, podTemplate=template)
    assert told[name] == env(begin=SECOND)[name]
    assert told["MINE"] == "1"


def test_the_runner_is_told_identifiers_and_the_administrators_defaults_only():
    assert env() == {
        protocol.ENV_TASK_NAMESPACE: "shop",
        protocol.ENV_TASK_NAME: "report",
        protocol.ENV_TASK_UID: UID,
        protocol.ENV_RUN: RUN,
        protocol.ENV_LAUNCH: "1",
        protocol.ENV_HANDLER: "shop.reports:daily",
        protocol.ENV_DEFAULTS: DEFAULTS,
        protocol.ENV_POD_NAME: {"fieldRef": {"fieldPath": "metadata.name"}},
    }


def test_a_pod_that_is_made_early_is_told_its_time_besides():
    assert env(begin=EARLY) == {**env(), protocol.ENV_SCHEDULED_TIME: "2026-11-24T12:00:00.25Z"}


def test_the_pod_of_a_later_attempt_is_told_its_number_besides():
    assert env(begin=SECOND) == {**env(begin=EARLY), protocol.ENV_ATTEMPT: "2"}


@pytest.mark.parametrize(
    ("seconds", "begin"),
    [
        (2.5, Begin(2, "2026-11-24T12:00:02.5Z", 2.5)),
        (0, Begin(2)),
        (-60, Begin(2)),
    ],
    ids=["early", "on-time", "late"],
)
def test_a_pod_waits_for_what_is_still_to_come(seconds, begin):
    assert Begin.of(2, CREATED + timedelta(seconds=seconds), CREATED) == begin


def test_the_administrators_defaults_reach_the_runner_as_they_are_set():
    retry = RetryPolicy(delays=["1s", "1m"], only_for=["ConnectionError"])
    told = env(defaults=DefaultsSettings(retry=retry, hold_pod=timedelta(0)))[protocol.ENV_DEFAULTS]
    assert json.loads(told) == {
        "retry": {"delays": ["1s", "1m"], "onlyFor": ["ConnectionError"]},
        "holdPodSeconds": 0,
    }


def test_nothing_that_a_user_wrote_reaches_the_pod_but_the_handlers_path():
    made = job(payload={MARK: "$(X)"}, taskKey=MARK, runAt="2026-11-24T12:00:00Z", ttlAfterFinished="5m")
    assert MARK not in json.dumps(made)
    assert "$(" not in json.dumps(made)


@pytest.mark.parametrize("launch", [1, 9999])
@pytest.mark.parametrize("year", [1970, 2026, 2999])
def test_names_fit_with_the_pods_suffix(year, launch):
    run_id = scheduled_run_id(int(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()))
    name = job_name(UID, run_id, launch)
    assert len(UID) == 36
    assert len(name) <= 57
    assert len(f"{name}-x7k2p") <= 63


# --- merging over the defaults -----------------------------------------------------------------------------


def test_the_defaults_come_from_the_settings():
    runner = runner_of(job())
    assert (runner["image"], runner["imagePullPolicy"]) == ("registry/runner:1", "IfNotPresent")
    assert runner["command"] == ["python3", "-m", "evertask_runner"]
    assert runner["terminationMessagePolicy"] == "FallbackToLogsOnError"


@pytest.mark.parametrize("name", [{}, {"name": "runner"}], ids=["nameless", "named"])
def test_a_tasks_template_is_merged_over_the_settings_template_over_the_defaults(name):
    base = {"spec": {"containers": [{**name, "tty": True, "image": "a"}], "nodeSelector": {"a": "b"}}}
    settings = RunnerSettings(image="registry/runner:1", pod_template=base)
    made = job(runner=settings, podTemplate={"spec": {"containers": [{**name, "image": "mine"}]}})
    runner = runner_of(made)
    assert (runner["image"], runner["tty"]) == ("mine", True)
    assert len(made["spec"]["template"]["spec"]["containers"]) == 1
    assert made["spec"]["template"]["spec"]["nodeSelector"] == {"a": "b"}


def test_other_containers_run_beside_the_handlers():
    template = {"spec": {"containers": [{"name": "log", "image": "l"}, {"name": "runner", "image": "mine"}]}}
    assert {c["name"]: c["image"] for c in pod_spec(podTemplate=template)["containers"]} == {
        "runner": "mine",
        "log": "l",
    }


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [({}, 35), ({"gracePeriod": "0s"}, 5), ({"gracePeriod": "1m"}, 65), ({"gracePeriod": "250ms"}, 6)],
)
def test_the_pods_grace_leaves_time_to_report(spec, seconds):
    assert pod_spec(**spec)["terminationGracePeriodSeconds"] == seconds


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ({}, None),
        ({"timeout": "0s", "retry": ONCE}, None),
        ({"timeout": "1m"}, None),
        ({"retry": ONCE}, None),
        ({"runTimeout": "0s"}, None),
        ({"timeout": "1m", "retry": ONCE}, 900 + 60 + 2 * 30 + 60),
        ({"timeout": "1m", "retry": ONCE, **QUICK}, 10 + 60 + 2 * 5 + 60),
        ({"timeout": "1m", "retry": {"limit": 2}, **QUICK}, 10 + 3 * (60 + 2 * 5) + 2 * 30 + 60),
        ({"timeout": "1m", "retry": {"delays": ["1h"]}, **QUICK}, 10 + 2 * (60 + 2 * 5) + 30 + 60),
        ({"timeout": "1m", "runTimeout": "2m", **QUICK}, 10 + 120 + 2 * 5 + 60),
        ({"timeout": "1m", "runTimeout": "2m", "retry": {}, **QUICK}, 10 + 120 + 2 * 5 + 60),
        ({"timeout": "1m", "runTimeout": "2h", "retry": ONCE, **QUICK}, 10 + 60 + 2 * 5 + 60),
        ({"timeout": "8760h", "retry": {"limit": 1000}}, 2**31 - 1),
    ],
    ids=[
        "nothing-bounds-it",
        "no-timeout",
        "the-class-may-retry",
        "no-timeout-but-a-policy",
        "no-run-timeout",
        "one-attempt",
        "every-bound-counts",
        "each-attempt-counts",
        "delays-are-held-as-long-as-a-pod-waits",
        "the-run-timeout-alone",
        "the-run-timeout-is-less",
        "the-attempts-are-less",
        "no-more-than-a-pod-may-have",
    ],
)
def test_the_kubelets_deadline_comes_after_all_of_the_runners(spec, seconds):
    assert pod_spec(**spec).get("activeDeadlineSeconds") == seconds


@pytest.mark.parametrize("wait", [0.5, 15])
def test_a_pod_that_waits_for_its_time_has_so_much_longer(wait):
    early = replace(EARLY, wait_seconds=wait)
    deadlines = [pod_spec(runTimeout="1m", begin=b)["activeDeadlineSeconds"] for b in (early, AT_ONCE)]
    assert deadlines[0] - deadlines[1] == math.ceil(wait)
    assert "activeDeadlineSeconds" not in pod_spec(begin=early)


# --- payload sources ---------------------------------------------------------------------------------------


def test_sources_are_mounted_one_folder_each():
    sources = [{"secretRef": {"name": "mail"}}, {"configMapRef": {"name": "shop", "optional": True}}]
    spec = pod_spec(payloadFrom=sources)
    assert spec["volumes"] == [
        {"name": "evertask-payload-0", "secret": {"secretName": "mail"}},
        {"name": "evertask-payload-1", "configMap": {"name": "shop", "optional": True}},
    ]
    assert spec["containers"][0]["volumeMounts"] == [
        {"name": f"evertask-payload-{n}", "mountPath": f"/var/run/evertask/payload/{n}", "readOnly": True}
        for n in (0, 1)
    ]


def test_without_sources_nothing_is_mounted():
    spec = pod_spec()
    assert "volumes" not in spec
    assert "volumeMounts" not in spec["containers"][0]


def test_a_template_keeps_its_own_volumes_beside_the_sources():
    template = {"spec": {"volumes": [{"name": "tmp", "emptyDir": {}}]}}
    volumes = pod_spec(podTemplate=template, payloadFrom=[{"secretRef": {"name": "mail"}}])["volumes"]
    assert [volume["name"] for volume in volumes] == ["tmp", "evertask-payload-0"]


# --- the digest --------------------------------------------------------------------------------------------


def test_the_digest_does_not_depend_on_the_order_of_fields():
    assert template_digest({"handler": "a:b", "timeout": "5m"}) == template_digest(
        {"timeout": "5m", "handler": "a:b"}
    )


@pytest.mark.parametrize(("change", "same"), [({"timeout": "5m"}, False), ({"suspend": True}, True)])
def test_the_digest_is_that_of_what_the_job_is_made_from(change, same):
    spec = make_task().spec
    assert (template_digest({**spec, **change}) == template_digest(spec)) is same
    assert job()["metadata"]["annotations"][protocol.ANNOTATION_TEMPLATE] == template_digest(spec)


def test_a_job_that_is_made_early_has_the_same_digest():
    assert job(begin=EARLY)["metadata"]["annotations"] == job()["metadata"]["annotations"]
