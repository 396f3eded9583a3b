"""kubectl, as these scripts use it: a call says which cluster it means, a failure says what was tried."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from hack.tools import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class KubectlError(Exception):
    """kubectl ended with a failure; the message has the command and what it printed."""


class Kubectl:
    """kubectl with the kubeconfig of one cluster."""

    def __init__(self, kubeconfig: str) -> None:
        self._path = find("kubectl")
        self._environment = {**os.environ, "KUBECONFIG": kubeconfig}

    def run(self, *arguments: str, text: str | None = None) -> str:
        """Run to the end and give what was printed.

        Args:
            arguments: of kubectl.
            text: its standard input.

        Raises:
            KubectlError: the exit code is not 0.
        """
        command = [self._path, *arguments]
        done = subprocess.run(
            command, env=self._environment, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise KubectlError(f"`kubectl {shlex.join(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run with ``-o json`` and give the value."""
        return json.loads(self.run(*arguments, "-o", "json"))

    def stream(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that goes on, such as a watch; the caller reads its output and ends it."""
        return subprocess.Popen(
            [self._path, *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def json_lines(output: Iterable[str]) -> Iterator[Any]:
    """Give the JSON objects of a stream as they come, each on a line of its own.

    Other lines are skipped: kubectl's own words about a watch that ended.
    """
    return (json.loads(line) for line in output if line.startswith("{"))
