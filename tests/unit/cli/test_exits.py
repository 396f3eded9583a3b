"""Exit codes: one table, which scripts rely on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from evertask.cli import exits
from evertask.cli.endings import ending
from evertask.cli.exits import CommandFailedError, code_of
from evertask.errors import (
    ApiError,
    ApiUnavailableError,
    ConfigurationError,
    ConflictError,
    DispatchRefusedError,
    PermissionDeniedError,
    TaskNotFoundError,
)

CLI_PAGE = Path(__file__).resolve().parents[3] / "docs/reference/cli.md"


def refused(status: int | None) -> DispatchRefusedError:
    error = DispatchRefusedError("no")
    error.__cause__ = None if status is None else ApiError("no", status=status)
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(CommandFailedError("x", code=7), 7, id="its-own"),
        pytest.param(TaskNotFoundError("x"), exits.NOT_FOUND, id="no-task"),
        pytest.param(PermissionDeniedError("x", status=403), exits.DENIED, id="rbac"),
        pytest.param(PermissionDeniedError("x", status=401), exits.DENIED, id="credentials"),
        pytest.param(ApiError("x", status=403), exits.DENIED, id="a-policy"),
        pytest.param(ApiError("x", status=404), exits.NOT_FOUND, id="404"),
        pytest.param(ApiError("x", status=422), exits.INVALID, id="422"),
        pytest.param(ConflictError("x", status=409), exits.INVALID, id="409"),
        pytest.param(ApiError("x", status=500), exits.UNAVAILABLE, id="500"),
        pytest.param(ApiError("x", status=599), exits.UNAVAILABLE, id="a-status-of-a-proxy"),
        pytest.param(ApiUnavailableError("x"), exits.UNAVAILABLE, id="away"),
        pytest.param(ConfigurationError("x"), exits.UNAVAILABLE, id="no-cluster"),
        pytest.param(refused(None), exits.INVALID, id="refused-by-us"),
        pytest.param(refused(422), exits.INVALID, id="refused-by-the-schema"),
        pytest.param(refused(403), exits.DENIED, id="refused-by-a-policy"),
        pytest.param(TimeoutError(), exits.TIMEOUT, id="timeout"),
    ],
)
def test_each_error_has_its_code(error, code):
    assert code_of(error) == code


def test_a_failure_is_one_safe_line_and_no_traceback(capsys):
    with pytest.raises(typer.Exit) as caught, ending():
        raise TaskNotFoundError("there is no\n\x1b[31mtask")
    assert caught.value.exit_code == exits.NOT_FOUND
    assert capsys.readouterr().err == "evertask: there is no\\n\\x1b[31mtask\n"


def test_ctrl_c_says_what_it_leaves(capsys):
    def leave() -> None:
        with ending() as farewell:
            farewell.text = "the task goes on"
            raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as caught:
        leave()
    assert caught.value.exit_code == exits.INTERRUPTED
    assert capsys.readouterr().err == "\nevertask: the task goes on\n"


def test_a_fault_of_ours_is_not_swallowed():
    with pytest.raises(ZeroDivisionError), ending():
        raise ZeroDivisionError


def test_the_reference_has_the_table():
    table = CLI_PAGE.read_text("utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    codes = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert documented == codes | {0}
