"""Every YAML block of the documentation is taken by a real API server that refuses what it does not know."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from evertask.api import protocol
from evertask.api.task import EverTaskSpec
from evertask.recurrence import compile_recurrence
from hack.cluster.paths import ClusterError
from tests.repo.doc_pages import ROOT, Block, blocks

HELLO = {"handler": "evertask_runner.examples:hello"}


def cases(*, values: bool) -> list[Any]:
    return [
        pytest.param(block, id=block.place)
        for block in blocks("yaml")
        if "skip" not in block.marks and ("values" in block.marks) is values
    ]


def documents(block: Block) -> list[dict[str, Any]]:
    """Give the objects of a block; a part of a spec stands for a task that has it."""
    found = [document for document in yaml.safe_load_all(block.text) if document]
    return [document if "kind" in document else whole(document) for document in found]


def whole(part: dict[str, Any]) -> dict[str, Any]:
    spec = part.get("spec") or part
    return {
        "apiVersion": protocol.API_VERSION,
        "kind": protocol.KIND,
        "metadata": {"name": "part", **part.get("metadata", {})},
        "spec": HELLO | spec,
    }


@pytest.mark.parametrize("block", cases(values=False))
def test_every_object_is_accepted_by_the_api_server(block, control_plane, namespace):
    text = yaml.safe_dump_all(documents(block))
    flags = [] if "namespace:" in block.text else ["-n", namespace]
    control_plane.kubectl("create", "--dry-run=server", "--validate=strict", *flags, "-f", "-", text=text)


@pytest.mark.parametrize("block", cases(values=False))
def test_every_task_is_one_that_the_operator_takes(block):
    for document in documents(block):
        if document["kind"] == protocol.KIND:
            spec = EverTaskSpec.model_validate_json(
                json.dumps(document["spec"]), strict=True, by_alias=True, by_name=False
            )
            if spec.recurrence is not None:
                compile_recurrence(spec.recurrence)


@pytest.mark.parametrize("block", cases(values=True))
def test_values_are_values_of_the_chart(block):
    schema = json.loads((ROOT / "charts/evertask/values.schema.json").read_text("utf-8"))
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(yaml.safe_load(block.text))]
    assert errors == []


def test_a_field_that_does_not_exist_is_noticed(control_plane, namespace):
    text = yaml.safe_dump(whole({"dely": "5s"}))
    with pytest.raises(ClusterError, match=r'unknown field "spec\.dely"'):
        control_plane.kubectl(
            "create", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", "-", text=text
        )
