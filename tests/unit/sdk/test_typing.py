"""What the type checker says to an application: nothing about good code, something about each mistake."""

from __future__ import annotations

import re

import pytest

from tests.support.type_checks import check_types, is_found

GOOD = """
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from evertask import CancelOutcome, Context, Dispatcher, Handler, Task, TaskView


class WelcomeEmail(Task):
    handler = "shop.emails:SendWelcomeEmail"
    timeout = timedelta(minutes=5)
    on_interruption = "Fail"
    user_id: int


class SendWelcomeEmail(Handler[WelcomeEmail]):
    async def handle(self, task: WelcomeEmail, ctx: Context) -> dict[str, int]:
        return {"sent": task.user_id}


class Report(Task):
    handler: ClassVar = SendWelcomeEmail
    region: str


class MakeReport(Handler[Report]):
    def handle(self, task: Report, ctx: Context) -> str:
        return task.region


async def main() -> None:
    async with Dispatcher(namespace="shop", pod_template={"spec": {}}) as dispatcher:
        task_id: UUID = await dispatcher.dispatch(WelcomeEmail(user_id=1), delay=timedelta(seconds=1))
        await dispatcher.dispatch(Report(region="eu"), at=datetime.now(UTC), timeout=timedelta(0))
        view: TaskView | None = await dispatcher.get(task_id)
        ended: TaskView = await dispatcher.wait(task_id, timedelta(seconds=5))
        outcome: CancelOutcome = await dispatcher.cancel(task_id)
        print(view, ended, outcome)
"""

MISTAKES = {
    'WelcomeEmail(user_id="one")': "arg-type",
    "WelcomeEmail(user=1)": "call-arg",
    'Dispatcher().dispatch("WelcomeEmail")': "arg-type",
    "Dispatcher().dispatch(WelcomeEmail)": "arg-type",
    "Dispatcher().dispatch(WelcomeEmail(user_id=1), delay=5)": "arg-type",
    'Dispatcher().dispatch(WelcomeEmail(user_id=1), at="noon")': "arg-type",
    'Dispatcher().dispatch(WelcomeEmail(user_id=1), on_interruption="Stop")': "arg-type",
    "Handler[int]": "type-var",
}

WRONG_HANDLER = """

class Confused(Handler[WelcomeEmail]):
    def handle(self, task: Report, ctx: Context) -> None:
        return None
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> str:
    return check_types(tmp_path_factory.mktemp("typing"), GOOD, [*MISTAKES, WRONG_HANDLER])


def test_good_code_passes(said):
    assert "good.py" not in said
    assert "bad.py" in said


@pytest.mark.parametrize(("mistake", "code"), MISTAKES.items())
def test_a_mistake_is_found_where_it_is(said, mistake, code):
    assert is_found(said, GOOD, [*MISTAKES], mistake, code), said


def test_a_handler_of_another_task_is_found(said):
    assert re.search(r'"handle" is incompatible with supertype.*\[override\]', said), said
