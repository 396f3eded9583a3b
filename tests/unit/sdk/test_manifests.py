"""The object of a dispatch: timing, options, precedence; and the sentences that refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from evertask import ConfigurationError, DispatchRefusedError, Task
from evertask.api.task import EverTask
from evertask.manifests import Options, manifest_of, says_the_same

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ID = UUID("5c6d7a2e-0000-4000-8000-000000000001")


class Report(Task):
    handler = "shop.reports:MonthlyReport"
    region: str = "eu"


class Guarded(Report):
    timeout = timedelta(minutes=5)
    grace_period = timedelta(seconds=10)
    on_interruption = "Fail"
    pod_template: ClassVar = {"spec": {"priorityClassName": "low"}}


def manifest(task: Task | None = None, **arguments: Any) -> dict[str, Any]:
    return manifest_of(task or Report(), ID, "shop", now=NOW, **arguments)


def spec(task: Task | None = None, **arguments: Any) -> dict[str, Any]:
    made: dict[str, Any] = manifest(task, **arguments)["spec"]
    return made


def test_the_object_is_named_and_labelled_by_the_id():
    assert manifest() == {
        "apiVersion": "evertask.io/v1alpha1",
        "kind": "EverTask",
        "metadata": {
            "name": f"task-{ID}",
            "namespace": "shop",
            "labels": {"evertask.io/task-id": str(ID)},
        },
        "spec": {"handler": "shop.reports:MonthlyReport", "payload": {"region": "eu"}},
    }


@pytest.mark.parametrize(
    ("arguments", "timing"),
    [
        pytest.param({}, {}, id="now"),
        pytest.param({"delay": timedelta(0)}, {}, id="zero-delay"),
        pytest.param({"delay": timedelta(hours=-1)}, {}, id="negative-delay"),
        pytest.param({"delay": timedelta(milliseconds=1)}, {"runAt": "2026-03-01T12:00:00.251Z"}, id="1ms"),
        pytest.param({"delay": timedelta(seconds=59.9)}, {"runAt": "2026-03-01T12:01:00.15Z"}, id="59.9s"),
        pytest.param({"delay": timedelta(minutes=1)}, {"delay": "1m"}, id="a-minute"),
        pytest.param({"delay": timedelta(days=2, microseconds=5)}, {"delay": "48h5us"}, id="two-days"),
        pytest.param(
            {"at": datetime(2026, 7, 1, 9, tzinfo=ZoneInfo("Europe/Rome"))},
            {"runAt": "2026-07-01T07:00:00Z"},
            id="at-in-a-zone",
        ),
        pytest.param(
            {"at": NOW - timedelta(days=1)}, {"runAt": "2026-02-28T12:00:00.25Z"}, id="at-in-the-past"
        ),
    ],
)
def test_when_it_runs(arguments, timing):
    assert {key: value for key, value in spec(**arguments).items() if key in {"delay", "runAt"}} == timing


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        pytest.param(
            {"at": datetime(2026, 7, 1)},  # noqa: DTZ001
            DispatchRefusedError,
            r"at=2026-07-01 00:00:00 is naive.*different instant.*ZoneInfo",
            id="naive",
        ),
        pytest.param(
            {"at": NOW, "delay": timedelta(1)}, DispatchRefusedError, "at most one of them", id="at-and-delay"
        ),
        pytest.param(
            {"delay": timedelta(days=4000)}, DispatchRefusedError, "delay: .*ten years", id="too-long"
        ),
        pytest.param({"delay": 5}, TypeError, r"timedelta\(seconds=5\)", id="delay-is-a-number"),
        pytest.param({"at": "noon"}, TypeError, "at must be a datetime", id="at-is-a-text"),
        pytest.param({"task": "Report"}, TypeError, "instance of a Task subclass", id="task-is-a-text"),
        pytest.param({"task": Report}, TypeError, "instance of a Task subclass", id="task-is-a-class"),
        pytest.param(
            {"options": Options(timeout=timedelta(-1))},
            DispatchRefusedError,
            "timeout: .*negative",
            id="timeout",
        ),
        pytest.param(
            {"options": Options(grace_period=timedelta(days=9999))},
            DispatchRefusedError,
            "grace_period: .*ten years",
            id="grace-period",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, error, said):
    with pytest.raises(error, match=said):
        manifest(**arguments)


def test_a_task_without_a_handler_is_refused():
    class Lost(Task):
        pass

    with pytest.raises(ConfigurationError, match="Lost names no handler"):
        manifest(Lost())


def test_the_classs_options_reach_the_spec():
    made = spec(Guarded())
    assert (made["timeout"], made["gracePeriod"], made["onInterruption"]) == ("5m", "10s", "Fail")


def test_a_dispatchs_options_go_before_the_classs():
    options = Options(timeout=timedelta(0), ttl_after_finished=timedelta(hours=2), on_interruption="Relaunch")
    made = spec(Guarded(), options=options)
    assert (made["timeout"], made["ttlAfterFinished"], made["onInterruption"]) == ("0s", "2h", "Relaunch")
    assert made["gracePeriod"] == "10s"


@pytest.mark.parametrize(
    ("task", "dispatchers", "used"),
    [
        pytest.param(Report(), None, None, id="neither"),
        pytest.param(Guarded(), None, Guarded.pod_template, id="class"),
        pytest.param(Report(), {"spec": {}}, {"spec": {}}, id="dispatcher"),
        pytest.param(Guarded(), {"spec": {}}, {"spec": {}}, id="dispatcher-over-class"),
        pytest.param(Guarded(), {}, {}, id="an-empty-one-counts"),
    ],
)
def test_which_pod_template_is_used(task, dispatchers, used):
    assert spec(task, pod_template=dispatchers).get("podTemplate") == used


def test_the_object_fits_the_model_of_the_api():
    made = manifest(Guarded(), delay=timedelta(hours=1), options=Options(start_deadline=timedelta(minutes=1)))
    read = EverTask.model_validate(made)
    assert read.spec.model_dump(by_alias=True, exclude_defaults=True) == made["spec"]


def existing(change: dict[str, Any]) -> dict[str, Any]:
    """Give the object as the API server has it: with defaults, and changed."""
    found = manifest()
    return {
        **found,
        "spec": {**found["spec"], "cancel": False, **change.get("spec", {})},
        **change.get("top", {}),
    }


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param({}, True, id="defaults-only"),
        pytest.param({"spec": {"cancel": True}}, True, id="cancelled-since"),
        pytest.param({"spec": {"payload": {"region": "us"}}}, False, id="other-payload"),
        pytest.param({"spec": {"handler": "shop.x:Y"}}, False, id="other-handler"),
        pytest.param({"top": {"metadata": {"name": f"task-{ID}"}}}, False, id="not-by-dispatch"),
    ],
)
def test_an_existing_object_is_the_same_if_all_that_was_sent_is_in_it(change, same):
    assert says_the_same(manifest(), existing(change), ignoring=frozenset()) is same


def test_the_instant_of_a_short_delay_may_differ_between_two_equal_dispatches():
    first, again = manifest(delay=timedelta(seconds=1)), manifest(delay=timedelta(seconds=2))
    assert not says_the_same(again, first, ignoring=frozenset())
    assert says_the_same(again, first, ignoring=frozenset({"runAt"}))
