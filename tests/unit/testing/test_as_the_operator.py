"""What the in-memory cluster says of a task that waits is what the operator says of it, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evertask.testing import lives
from evertask.testing.patches import apply_merge_patch
from evertask.testing.storage import DEFAULTS
from evertask_operator.decisions import decide
from tests.support.situations import CREATED, UID, instant, make_task

if TYPE_CHECKING:
    from tests.support.situations import TaskBuilder

Json = dict[str, Any]

OURS_ALONE = {"transitions", "observedGeneration"}
"""The generation is a builder's own; changes of the state are noted beside these decisions."""


def object_of(task: TaskBuilder, status: Json) -> Json:
    """Give the task as the API server gives it."""
    metadata = {"uid": UID, "generation": task.generation, "creationTimestamp": instant()}
    return {"metadata": metadata, "spec": {**DEFAULTS, **task.spec}, "status": status}


def settled_in_memory(task: TaskBuilder) -> Json:
    """Take all steps up to the start of a run, or to a rest."""
    found = object_of(task, dict(task.status))
    while isinstance(step := lives.next_step(found, task.around["now"]), lives.Write):
        found["status"] = apply_merge_patch(found["status"], step.status)
    return dict(found["status"])


def settled_by_the_operator(task: TaskBuilder) -> Json:
    """Write what the operator writes until it writes nothing any more."""
    while (status := decide(task.situation()).status) is not None:
        task = task.with_status(**status)
    return {name: value for name, value in task.status.items() if value is not None}


def compared(status: Json) -> Json:
    kept = {name: value for name, value in status.items() if name not in OURS_ALONE and value is not None}
    kept["conditions"] = [
        {name: value for name, value in one.items() if name != "observedGeneration"}
        for one in status.get("conditions") or ()
    ]
    return kept


EVERY_HOUR = {"every": "1h"}


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(make_task().run_at(hours=2), id="an-instant"),
        pytest.param(make_task().cancelled(), id="cancelled"),
        pytest.param(make_task().run_at(hours=2).cancelled(), id="cancelled-before-its-time"),
        pytest.param(make_task().suspended(), id="suspended"),
        pytest.param(make_task().run_at(hours=2).suspended(), id="suspended-before-its-time"),
        pytest.param(make_task().with_spec(recurrence=EVERY_HOUR), id="series"),
        pytest.param(make_task().with_spec(recurrence={**EVERY_HOUR, "jitter": "10m"}), id="jitter"),
        pytest.param(
            make_task().with_spec(recurrence={"cron": "0 9 * * *", "timeZone": "Europe/Rome"}), id="cron"
        ),
        pytest.param(make_task().with_spec(recurrence=EVERY_HOUR).suspended(), id="suspended-series"),
        pytest.param(make_task().with_spec(recurrence=EVERY_HOUR).cancelled(), id="cancelled-series"),
        pytest.param(
            make_task().with_spec(recurrence={**EVERY_HOUR, "until": instant(minutes=30)}), id="over"
        ),
    ],
)
def test_a_task_that_waits_says_the_same(task: TaskBuilder) -> None:
    assert compared(settled_in_memory(task)) == compared(settled_by_the_operator(task))


def test_a_delay_ends_exactly_where_creation_is_known_exactly() -> None:
    """The operator adds a second to be sure, because the API server cuts creation to the second."""
    task = make_task().delay("1h")
    assert settled_in_memory(task)["nextRunTime"] == instant(hours=1)
    assert task.around["now"] == CREATED
