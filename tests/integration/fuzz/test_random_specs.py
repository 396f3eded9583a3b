"""Random specs at the real API server: what the model takes it takes, and each refusal names a field and says why."""

from __future__ import annotations

from typing import Any

import pytest

from evertask.api import protocol
from evertask.api.task import EverTaskSpec
from tests.support.api_client import tasks_path
from tests.support.random_objects import RandomObjects

SEEDS = range(4)
SPECS_OF_A_SEED = 100


def create(admin: Any, namespace: str, name: str, spec: dict[str, Any]) -> Any:
    body = {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": {"name": name},
        "spec": spec,
    }
    return admin("POST", f"{tasks_path(namespace)}?fieldValidation=Strict&dryRun=All", body)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_model_takes_the_api_server_takes(admin, namespace, seed):
    objects = RandomObjects(seed)
    for number in range(SPECS_OF_A_SEED):
        spec = objects.good_spec()
        answer = create(admin, namespace, f"task-{number}", spec)
        assert answer.status == 201, (spec, answer)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_refusal_names_a_field_and_says_why(admin, namespace, seed):
    objects = RandomObjects(100 + seed)
    refused = 0
    for number in range(SPECS_OF_A_SEED):
        spec = objects.spec(wrong=0.1)
        answer = create(admin, namespace, f"task-{number}", spec)
        if answer.status == 201:
            EverTaskSpec.model_validate(spec)
            continue
        refused += 1
        assert answer.status in {400, 422}, (spec, answer)
        assert "spec" in answer.body["message"], answer
    assert refused
