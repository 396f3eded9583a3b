"""The CustomResourceDefinition and what else is made from the model: ``python3 -m evertask.api.crd [--check]``.

The model in ``task`` is the only source. The generated files are checked in, so that they can be read,
reviewed and applied without Python; ``--check`` fails when they are not what the model says.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any

from evertask.api import protocol
from evertask.api.mutability import POLICY_NAME, frozen_fields_policy
from evertask.api.reference import evertask_page, mutability_page
from evertask.api.structural import Schema, structural
from evertask.api.task import EverTask

CRD_NAME = f"{protocol.PLURAL}.{protocol.GROUP}"
CHART = Path("charts/evertask/templates/crds")
REFERENCE = Path("docs/reference")

_ORIGIN = "Made by `make generate` from sdk/evertask/api: change the model, not this file."
HEADER = f"# {_ORIGIN}\n"
PAGE_HEADER = f"<!-- {_ORIGIN} -->\n\n"

SELECTABLE_FIELDS = (".spec.queue", ".spec.taskKey", ".status.state", ".status.runner")
"""What a field selector may name, in lists and in watches."""

PRINTER_COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "State", "type": "string", "jsonPath": ".status.state"},
    {"name": "Handler", "type": "string", "jsonPath": ".spec.handler"},
    {"name": "Schedule", "type": "string", "jsonPath": ".status.schedule"},
    {"name": "Suspend", "type": "boolean", "jsonPath": ".spec.suspend"},
    # A string: a column of the type date shows <invalid> for an instant to come.
    {"name": "Next run", "type": "string", "jsonPath": ".status.nextRunTime"},
    {"name": "Last run", "type": "date", "jsonPath": ".status.lastRunTime"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Key", "type": "string", "jsonPath": ".spec.taskKey", "priority": 1},
    {"name": "Queue", "type": "string", "jsonPath": ".spec.queue", "priority": 1},
    {"name": "Job", "type": "string", "jsonPath": ".status.job", "priority": 1},
    # Of a run; where a series has several at once, of any of them.
    {"name": "Attempt", "type": "integer", "jsonPath": ".status.runs.*.attempt", "priority": 1},
    {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1},
)
"""What ``kubectl get evertasks`` shows; those of priority 1 only with ``-o wide``."""


def task_schema() -> Schema:
    """Give the structural schema of an EverTask."""
    model = EverTask.model_json_schema(by_alias=True)
    # The API server adds apiVersion, kind and metadata with its own schema.
    model["properties"] = {name: model["properties"][name] for name in ("spec", "status")}
    model["required"] = ["spec"]
    return structural(model)


def make_crd() -> dict[str, Any]:
    """Make the CustomResourceDefinition."""
    version = {
        "name": protocol.VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": task_schema()},
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": path} for path in SELECTABLE_FIELDS],
        "additionalPrinterColumns": list(PRINTER_COLUMNS),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD_NAME},
        "spec": {
            "group": protocol.GROUP,
            "names": {
                "kind": protocol.KIND,
                "listKind": f"{protocol.KIND}List",
                "plural": protocol.PLURAL,
                "singular": protocol.KIND.lower(),
                "shortNames": ["et"],
                "categories": ["evertask"],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def to_yaml(*documents: dict[str, Any]) -> str:
    """Write objects as YAML, the same text for the same objects."""
    import yaml  # noqa: PLC0415  (a tool of the repository: the installed package does without)

    class Dumper(yaml.SafeDumper):
        """Writes a value that occurs twice twice: anchors are hard to read."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    return yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, width=100, allow_unicode=True)


def as_template(text: str, switch: str, *, keep: str | None = None) -> str:
    """Turn YAML into a template of the chart.

    Args:
        text: the objects, each with a ``metadata`` that begins on its own line.
        switch: the value that must be true for the objects to be installed.
        keep: the value that keeps them when the release is uninstalled.
    """
    annotations = (
        f"  {{{{- if .Values.{keep} }}}}\n"
        "  annotations:\n"
        "    helm.sh/resource-policy: keep\n"
        "  {{- end }}\n"
    )
    labels = '  labels:\n    {{- include "evertask.labels" . | nindent 4 }}\n'
    head = "metadata:\n" + (annotations if keep else "") + labels
    escaped = f"\n{text}".replace("{{", '{{ "{{" }}').replace("\nmetadata:\n", f"\n{head}")
    return f"{{{{- if .Values.{switch} }}}}{escaped}{{{{- end }}}}\n"


def generated_files() -> dict[Path, str]:
    """Give every generated file of the repository by its path from the root."""
    crd, policy = to_yaml(make_crd()), to_yaml(*frozen_fields_policy())
    return {
        Path(f"crds/{CRD_NAME}.yaml"): HEADER + crd,
        Path(f"crds/{POLICY_NAME}.yaml"): HEADER + policy,
        CHART / f"{protocol.PLURAL}.yaml": HEADER + as_template(crd, "crds.enabled", keep="crds.keep"),
        CHART / "frozen-fields.yaml": HEADER + as_template(policy, "policies.enabled"),
        REFERENCE / "evertask.md": PAGE_HEADER + evertask_page(task_schema(), SELECTABLE_FIELDS),
        REFERENCE / "mutability.md": PAGE_HEADER + mutability_page(),
    }


def stale(root: Path) -> str:
    """Give the difference between the files on disk and what they should be; empty when there is none."""
    made: list[str] = []
    for path, wanted in generated_files().items():
        file = root / path
        found = file.read_text(encoding="utf-8") if file.exists() else ""
        lines = difflib.unified_diff(
            found.splitlines(keepends=True),
            wanted.splitlines(keepends=True),
            f"{path} (on disk)",
            f"{path} (model)",
        )
        made.extend(lines)
    return "".join(made)


def write(root: Path) -> None:
    """Write the generated files under a root."""
    for path, text in generated_files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the answer is its exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m evertask.api.crd",
        description="Write what is made from the model: CRD, policy, reference.",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when a file is stale"
    )
    parser.add_argument("--root", type=Path, default=Path(), help="root of the repository (default: here)")
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.root)
        return 0
    difference = stale(options.root)
    if difference:
        sys.stderr.write(
            f"{difference}\nThe generated files are stale: run `make generate` and commit them.\n"
        )
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
