"""Known vulnerabilities in what the images install: ``python3 -m hack.audit.dependencies``.

What is audited are the very wheels that go into the images (``hack.images.wheels``), not what happens to be installed
here. ``AUDIT_SERVICE`` chooses where pip-audit asks: ``pypi`` (the default) or ``osv``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.audit.exceptions import ExceptionsError, read_exemptions
from hack.audit.verdicts import REQUIRED, REQUIRED_VARIABLE, Finding, Verdict, judge, not_done
from hack.images.wheels import ImageError, third_party

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hack.audit.exceptions import Exemption

NAME = "audit of dependencies"
ANSWER_SECONDS = 120


def requirements_of(wheels: Iterable[str]) -> list[str]:
    """Give ``name==version`` of wheels by their file names, each once."""
    parts = (name.split("-")[:2] for name in wheels if name.endswith(".whl"))
    return sorted({f"{project}=={version}" for project, version in parts})


def read_report(text: str) -> tuple[list[Finding], list[str]]:
    """Read pip-audit's JSON: what was found, and the packages of which the service knows nothing.

    Raises:
        ValueError: it is no report.
    """
    findings: list[Finding] = []
    unknown: list[str] = []
    for package in json.loads(text)["dependencies"]:
        if "skip_reason" in package:
            unknown.append(package["name"])
        findings += [
            Finding(one["id"], package["name"], _text(package["version"], one))
            for one in package.get("vulns", ())
        ]
    return findings, unknown


def _text(version: str, vulnerability: dict[str, Any]) -> str:
    fixed = vulnerability.get("fix_versions") or []
    way_out = (
        f"fixed in {', '.join(fixed)}: raise the bound in pyproject.toml" if fixed else "there is no fix yet"
    )
    return f"{version} is vulnerable; {way_out}"


def verdict_of(text: str, exemptions: Sequence[Exemption], *, required: bool, today: Any) -> Verdict:
    """Judge pip-audit's report."""
    try:
        findings, unknown = read_report(text)
    except (ValueError, KeyError, TypeError) as error:
        return not_done(NAME, f"pip-audit gave no report ({type(error).__name__})", required=required)
    count = len(json.loads(text)["dependencies"])
    if unknown and not findings:
        # A mirror of packages answers for none of them: nothing was looked up at all.
        why = f"the service knows {count - len(unknown)} of {count} packages; it cannot be reached, or is a mirror"
        return not_done(NAME, why, required=required)
    return judge(NAME, findings, exemptions, looked_at=f"{count} packages of the images", today=today)


def _run(requirements: Sequence[str]) -> str:
    """Run pip-audit and give what it printed; nothing where it could not ask."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "requirements.txt")
        file.write_text("\n".join(requirements) + "\n")
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--no-deps",
            "--disable-pip",
            "--requirement",
            str(file),
        ]
        options = ["--format=json", "--progress-spinner=off", "--timeout=10"]
        service = f"--vulnerability-service={os.environ.get('AUDIT_SERVICE') or 'pypi'}"
        done = subprocess.run(
            [*command, *options, service], capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS
        )
    if not done.stdout.strip():
        print(*done.stderr.strip().splitlines()[-1:], sep="\n", file=sys.stderr)
    return done.stdout


def main() -> int:
    """Audit; gives the exit code."""
    required = os.environ.get(REQUIRED_VARIABLE) == REQUIRED
    today = datetime.now(UTC).date()
    try:
        wheels = requirements_of(path.name for path in third_party().iterdir())
        verdict = verdict_of(_run(wheels), read_exemptions("vulnerability"), required=required, today=today)
    except (ImageError, subprocess.TimeoutExpired) as error:
        verdict = not_done(NAME, str(error), required=required)
    except ExceptionsError as error:
        verdict = Verdict((f"[{NAME}] failed: {error}",), 1)
    print(*verdict.lines, sep="\n")
    return verdict.code


if __name__ == "__main__":
    sys.exit(main())
