"""The chart as Helm renders it: documents as values, or the sentence with which it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from hack.tools import find

CHART = Path(__file__).resolve().parents[2] / "charts" / "evertask"
RELEASE, NAMESPACE = "evertask", "evertask-system"
KUBE_VERSION = "1.34.0"
"""Of the cluster to render for. Said explicitly: a Helm that was compiled without one takes 1.20 for granted."""

ENVIRONMENT = (f"--namespace={NAMESPACE}", f"--kube-version={KUBE_VERSION}")

Json = dict[str, Any]


class ChartRefusedError(Exception):
    """Helm refused the values; the message is what it printed."""


def helm(*arguments: str) -> str:
    """Run Helm and give what it prints.

    Raises:
        ChartRefusedError: the exit code is not 0.
    """
    done = subprocess.run([find("helm"), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChartRefusedError(done.stderr)
    return done.stdout


def render_text(*options: str) -> str:
    """Render all templates; ``options`` are Helm's."""
    return helm("template", RELEASE, str(CHART), *ENVIRONMENT, *options)


def render(*options: str) -> list[Json]:
    """Render all templates to documents."""
    # The C loader where there is one: the CRD is long.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(render_text(*options), Loader=loader) if document]


def of_kind(documents: list[Json], kind: str) -> list[Json]:
    """Give the documents of one kind."""
    return [document for document in documents if document["kind"] == kind]


def only(documents: list[Json], kind: str, suffix: str = "") -> Json:
    """Give the one document of a kind whose name ends so."""
    found = [
        document for document in of_kind(documents, kind) if document["metadata"]["name"].endswith(suffix)
    ]
    assert len(found) == 1, f"{kind}: {[document['metadata']['name'] for document in found]}"
    return found[0]
