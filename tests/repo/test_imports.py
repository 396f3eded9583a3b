"""What the runner loads before the user's code: the standard library, itself, a few modules of names.

The import contracts of pyproject.toml follow indirect imports, but must list what they forbid; here all is
forbidden that is not listed.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = {
    "evertask.api.protocol",
    "evertask.api.durations",
    "evertask.api.times",
    "evertask.api.audit",
    "evertask.api.outcomes",
    "evertask.context",
    "evertask.errors",
    "evertask.retries",
}
MODULES = sorted((ROOT / "runner" / "evertask_runner").rglob("*.py"))


def imports(node: ast.AST) -> set[str]:
    """Give what is imported at run time: the blocks under TYPE_CHECKING are not."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return set().union(*map(imports, node.orelse)) if node.orelse else set()
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        # `from evertask.api import protocol` names a module, `from evertask.context import Context` a class.
        return {
            f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in SHARED else node.module
            for alias in node.names
        }
    return set().union(*map(imports, ast.iter_child_nodes(node)))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_runner_imports_nothing_beyond_the_standard_library_and_what_it_shares(module):
    used = imports(ast.parse(module.read_text("utf-8")))
    foreign = {
        name
        for name in used
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "evertask_runner"} and name not in SHARED
    }
    assert foreign == set()


def test_the_shared_modules_load_without_any_installed_package():
    # -S leaves site-packages out, so only the standard library and the sources are there.
    names = ", ".join(sorted(SHARED))
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, 'sdk'); import {names}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
