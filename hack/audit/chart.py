"""The chart as checkov sees it, and a runner's Job as the operator makes it: ``python3 -m hack.audit.chart``.

checkov is large and asks for old versions of what the product needs, so that it has a virtual environment of its own,
made once for a version under the cluster's folder (``<home>/tools``).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from evertask_operator.records.tasks import read_task
from evertask_operator.resources.jobs import build_job
from evertask_operator.settings import RunnerSettings
from hack.audit.exceptions import ExceptionsError, read_exemptions
from hack.audit.verdicts import REQUIRED, REQUIRED_VARIABLE, Finding, Verdict, judge, not_done
from hack.cluster.paths import ClusterError, home, locked
from hack.images.wheels import ROOT
from hack.tools import find

NAME = "audit of the chart"
VERSION = "3.3.30"
RELEASE, NAMESPACE = "evertask", "evertask-system"
TASKS_NAMESPACE, RUNNER = "shop", "runner"
"""Where the runner's Job is, and what it is called in findings."""
OPTIONS = ("--set", "networkPolicy.enabled=true", "--set", "runners.createTasks=true")
"""With everything switched on that makes rights or guards."""
INSTALL_SECONDS, RUN_SECONDS = 900, 300

Json = dict[str, Any]


class UnavailableError(Exception):
    """checkov cannot be had here."""


def checkov() -> Path:
    """Give checkov's program, installed now if it is not there.

    Raises:
        UnavailableError: pip could not install it.
    """
    folder = home() / "tools" / f"checkov-{VERSION}"
    program, stamp = folder / "bin" / "checkov", folder / "complete"
    with locked("checkov"):
        if not stamp.exists():
            print(
                f"[{NAME}] installing checkov {VERSION} into {folder}; the first time takes minutes",
                flush=True,
            )
            shutil.rmtree(folder, ignore_errors=True)
            python = folder / "bin" / "python"
            for command in (
                [sys.executable, "-m", "venv", str(folder)],
                [
                    str(python),
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    f"checkov=={VERSION}",
                ],
            ):
                done = subprocess.run(
                    command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
                )
                if done.returncode:
                    last = done.stderr.strip().splitlines()[-1:]
                    raise UnavailableError(f"checkov {VERSION} cannot be installed: {' '.join(last)}")
            stamp.touch()
    return program


def rendered_chart() -> list[Json]:
    """Render the chart.

    Raises:
        UnavailableError: Helm refused, or is not to be had.
    """
    command = [
        "template",
        RELEASE,
        "charts/evertask",
        f"--namespace={NAMESPACE}",
        "--kube-version=1.34.0",
        *OPTIONS,
    ]
    try:
        done = subprocess.run([find("helm"), *command], cwd=ROOT, capture_output=True, text=True, check=False)
    except ClusterError as error:
        raise UnavailableError(str(error)) from error
    if done.returncode:
        raise UnavailableError(f"helm template failed: {done.stderr.strip()[-500:]}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def runners_job(documents: list[Json]) -> Json:
    """Make the Job of a plain task, as the operator would from the chart's settings."""
    (settings,) = (
        json.loads(document["data"]["settings.json"])
        for document in documents
        if document["kind"] == "ConfigMap" and "settings.json" in document["data"]
    )
    task = read_task(
        {
            "metadata": {
                "namespace": TASKS_NAMESPACE,
                "name": "a",
                "uid": "0" * 36,
                "resourceVersion": "1",
                "generation": 1,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"handler": "shop.reports:DailyReportHandler"},
        }
    )
    job = build_job(task, "s1", 1, RunnerSettings.model_validate(settings["runner"]))
    job["metadata"]["name"] = RUNNER
    return job


def read_report(text: str) -> tuple[list[Finding], int]:
    """Read checkov's JSON: what was found, and how many checks passed.

    Raises:
        ValueError, KeyError: it is no report.
    """
    report = json.loads(text)
    results = report["results"]
    findings = {}
    for one in results["failed_checks"]:
        kind, namespace, *_, name = one["resource"].split(".")
        # The pod of the Job has no name of its own; its labels stand there, with their dots.
        name = RUNNER if namespace == TASKS_NAMESPACE else name
        # A pod's check is told once for each place that has it.
        finding = Finding(one["check_id"], f"{kind}/{name}", one["check_name"])
        findings[finding.id, finding.subject] = finding
    return list(findings.values()), report["summary"]["passed"]


def _run(program: Path, documents: list[Json]) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "rendered.yaml").write_text(yaml.safe_dump_all(documents))
        # Nothing is fetched, and nothing is sent anywhere.
        options = ["--framework=kubernetes", "--output=json", "--compact", "--quiet", "--skip-download"]
        done = subprocess.run(
            [str(program), *options, f"--directory={scratch}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
            env={**os.environ, "LOG_LEVEL": "ERROR", "CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false"},
        )
    return done.stdout


def main() -> int:
    """Audit; gives the exit code."""
    required = os.environ.get(REQUIRED_VARIABLE) == REQUIRED
    try:
        documents = [one for one in rendered_chart() if one["kind"] != "CustomResourceDefinition"]
        findings, passed = read_report(_run(checkov(), [*documents, runners_job(documents)]))
        verdict = judge(
            NAME,
            findings,
            read_exemptions("check"),
            looked_at=f"the rendered chart and a runner's Job, {passed} checks",
            today=datetime.now(UTC).date(),
        )
    except (UnavailableError, subprocess.TimeoutExpired, ClusterError) as error:
        verdict = not_done(NAME, str(error), required=required)
    except (ValueError, KeyError) as error:
        verdict = not_done(NAME, f"checkov gave no report ({error!r})", required=required)
    except ExceptionsError as error:
        verdict = Verdict((f"[{NAME}] failed: {error}",), 1)
    print(*verdict.lines, sep="\n")
    return verdict.code


if __name__ == "__main__":
    sys.exit(main())
