"""The distribution: a wheel made from the source archive installs into a clean environment and imports."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

EVERY_PUBLIC_NAME = """
import evertask
missing = [name for name in evertask.__all__ if getattr(evertask, name, None) is None]
assert not missing, missing
assert set(evertask.__all__) <= set(dir(evertask))
"""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    # Without --sdist or --wheel, build makes the source archive and then the wheel from it.
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        f"{wheel}[operator]",
        cwd=folder,
    )
    return python


@pytest.mark.parametrize("package", ["evertask", "evertask.api.crd", "evertask_operator", "evertask_runner"])
def test_the_wheel_built_from_the_source_archive_imports(clean_python, package):
    run(clean_python, "-c", f"import {package}", cwd=clean_python.parent)


def test_every_public_name_is_there(clean_python):
    run(clean_python, "-c", EVERY_PUBLIC_NAME, cwd=clean_python.parent)


def test_the_wheel_says_that_it_is_typed(clean_python):
    code = "from importlib.resources import files; print(files('evertask').joinpath('py.typed').is_file())"
    assert run(clean_python, "-c", code, cwd=clean_python.parent).strip() == "True"


def test_python_keeps_its_own_operator_module_beside_the_wheel(clean_python):
    run(clean_python, "-c", "import evertask_operator, operator; operator.add", cwd=clean_python.parent)
