"""The object of a dispatch: timing, options, precedence; and the sentences that refuse."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from evertask import (
    MON,
    AuditLevel,
    ConfigurationError,
    DispatchRefusedError,
    Handler,
    Recurrence,
    Retry,
    Task,
)
from evertask.api.recurrence import Calendar
from evertask.api.task import EverTask
from evertask.children import RunScope
from evertask.manifests import Timing, differences, manifest_of, spec_of, unstable_fields
from evertask.options import Options

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


class Greeter(Handler["Greeting"]):
    queue = "slow"
    audit_level = "Minimal"
    timeout = timedelta(minutes=1)
    run_timeout = timedelta(minutes=10)
    retry = Retry(limit=5)
    grace_period = timedelta(seconds=5)
    start_deadline = timedelta(minutes=2)
    on_interruption = "Fail"
    max_interruptions = 0
    fence_after = timedelta(seconds=15)
    ttl_after_finished = timedelta(hours=3)

    def handle(self, *_):
        return None


class Greeting(Task):
    handler = Greeter


class UrgentGreeting(Greeting):
    queue = "fast"
    timeout = timedelta(0)


def spec(
    task: Task | None = None,
    *,
    options: Options | None = None,
    task_key: str | None = None,
    pod_template: dict[str, Any] | None = None,
    **timing: Any,
) -> dict[str, Any]:
    said = Timing(NOW, **timing)
    return spec_of(task or Report(), said, options or Options(), task_key=task_key, pod_template=pod_template)


def manifest(*arguments: Any, parent: RunScope | None = None, **options: Any) -> dict[str, Any]:
    return manifest_of(spec(*arguments, **options), ID, f"task-{ID}", "shop", parent=parent)


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
        spec(**arguments)


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


def test_the_options_of_a_handler_class_reach_the_spec():
    assert spec(Greeting()) == {
        "handler": f"{__name__}:Greeter",
        "queue": "slow",
        "auditLevel": "Minimal",
        "timeout": "1m",
        "runTimeout": "10m",
        "retry": {"limit": 5, "delay": "500ms"},
        "gracePeriod": "5s",
        "startDeadline": "2m",
        "onInterruption": "Fail",
        "maxInterruptions": 0,
        "fenceAfter": "15s",
        "ttlAfterFinished": "3h",
    }


def test_a_task_classs_options_go_before_the_handlers():
    made = spec(UrgentGreeting())
    assert (made["queue"], made["timeout"], made["gracePeriod"]) == ("fast", "0s", "5s")


def test_a_dispatchs_options_go_before_both():
    made = spec(UrgentGreeting(), options=Options(queue="now", audit_level=AuditLevel.NONE))
    assert (made["queue"], made["auditLevel"], made["startDeadline"]) == ("now", "None", "2m")


def test_a_handler_that_is_named_by_its_path_gives_no_options():
    class Distant(Task):
        handler = f"{__name__}:Greeter"

    assert spec(Distant()) == {"handler": f"{__name__}:Greeter"}


def test_attributes_of_a_handler_of_another_base_are_no_options():
    class Own:
        queue = object()

        def handle(self, *_):
            return None

    Own.__qualname__ = "Own"
    own = type("Odd", (Task,), {"handler": Own, "__module__": __name__})
    assert spec(own()) == {"handler": f"{__name__}:Own"}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        pytest.param("", "it is empty; leave it out", id="empty"),
        pytest.param("x" * 201, "201 characters, the limit is 200", id="too-long"),
        pytest.param(" daily", "begins or ends with white space", id="space-before"),
        pytest.param("daily\n", "begins or ends with white space", id="newline-after"),
        pytest.param("a\ud800", "half of a surrogate pair", id="surrogate"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(key, said):
    with pytest.raises(DispatchRefusedError, match=said) as refused:
        spec(task_key=key)
    assert [cause.field for cause in refused.value.causes] == ["spec.taskKey"]


def test_a_key_is_part_of_the_spec():
    assert spec(task_key="Daily 日報 " + "x" * 190)["taskKey"] == "Daily 日報 " + "x" * 190


PARENT = RunScope(
    task_uid="6b1d0b5e-0000-4000-8000-000000000002",
    task_name="order-17",
    namespace="shop",
    run_id="s1795487555",
    pod_template={"spec": {"priorityClassName": "high"}},
)


def test_a_child_names_the_run_that_dispatched_it():
    assert manifest(parent=PARENT)["metadata"] == {
        "name": f"task-{ID}",
        "namespace": "shop",
        "labels": {"evertask.io/task-id": str(ID), "evertask.io/parent-uid": PARENT.task_uid},
        "annotations": {"evertask.io/parent-name": "order-17", "evertask.io/parent-run": "s1795487555"},
    }


@pytest.mark.parametrize(
    ("task", "template"),
    [
        pytest.param(Report(), PARENT.pod_template, id="the-parents"),
        pytest.param(Guarded(), Guarded.pod_template, id="its-own"),
    ],
)
def test_a_child_takes_its_parents_pod_template_unless_it_has_one(task, template):
    assert manifest(task, parent=PARENT)["spec"]["podTemplate"] == template


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        pytest.param({}, {}, id="now"),
        pytest.param({"delay": timedelta(-1)}, {}, id="past-delay"),
        pytest.param({"delay": timedelta(seconds=5)}, {"delay": "0:00:05"}, id="short-delay"),
        pytest.param({"delay": timedelta(hours=5)}, {"delay": "5:00:00"}, id="delay"),
        pytest.param({"at": NOW}, {"runAt": "2026-03-01T12:00:00.25Z"}, id="at"),
        pytest.param({"recurring": "@daily"}, {"recurrence": {"cron": "@daily"}}, id="series"),
    ],
)
def test_a_timing_is_told_as_the_caller_said_it(timing, said):
    assert Timing(NOW, **timing).said(spec(**timing)) == said


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


@pytest.mark.parametrize(
    ("recurring", "recurrence"),
    [
        pytest.param("30 9 * * MON-FRI", {"cron": "30 9 * * MON-FRI"}, id="cron"),
        pytest.param(timedelta(seconds=90), {"every": "1m30s"}, id="interval"),
        pytest.param(
            Recurrence(calendar=Calendar(unit="Day", at_times=["09:00"]), overlap="Queue"),
            {"calendar": {"unit": "Day", "atTimes": ["09:00"]}, "overlap": "Queue"},
            id="model",
        ),
        pytest.param(
            lambda r: r.run_now().then().every(2).weeks().on_day(MON).max_runs(3),
            {
                "first": {"immediately": True},
                "calendar": {"every": 2, "unit": "Week", "onDays": ["Monday"]},
                "maxRuns": 3,
            },
            id="callback",
        ),
        pytest.param(lambda r: r.run_now(), {"first": {"immediately": True}}, id="first-run-alone"),
        pytest.param(
            lambda r: r.run_at(NOW - timedelta(seconds=1)),
            {"first": {"at": "2026-03-01T11:59:59.25Z"}},
            id="first-run-a-second-ago",
        ),
        pytest.param(
            lambda r: r.run_at(NOW - timedelta(days=1)).then().every_day(),
            {"first": {"at": "2026-02-28T12:00:00.25Z"}, "calendar": {"unit": "Day"}},
            id="phase-in-the-past",
        ),
    ],
)
def test_a_series_has_the_recurrence_that_was_said(recurring, recurrence):
    made = spec(recurring=recurring)
    assert made == {"handler": "shop.reports:MonthlyReport", "payload": {"region": "eu"}} | {
        "recurrence": recurrence
    }


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        pytest.param(
            {"recurring": "@daily", "at": NOW},
            "recurring",
            "at and recurring are given together",
            id="and-at",
        ),
        pytest.param(
            {"recurring": "@daily", "delay": timedelta(0)},
            "recurring",
            "delay and recurring.*at most one",
            id="and-delay",
        ),
        pytest.param({"recurring": "0 0 30 2 *"}, "spec.recurrence.cron", "never fires", id="never"),
        pytest.param({"recurring": ""}, "spec.recurrence.cron", "cron", id="empty"),
        pytest.param(
            {"recurring": timedelta(milliseconds=1)}, "spec.recurrence.every", "every.*1s", id="too-often"
        ),
        pytest.param({"recurring": timedelta(-1)}, "spec.recurrence.every", "negative", id="negative"),
        pytest.param(
            {"recurring": lambda r: r.schedule().every_day().in_zone("Europe/Roma")},
            "spec.recurrence.timeZone",
            "Europe/Rome",
            id="callback",
        ),
        pytest.param(
            {"recurring": Recurrence(calendar=Calendar(unit="Day", at_minute=5))},
            "spec.recurrence.calendar.atMinute",
            "unit Hour",
            id="model",
        ),
        pytest.param(
            {"recurring": lambda r: r.schedule().every_hour().run_until(NOW + timedelta(minutes=60))},
            "spec.recurrence.until",
            "no run from now on.*every 1h",
            id="until-before-the-first",
        ),
        pytest.param(
            {"recurring": lambda r: r.run_at(NOW - timedelta(seconds=1.5))},
            "spec.recurrence.first.at",
            "no run from now on",
            id="only-run-is-past",
        ),
        pytest.param(
            {
                "recurring": lambda r: (
                    r.schedule()
                    .on_months(3)
                    .on_last("Sunday")
                    .at_time(time(2, 30))
                    .in_zone("Europe/Rome")
                    .daylight_saving(gap="Skip")
                )
            },
            "spec.recurrence.daylightSaving",
            "no run from now on.*leave gap: Skip out",
            id="always-in-a-gap",
        ),
    ],
)
def test_a_series_that_cannot_be_is_refused_with_its_field(arguments, field, said):
    with pytest.raises(DispatchRefusedError, match=said) as refused:
        manifest(**arguments)
    assert [cause.field for cause in refused.value.causes] == [field]


def test_a_recurrence_of_another_type_is_a_type_error():
    with pytest.raises(TypeError, match=r"recurring takes a cron expression.*not 5"):
        manifest(recurring=5)


def test_a_series_fits_the_model_of_the_api():
    made = manifest(recurring=lambda r: r.schedule().every(3).days().catch_up("All").overlap("Allow"))
    read = EverTask.model_validate(made)
    assert read.spec.model_dump(by_alias=True, exclude_unset=True) == made["spec"]


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
    ("change", "different"),
    [
        pytest.param({}, [], id="defaults-only"),
        pytest.param({"spec": {"cancel": True}}, [], id="cancelled-since"),
        pytest.param({"spec": {"payload": {"region": "us"}}}, ["spec.payload"], id="other-payload"),
        pytest.param({"spec": {"handler": "shop.x:Y"}}, ["spec.handler"], id="other-handler"),
        pytest.param(
            {"top": {"metadata": {"name": f"task-{ID}"}}},
            ["metadata.labels[evertask.io/task-id]"],
            id="not-by-dispatch",
        ),
    ],
)
def test_an_existing_object_is_the_same_if_all_that_was_sent_is_in_it(change, different):
    assert differences(manifest(), existing(change), ignoring=frozenset()) == different


def test_the_instant_of_a_short_delay_may_differ_between_two_equal_dispatches():
    first, again = manifest(delay=timedelta(seconds=1)), manifest(delay=timedelta(seconds=2))
    ignoring = unstable_fields(Timing(NOW, delay=timedelta(seconds=2)))
    assert differences(again, first, ignoring=frozenset()) == ["spec.runAt"]
    assert differences(again, first, ignoring=ignoring) == []


def test_true_is_another_payload_than_one():
    made = existing({"spec": {"payload": {"region": 1}}})
    found = existing({"spec": {"payload": {"region": True}}})
    assert differences(made, found, ignoring=frozenset()) == ["spec.payload"]
