"""The wheels that the images are made of, fetched and built on this machine.

An image build needs no network: its context holds every wheel. Two sets, each kept until what decides its content
changes:

    build/images/wheels-<hash>/   third parties': hash of the dependencies in pyproject.toml and of the targets
    build/images/own-<hash>/      EverTask's own: hash of the sources

The third parties' set serves each Python in ``PYTHONS``; pip takes in the build what fits the base image.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

CACHE = ROOT / "build" / "images"

PYTHONS = ("3.11", "3.12")
"""Debian bookworm's Python (the local cluster's base image) and that of ``python:3.12-slim`` (everywhere else)."""

PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
"""Both base images have a newer glibc than the newest of these asks for."""

MACHINES = {"arm64": "aarch64", "AMD64": "x86_64"}
"""Names of macOS and Windows for what Linux calls otherwise."""

OWN_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "sdk", "operator", "runner")


class ImageError(Exception):
    """An image could not be made; the message says what was tried and what it printed."""


def requirements() -> list[str]:
    """Return what pyproject.toml asks for, the operator's extra included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["operator"]]


def source_files(names: Iterable[str]) -> list[Path]:
    """List the files of the checkout under ``names`` (files or folders), without what Python leaves behind."""
    found: list[Path] = []
    for name in names:
        path = ROOT / name
        found += [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sorted(file for file in found if "__pycache__" not in file.parts and file.suffix != ".pyc")


def digest_of(files: Iterable[Path], *more: str) -> str:
    """Hash names and contents of files of the checkout, and some text: 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    for text in more:
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()[:12]


def third_party() -> Path:
    """Return the folder with the wheels of everything that EverTask depends on.

    Raises:
        ImageError: pip could not fetch them.
    """
    machine = MACHINES.get(platform.machine(), platform.machine())
    wanted = requirements()
    key = digest_of([], *wanted, *PYTHONS, *PLATFORMS, machine)

    def fetch(folder: Path) -> None:
        for python in PYTHONS:
            targets = [f"--platform={name}_{machine}" for name in PLATFORMS]
            target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *targets]
            _pip("download", "--quiet", *target, f"--dest={folder}", *wanted)

    return _kept(f"wheels-{key}", fetch)


def own() -> Path:
    """Return the folder with EverTask's own wheel.

    Raises:
        ImageError: pip could not build it.
    """
    key = digest_of(source_files(OWN_SOURCES))
    return _kept(
        f"own-{key}", lambda folder: _pip("wheel", "--quiet", "--no-deps", f"--wheel-dir={folder}", str(ROOT))
    )


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder ``name`` of the cache, made now if it is not there; older ones of its kind are removed."""
    folder = CACHE / name
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    print(f"[images] making {folder.relative_to(ROOT)}", flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        draft = Path(scratch, name)
        draft.mkdir()
        make(draft)
        # Complete or not there at all: a broken-off download is never taken for the whole.
        draft.rename(folder)
    for older in CACHE.glob(f"{name.split('-', 1)[0]}-*"):
        if older != folder:
            shutil.rmtree(older)
    return folder


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(
            f"`pip {' '.join(arguments)}` failed:\n{(done.stdout + done.stderr).strip()[-2000:]}"
        )
