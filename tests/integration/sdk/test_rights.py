"""The Role in the documentation is enough for each call, and no verb of it is too much."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import yaml

from evertask import Dispatcher, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[3] / "docs/howto/dispatch-from-python.md"


def documented() -> list[dict[str, Any]]:
    """Read the Role and its binding from the page."""
    block = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    return list(yaml.safe_load_all(block))


VERBS: list[str] = documented()[0]["rules"][0]["verbs"]


@pytest.fixture
def grant(admin, namespace, service_account) -> Callable[[list[str]], None]:
    """Grant the documented Role, with these verbs only, to the service account."""
    assert service_account

    def write(verbs: list[str]) -> None:
        for document in documented():
            document["metadata"]["namespace"] = namespace
            for rule in document.get("rules", ()):
                rule["verbs"] = verbs
            for subject in document.get("subjects", ()):
                subject["namespace"] = namespace
            path = f"/apis/{document['apiVersion']}/namespaces/{namespace}/{document['kind'].lower()}s"
            assert admin("POST", path, document).status == 201

    return write


async def use(dispatcher: Dispatcher, report: Any) -> None:
    """Make each call once, and dispatch once more as after a lost answer."""
    task_id = await dispatcher.dispatch(report())
    await dispatcher.get(task_id)
    await dispatcher.cancel(task_id)
    with pytest.raises(TimeoutError):
        await dispatcher.wait(task_id, timedelta(seconds=0.3))


async def settled(dispatcher: Dispatcher, report: Any, until: str | None = None) -> None:
    """Use it until the rights have spread, which takes the API server a moment: or until this one is missed."""
    for _ in range(50):
        try:
            return await use(dispatcher, report)
        except PermissionDeniedError as error:
            if until and f"no right to {until} " in str(error):
                raise
            await asyncio.sleep(0.1)
    return await use(dispatcher, report)


async def test_without_a_role_each_call_names_the_right_that_it_needs(stranger, report, namespace):
    said = rf"no right to {{}} evertasks in namespace {namespace}; grant system:serviceaccount:{namespace}:web a Role"
    with pytest.raises(PermissionDeniedError, match=said.format("create")):
        await stranger.dispatch(report())
    for call in (stranger.get, stranger.wait, stranger.cancel):
        with pytest.raises(PermissionDeniedError, match=said.format("get")):
            await call(uuid4())


async def test_the_documented_role_is_enough(stranger, report, grant):
    grant(VERBS)
    await settled(stranger, report)


@pytest.mark.parametrize("missing", VERBS)
async def test_each_verb_of_the_documented_role_is_needed(stranger, report, grant, missing):
    grant([verb for verb in VERBS if verb != missing])
    with pytest.raises(PermissionDeniedError, match=f"no right to {missing} evertasks"):
        await settled(stranger, report, until=missing)
