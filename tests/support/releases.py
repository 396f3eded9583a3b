"""The Helm release under test: its settings changed for a test and put back, uninstalled and installed again.

Images are left as they are, so that nothing is built and no registry is needed.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.install import CHART, RELEASE, Helm

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT = ("--wait", "--timeout", "180s")


class Release:
    """The installed release."""

    def __init__(self, kubeconfig: str) -> None:
        """Say in which cluster it is."""
        self._helm = Helm(kubeconfig)

    def is_installed(self) -> bool:
        """Tell whether it is there."""
        return self._helm.status() == "deployed"

    def values(self) -> dict[str, Any]:
        """Give the values that it was installed with."""
        values: dict[str, Any] = (
            json.loads(self._helm.run("get", "values", RELEASE, "--output", "json")) or {}
        )
        return values

    def install(self, values: dict[str, Any]) -> None:
        """Install or upgrade it with these values and no others; the operator is ready afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "values.json"
            file.write_text(json.dumps(values))
            command = ("upgrade", "--install", "--create-namespace", RELEASE, str(CHART))
            self._helm.run(*command, "--values", str(file), *WAIT)

    def uninstall(self) -> None:
        """Uninstall it."""
        self._helm.run("uninstall", RELEASE, *WAIT)

    @contextlib.contextmanager
    def changed(self, **values: Any) -> Iterator[None]:
        """Change values for the length of the block."""
        before = self.values()
        self.install({**before, **values})
        try:
            yield
        finally:
            self.install(before)
