"""What a strict type checker says of an application's code: one run for good code and for mistakes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def check_types(folder: Path, good: str, mistakes: list[str]) -> str:
    """Give mypy's words about ``good.py``, and about ``bad.py``: the same code with the mistakes after it."""
    (folder / "good.py").write_text(good)
    (folder / "bad.py").write_text("\n".join([good, *mistakes]))
    # An application's settings, without pydantic's plugin: it lets a field take anything unless init_typed is set.
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(folder / "mypy.ini")]
    done = subprocess.run(
        [*command, "--cache-dir", str(folder / "cache"), str(folder / "good.py"), str(folder / "bad.py")],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT / "sdk")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def is_found(said: str, good: str, mistakes: list[str], mistake: str, code: str) -> bool:
    """Tell whether a mistake is found in its own line, with an error code."""
    line = "\n".join([good, *mistakes]).splitlines().index(mistake) + 1
    return re.search(rf"bad\.py:{line}: error: .*\[{code}\]", said) is not None
