"""The values: documented, complete, and strict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tests.support.chart import CHART, ChartRefusedError, helm, render

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

SCHEMA: Json = json.loads((CHART / "values.schema.json").read_text())
VALUES: Json = yaml.safe_load((CHART / "values.yaml").read_text())

KUBERNETES_SHAPES = {
    "global",
    "podSecurityContext",
    "securityContext",
    "resources",
    "affinity",
    "spec",
}
"""Objects of Kubernetes' own API, which the API server checks, and what Helm itself passes on."""


def objects(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Walk through all schemas of objects, with their paths."""
    if schema.get("type") == "object":
        yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from objects(below, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from objects(schema["items"], f"{path}[]")


def keys(values: Json, path: str = "") -> Iterator[str]:
    """Walk through all keys of the default values."""
    for name, value in values.items():
        yield f"{path}.{name}"
        if isinstance(value, dict) and name not in KUBERNETES_SHAPES:
            yield from keys(value, f"{path}.{name}")


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_defaults_satisfy_the_schema() -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(VALUES)


@pytest.mark.parametrize(
    ("path", "schema"),
    [pytest.param(path, schema, id=path or "root") for path, schema in objects(SCHEMA) if "[]" not in path],
)
def test_objects_are_closed(path: str, schema: Json) -> None:
    if path.rsplit(".", 1)[-1] in KUBERNETES_SHAPES:
        return
    assert schema.get("additionalProperties") is not None
    assert schema["additionalProperties"] is not True


def test_every_property_is_described() -> None:
    undescribed = [
        f"{path}.{name}"
        for path, schema in objects(SCHEMA)
        for name, below in schema.get("properties", {}).items()
        if not below.get("description", "").endswith(".")
    ]
    assert undescribed == []


def test_the_schema_and_the_defaults_have_the_same_keys() -> None:
    named = {f"{path}.{name}" for path, schema in objects(SCHEMA) for name in schema.get("properties", {})}
    # Of a pod template there is no default, nor of a policy: Helm would merge it into the one that is given.
    open_ended = ("[]", ".podTemplate.", ".defaults.retry.")
    named = {path for path in named if path != ".global" and not any(part in path for part in open_ended)}
    assert named == set(keys(VALUES))


def test_every_value_has_a_comment() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    bare, within = [], -1
    for before, line in zip(["", *lines], lines, strict=False):
        indent = len(line) - len(line.lstrip())
        name = line.strip().partition(":")[0]
        if not line.strip() or line.strip().startswith("#") or (0 <= within < indent):
            continue
        within = indent if name in KUBERNETES_SHAPES else -1
        opens = line.rstrip().endswith(":") and name not in KUBERNETES_SHAPES
        if not opens and not before.strip().startswith("#"):
            bare.append(line)
    assert bare == []


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("maxRuning=5", "additional properties 'maxRuning' not allowed"),
        ("runner.podTemplate.containers=x", "additional properties 'containers' not allowed"),
        ("image.name=x", "additional properties 'name' not allowed"),
        ("metrics.serviceMonitor.on=true", "additional properties 'on' not allowed"),
        ("maxRunning=0", "minimum: got 0, want 1"),
        ("logLevel=LOUD", "value must be one of"),
        ("jobs.keepFailed=1 week", "does not match pattern"),
        ("prelaunch.maxLead=soon", "does not match pattern"),
        ("defaults.holdPod=long", "does not match pattern"),
        ("defaults.retry.limit=-1", "minimum: got -1, want 0"),
        ("defaults.retry.on=x", "additional properties 'on' not allowed"),
        ("defaults.retry.delays={1s},defaults.retry.limit=2", "'not' failed"),
        ("prelaunch.lead=5s", "additional properties 'lead' not allowed"),
        ("image.digest=sha256:1", "does not match pattern"),
        ("watchNamespaces[0]=A_B", "does not match pattern"),
        ("runners.createTask=true", "additional properties 'createTask' not allowed"),
        ("runners.createTasks=yes", "got string, want boolean"),
        ("runners.createTasks=", "got string, want boolean"),
        ("runners.createTasks={A_B}", "does not match pattern"),
        ("runners.createTasks={a,a}", "items at 0 and 1 are equal"),
    ],
)
def test_a_mistake_is_refused(option: str, sentence: str) -> None:
    with pytest.raises(ChartRefusedError, match="values don't meet the specifications") as refusal:
        render("--set", option)
    assert sentence in str(refusal.value)


def test_it_can_be_a_dependency_of_another_chart() -> None:
    assert render("--set", "global.anything=1")


def test_helm_finds_nothing_to_complain_about() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(ChartRefusedError, match=r">=1\.32\.0-0"):
        render("--kube-version=1.31.9")
