"""What the API server refuses by itself: each message names field and way out, and nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api_client import tasks_path
from tests.support.bad_tasks import BAD_SPECS, GOOD_SPECS, Bad
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient

STRICT_DRY_RUN = "?dryRun=All&fieldValidation=Strict"
BAD_REQUEST, UNPROCESSABLE = 400, 422


def create(admin: ApiClient, body: Any) -> Any:
    return admin("POST", tasks_path("default") + STRICT_DRY_RUN, body)


@pytest.mark.parametrize("bad", BAD_SPECS, ids=lambda bad: bad.id)
def test_a_bad_spec_is_refused_with_field_and_remedy(admin: ApiClient, bad: Bad) -> None:
    answer = create(admin, manifest(**bad.spec))

    assert answer.status in {BAD_REQUEST, UNPROCESSABLE}
    assert bad.field in answer.message
    assert bad.remedy in answer.message


@pytest.mark.parametrize("spec", GOOD_SPECS.values(), ids=GOOD_SPECS)
def test_a_good_spec_is_taken(admin: ApiClient, spec: dict[str, Any]) -> None:
    answer = create(admin, manifest(**spec))

    assert answer.status == 201, answer.message
    assert answer.body["spec"] == manifest(**spec)["spec"] | {
        "cancel": spec.get("cancel", False),
        "suspend": spec.get("suspend", False),
    }
    assert admin.warnings == []


@pytest.mark.parametrize(
    "bad", [bad for bad in BAD_SPECS if bad.remedy != "unknown field"], ids=lambda bad: bad.id
)
def test_a_good_task_cannot_become_bad(admin: ApiClient, namespace: str, bad: Bad) -> None:
    path = tasks_path(namespace, "a")
    created = admin("POST", tasks_path(namespace), manifest()).body

    answer = admin.patch(path, {"spec": bad.spec})

    # A handler of None removes the handler; a key may not be added at all.
    assert answer.status == UNPROCESSABLE
    assert bad.field in answer.message
    assert admin("GET", path).body == created


OUTSIDE_THE_SPEC = {
    "no-spec": ({"spec": None}, "spec: Required value"),
    "spec-a-list": ({"spec": []}, "spec in body must be of type object"),
    "name-in-capitals": ({"metadata": {"name": "Daily"}}, "metadata.name: Invalid value"),
    "name-too-long": ({"metadata": {"name": "a" * 254}}, "must be no more than 253"),
    "name-missing": ({"metadata": {}}, "name or generateName is required"),
    "another-version": ({"apiVersion": "evertask.io/v1"}, 'version "v1"'),
    "another-kind": ({"kind": "Task"}, "Task"),
    "unknown-field": ({"payload": {}}, 'unknown field "payload"'),
}


@pytest.mark.parametrize(("change", "remedy"), OUTSIDE_THE_SPEC.values(), ids=OUTSIDE_THE_SPEC)
def test_what_is_wrong_outside_the_spec_is_named(
    admin: ApiClient, change: dict[str, Any], remedy: str
) -> None:
    body = {key: value for key, value in (manifest() | change).items() if value is not None}

    answer = create(admin, body)

    assert answer.status in {BAD_REQUEST, UNPROCESSABLE}
    assert remedy in answer.message


RUN = {"scheduledTime": "2026-12-25T10:00:00Z", "launch": 1, "phase": "Running"}

BAD_STATUSES: dict[str, tuple[dict[str, Any], str]] = {
    "state": ({"state": "Done"}, "status.state"),
    "phase": ({"runs": {"s1": RUN | {"phase": "Lost"}}}, "status.runs.s1.phase"),
    "launch-zero": ({"runs": {"s1": RUN | {"launch": 0}}}, "status.runs.s1.launch"),
    "launch-of-ten-digits": ({"runs": {"s1": RUN | {"launch": 10**9}}}, "status.runs.s1.launch"),
    "reason-to-stop": ({"runs": {"s1": RUN | {"stop": "x" * 65}}}, "status.runs.s1.stop"),
    "outcome-that-is-none": ({"history": [{"run": "s1", "outcome": "Held"}]}, "status.history[0].outcome"),
    "history-message": ({"history": [{"run": "s1", "message": "x" * 1025}]}, "status.history[0].message"),
    "waiting-for-no-time": ({"waiting": [{"reason": "Overlap"}]}, "status.waiting[0].scheduledTime"),
    "run-now-unanswered": (
        {"runNow": {"token": "t", "time": "2026-12-25T10:00:00Z", "answer": "Maybe"}},
        "status.runNow.answer",
    ),
    "schedule": ({"schedule": "x" * 257}, "status.schedule"),
    "run-without-phase": ({"runs": {"s1": {"launch": 1}}}, "status.runs.s1.phase"),
    "run-at-no-time": ({"runs": {"s1": RUN | {"startTime": "now"}}}, "status.runs.s1.startTime"),
    "17-runs": ({"runs": {f"s{n}": RUN for n in range(17)}}, "status.runs"),
    "percent": ({"runs": {"s1": RUN | {"progress": {"percent": 101}}}}, "status.runs.s1.progress.percent"),
    "progress-message": (
        {"runs": {"s1": RUN | {"progress": {"message": "x" * 1025}}}},
        "status.runs.s1.progress.message",
    ),
    "message": ({"message": "x" * 1025}, "status.message"),
    "error-without-type": ({"error": {"message": "x"}}, "status.error.type"),
    "traceback": ({"error": {"type": "E", "traceback": "x" * 8193}}, "status.error.traceback"),
    "counts-negative": ({"counts": {"runs": -1}}, "status.counts.runs"),
    "101-waiting": ({"waiting": [{"scheduledTime": "2026-12-25T10:00:00Z"}] * 101}, "status.waiting"),
    "51-in-history": ({"history": [{"run": "s1"}] * 51}, "status.history"),
    "same-condition-twice": (
        {
            "conditions": [
                {
                    "type": "Accepted",
                    "status": "True",
                    "reason": "A",
                    "lastTransitionTime": "2026-12-25T10:00:00Z",
                }
            ]
            * 2
        },
        "status.conditions[1]",
    ),
}


@pytest.mark.parametrize(("status", "field"), BAD_STATUSES.values(), ids=BAD_STATUSES)
def test_a_bad_status_is_refused(
    admin: ApiClient, namespace: str, status: dict[str, Any], field: str
) -> None:
    admin("POST", tasks_path(namespace), manifest())

    answer = admin.patch(tasks_path(namespace, "a", "status"), {"status": status})

    assert answer.status == UNPROCESSABLE
    assert field in answer.message
