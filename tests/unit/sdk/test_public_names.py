"""The public face of the package: one list, three places, and nothing imported before its time."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import evertask

SOURCE = Path(evertask.__file__)


def imported_for_typing() -> dict[str, str]:
    """Read the names under ``if TYPE_CHECKING`` and their modules."""
    blocks = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If)]
    return {
        alias.name: f"{node.module}"
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }


def test_the_three_lists_of_public_names_agree():
    assert sorted(evertask.__all__) == sorted(evertask._HOMES)
    homes = {name: home for name, home in imported_for_typing().items() if name in evertask.__all__}
    assert homes == evertask._HOMES


@pytest.mark.parametrize("name", evertask.__all__)
def test_every_public_name_can_be_imported_and_says_what_it_is(name):
    assert getattr(evertask, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = evertask.Nonsense


def modules_after(statement: str) -> set[str]:
    program = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(SOURCE.parents[1]), "PATH": ""},
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        pytest.param("import evertask", {"pydantic", "aiohttp", "asyncio", "kubernetes"}, id="package"),
        pytest.param("import evertask.errors", {"pydantic", "aiohttp", "kubernetes"}, id="errors"),
        pytest.param("import evertask.views", {"pydantic", "aiohttp", "kubernetes"}, id="views"),
        pytest.param(
            "from evertask import ExitRetry, Failure, NonRetryable, Retry, RetryAfter, RetryPolicy, "
            "TRANSIENT_DATABASE_ERRORS, TRANSIENT_NETWORK_ERRORS; Retry(only_for=TRANSIENT_NETWORK_ERRORS)",
            {"pydantic", "aiohttp", "asyncio", "kubernetes", "random", "httpx", "sqlalchemy"},
            id="retries",
        ),
        pytest.param("from evertask import Task, Handler", {"aiohttp", "kubernetes"}, id="tasks"),
        pytest.param(
            "from evertask import Dispatcher; Dispatcher()", {"kubernetes", "kopf", "yaml"}, id="dispatcher"
        ),
    ],
)
def test_an_import_brings_only_what_it_needs(statement, unwanted):
    assert not modules_after(statement) & unwanted
