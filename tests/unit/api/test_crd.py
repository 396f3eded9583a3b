"""What must hold for the CRD as a whole, and for everything else that is made from the model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from evertask.api import crd
from evertask.api.mutability import MUTABILITY, Mutability
from evertask.api.task import EverTask, EverTaskSpec
from tests.support.bad_tasks import BAD_SPECS, GOOD_SPECS, Bad
from tests.support.tasks import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


def walk(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Visit every schema in a schema."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from walk(inner, f"{path}.{name}")
    for step, key in (("[]", "items"), (".*", "additionalProperties")):
        if key in schema:
            yield from walk(schema[key], path + step)


SCHEMAS = dict(walk(crd.task_schema()))
PROPERTIES = {path: schema for path, schema in SCHEMAS.items() if path and path[-1] not in "]*"}
SPEC_FIELDS = crd.task_schema()["properties"]["spec"]["properties"]


def is_bounded(schema: dict[str, Any]) -> bool:
    if "x-kubernetes-int-or-string" in schema:
        # Its numbers are bounded by a rule, whose sentence says more than a schema's own minimum.
        return "maxLength" in schema and "x-kubernetes-validations" in schema
    match schema.get("type"):
        case "string":
            return "maxLength" in schema or "enum" in schema
        case "array":
            return "maxItems" in schema
        case "integer":
            return "minimum" in schema and "maximum" in schema
        case "object":
            return "properties" in schema or "maxProperties" in schema
    return schema.get("type") == "boolean" or "x-kubernetes-preserve-unknown-fields" in schema


@pytest.mark.parametrize("path", SCHEMAS)
def test_everything_has_a_bound(path: str) -> None:
    assert is_bounded(SCHEMAS[path])


@pytest.mark.parametrize("path", PROPERTIES)
def test_the_docs_of_a_field_begin_with_its_name(path: str) -> None:
    name = path.rpartition(".")[2]

    description = PROPERTIES[path]["description"]

    assert description.split()[0].rstrip(":,") == name
    assert description.endswith(".")
    assert "  " not in description


@pytest.mark.parametrize("field", SPEC_FIELDS)
def test_the_docs_of_a_field_say_when_it_may_change(field: str) -> None:
    assert MUTABILITY[field] in SPEC_FIELDS[field]["description"]


def test_the_mutability_table_has_every_field_of_the_spec() -> None:
    assert list(MUTABILITY) == list(SPEC_FIELDS)


def test_only_switches_have_a_default() -> None:
    """A default is written into every stored object."""
    defaults = {path: schema["default"] for path, schema in SCHEMAS.items() if "default" in schema}

    assert defaults == {".spec.cancel": False, ".spec.suspend": False}


def test_every_rule_names_a_field_and_is_one_line() -> None:
    rules = [rule for schema in SCHEMAS.values() for rule in schema.get("x-kubernetes-validations", [])]

    assert len(rules) > len(MUTABILITY)
    assert all("\n" not in rule["message"] and len(rule["message"]) > 30 for rule in rules)


@pytest.mark.parametrize("path", [*crd.SELECTABLE_FIELDS, *(c["jsonPath"] for c in crd.PRINTER_COLUMNS)])
def test_what_is_selected_or_shown_exists(path: str) -> None:
    assert path in PROPERTIES or path == ".metadata.creationTimestamp"


@pytest.mark.parametrize("path", crd.generated_files(), ids=str)
def test_the_generated_files_are_what_the_model_says(path: Path) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == crd.generated_files()[path], "run `make generate`"


def test_the_written_crd_is_the_made_crd() -> None:
    assert yaml.safe_load(crd.to_yaml(crd.make_crd())) == crd.make_crd()


def test_the_check_passes_what_was_written(tmp_path: Path) -> None:
    assert crd.main(["--root", str(tmp_path)]) == 0
    assert crd.main(["--check", "--root", str(tmp_path)]) == 0


def test_the_check_shows_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crd.main(["--root", str(tmp_path)])
    file = tmp_path / f"crds/{crd.CRD_NAME}.yaml"
    file.write_text(file.read_text().replace("Namespaced", "Cluster"))

    assert crd.main(["--check", "--root", str(tmp_path)]) == 1
    assert "-  scope: Cluster\n+  scope: Namespaced\n" in capsys.readouterr().err
    assert "Cluster" in file.read_text()


def test_the_check_misses_a_file(tmp_path: Path) -> None:
    assert crd.main(["--check", "--root", str(tmp_path)]) == 1


def test_a_template_escapes_what_helm_would_read() -> None:
    made = crd.as_template("metadata:\n  name: a\nspec: '{{ x }}'\n", "on")

    assert "'{{ \"{{\" }} x }}'" in made


PYTHON_BAD = [bad for bad in BAD_SPECS if bad.in_python]


@pytest.mark.parametrize("bad", PYTHON_BAD, ids=lambda bad: bad.id)
def test_the_model_refuses_what_the_api_server_refuses(bad: Bad) -> None:
    with pytest.raises(ValueError, match=r"(?s)validation error"):
        EverTask.model_validate(manifest(**bad.spec))


@pytest.mark.parametrize("spec", GOOD_SPECS.values(), ids=GOOD_SPECS)
def test_the_model_takes_what_the_api_server_takes(spec: dict[str, Any]) -> None:
    body = manifest(**spec)

    taken = EverTask.model_validate(body).spec

    assert taken.model_dump(by_alias=True, exclude_unset=True, mode="json") == body["spec"]


SENTENCES = [
    rule["message"] for schema in SCHEMAS.values() for rule in schema.get("x-kubernetes-validations", [])
]
RULED = [bad for bad in PYTHON_BAD if any(bad.remedy in sentence for sentence in SENTENCES)]


@pytest.mark.parametrize("bad", RULED, ids=lambda bad: bad.id)
def test_the_model_says_the_same_sentence(bad: Bad) -> None:
    with pytest.raises(ValueError, match=re.escape(bad.remedy)):
        EverTask.model_validate(manifest(**bad.spec))


def test_a_refused_value_is_shown() -> None:
    with pytest.raises(ValueError, match=r"written like 90s, 5m, 1h30m or 250ms; this is '5'"):
        EverTaskSpec(handler="a:b", delay="5")


def test_every_mutability_is_used() -> None:
    assert set(MUTABILITY.values()) == set(Mutability)
