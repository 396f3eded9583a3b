"""What the repository promises about itself: its layout, its commands, its links."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTION_ROOTS = ("operator", "runner", "sdk")
"""Folders on sys.path that hold one package each; ``operator`` is also a module of Python's own."""


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_pythons_own_operator_module_is_not_shadowed():
    # -S: a machine's site hooks import operator early and would hide the fault.
    subprocess.run([sys.executable, "-S", "-c", "import operator; operator.add"], cwd=ROOT, check=True)


@pytest.mark.parametrize("folder", DISTRIBUTION_ROOTS)
def test_the_folder_of_a_package_holds_no_module_itself(folder):
    assert sorted(path.name for path in (ROOT / folder).glob("*.py")) == []


def test_no_package_stands_under_tests():
    assert [path for path in tracked("tests") if path.name == "__init__.py"] == []


def test_every_module_under_the_checked_folders_opens_with_its_model():
    packages = tracked(
        "sdk/*.py", "operator/*.py", "runner/*.py", "hack/*.py", "examples/*.py", "benchmarks/*.py"
    )
    silent = [
        str(path.relative_to(ROOT))
        for path in packages
        if path.read_text("utf-8").strip() and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_readmes_commands_are_make_targets(target):
    assert f"make {target}" in (ROOT / "README.md").read_text("utf-8")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_make_help_lists_every_target_that_is_documented_in_the_readme():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = set(re.findall(r"make ([a-z][a-z0-9-]*)", (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert wanted <= set(re.findall(r"^  ([a-z][a-z0-9-]*) ", listed, re.MULTILINE))


def anchors(document: str) -> set[str]:
    """Give the anchors of a Markdown document's headings, as the usual renderers make them."""
    headings = re.findall(r"^#{1,6} +(.+?) *$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


DOCUMENTS = [path for path in tracked("*.md", "docs/*.md") if not path.is_relative_to(ROOT / "tests")]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text("utf-8"))
        ):
            broken.append(link)
    assert broken == []
