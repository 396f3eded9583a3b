"""Every YAML under examples/ is what the API server would take: it parses, and tasks fit the CRD's schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "examples").rglob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def strict(schema: Any) -> Any:
    """Refuse unknown fields, as kubectl does, wherever the schema does not preserve them."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    preserves = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and "type" in schema and not preserves:
        closed["additionalProperties"] = False
    return closed


@pytest.fixture(scope="module")
def task_schema():
    file = ROOT / "crds" / "evertasks.evertask.io.yaml"
    crd = yaml.safe_load(file.read_text("utf-8"))
    schema = strict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    # What every object has, the API server checks by rules of its own.
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    return schema


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "examples")))
def test_every_document_says_what_it_is(path):
    incomplete = [
        document
        for document in documents(path)
        if not (
            document.get("apiVersion") and document.get("kind") and document.get("metadata", {}).get("name")
        )
    ]
    assert incomplete == []


TASKS = [
    pytest.param(document, id=f"{path.parent.name}-{document['metadata']['name']}")
    for path in FILES
    for document in documents(path)
    if document["kind"] == "EverTask"
]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_fits_the_schema(task, task_schema):
    errors = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft202012Validator(task_schema).iter_errors(task)
    ]
    assert errors == []


def test_the_check_notices_a_field_that_does_not_exist(task_schema):
    task = {"metadata": {"name": "typo"}, "spec": {"handler": "shop.mails:Handler", "dely": "5s"}}
    assert not Draft202012Validator(task_schema).is_valid(task)
