"""What the audits of ``make verify`` make of what they are told: a failure with its way out, or that none was made."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from hack.audit import chart, dependencies
from hack.audit.exceptions import FILE, ExceptionsError, Exemption, read_exemptions
from hack.audit.verdicts import Finding, judge, not_done

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 24)
VULNERABLE = {
    "name": "aiohttp",
    "version": "3.0",
    "vulns": [{"id": "GHSA-1", "fix_versions": ["3.1"], "aliases": [], "description": ""}],
}
FINE: dict[str, Any] = {"name": "attrs", "version": "26.1.0", "vulns": []}
UNKNOWN = {"name": "idna", "skip_reason": "Dependency not found on PyPI"}
PASSES = Exemption("GHSA-1", "aiohttp", "not used", date(2026, 12, 1))


def audited(*packages: dict[str, Any], exemptions: tuple[Exemption, ...] = (), required: bool = False):
    text = json.dumps({"dependencies": packages, "fixes": []})
    return dependencies.verdict_of(text, exemptions, required=required, today=TODAY)


def test_a_vulnerability_fails_with_the_way_out():
    verdict = audited(VULNERABLE, FINE)
    assert verdict.code == 1
    assert (
        "aiohttp: GHSA-1: 3.0 is vulnerable; fixed in 3.1: raise the bound in pyproject.toml"
        in verdict.lines[0]
    )
    assert "hack/audit/exceptions.toml" in verdict.lines[-1]


def test_one_without_a_fix_says_so():
    package = VULNERABLE | {"vulns": [{"id": "GHSA-1", "fix_versions": []}]}
    assert "there is no fix yet" in audited(package).lines[0]


def test_nothing_found_passes():
    verdict = audited(FINE)
    assert (verdict.code, verdict.lines) == (
        0,
        ("[audit of dependencies] 1 packages of the images: nothing found",),
    )


def test_an_exemption_lets_it_pass_until_its_day():
    assert audited(VULNERABLE, exemptions=(PASSES,)).code == 0
    over = Exemption("GHSA-1", "aiohttp", "not used", date(2026, 11, 23))
    assert audited(VULNERABLE, exemptions=(over,)).code == 1


def test_an_exemption_for_another_package_lets_nothing_pass():
    other = Exemption("GHSA-1", "attrs", "not used", date(2026, 12, 1))
    assert audited(VULNERABLE, exemptions=(other,)).code == 1


def test_an_exemption_that_nothing_needs_is_asked_to_go():
    verdict = audited(FINE, exemptions=(PASSES,))
    assert verdict.code == 1
    assert "not found any more" in verdict.lines[0]


@pytest.mark.parametrize(("required", "code"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("text", ["", "a timeout", "[]", "{}", json.dumps({"dependencies": [FINE, UNKNOWN]})])
def test_what_could_not_be_looked_up_is_called_not_audited(text, required, code):
    verdict = dependencies.verdict_of(text, (), required=required, today=TODAY)
    assert verdict.code == code
    assert "NOT AUDITED" in verdict.lines[0]


def test_what_was_found_counts_although_another_package_is_unknown():
    assert audited(VULNERABLE, UNKNOWN).code == 1


def test_the_requirements_are_those_of_the_wheels():
    wheels = ["a_b-1.0-py3-none-any.whl", "c-2-cp311-x.whl", "c-2-cp312-x.whl", "notes.txt"]
    assert dependencies.requirements_of(wheels) == ["a_b==1.0", "c==2"]


def test_a_finding_of_checkovs_is_told_once_and_by_its_object():
    failed = [
        {"check_id": "CKV_1", "check_name": "n", "resource": "Deployment.evertask-system.evertask"},
        {"check_id": "CKV_1", "check_name": "n", "resource": "Deployment.evertask-system.evertask"},
        {"check_id": "CKV_2", "check_name": "n", "resource": "Pod.shop.x.app.kubernetes.io/managed-by-y"},
    ]
    text = json.dumps({"results": {"failed_checks": failed}, "summary": {"passed": 3}})
    findings, passed = chart.read_report(text)
    assert ([(one.id, one.subject) for one in findings], passed) == (
        [("CKV_1", "Deployment/evertask"), ("CKV_2", "Pod/runner")],
        3,
    )


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ('id = "x"\nsubject = "y"\nreason = "z"', "it needs"),
        ('id = "x"\nsubject = "y"\nreason = "z"\nuntil = "2026-12-31"', "is no date"),
        ('id = "x"\nsubject = "y"\nreason = " "\nuntil = 2026-12-31', "reason is empty"),
        ('id = "x"\nsubject = "y"\nreason = "z"\nuntil = 2026-12-31\nmore = 1', "it needs"),
    ],
)
def test_an_exemption_without_reason_or_date_is_refused(tmp_path: Path, entry: str, part: str):
    file = tmp_path / "exceptions.toml"
    file.write_text(f"[[vulnerability]]\n{entry}\n")
    with pytest.raises(ExceptionsError, match=part):
        read_exemptions("vulnerability", file)


def test_the_checked_in_exemptions_can_be_read():
    assert FILE.exists()
    assert {one.until for one in read_exemptions("check")} == {None}
    assert all(one.until for one in read_exemptions("vulnerability"))


def test_an_audit_that_was_not_made_says_how_to_insist():
    assert "CI_AUDIT=required" in not_done("a", "no network", required=False).lines[0]


def test_all_findings_are_listed():
    findings = [Finding("1", "a", "x"), Finding("2", "b", "y")]
    assert len(judge("n", findings, (), looked_at="it", today=TODAY).lines) == 3
