"""What a person at a terminal sees: colour, bars; and that a pipe sees the same in plain text."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from evertask.cli.displays import LiveDisplay, PlainDisplay, display
from evertask.cli.printing import print_table
from evertask.views import TaskView, view_of

ESCAPE = "\x1b["
ROWS = [["a", "Completed"], ["long-name", "Failed"]]
RUN = {"scheduledTime": "2026-11-24T11:00:00Z", "launch": 1, "phase": "Running"}


class Terminal(io.StringIO):
    """A standard output that a person reads."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    """Give a terminal; ``redirect_stdout`` makes it the standard output."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def view(state: str, percent: int | None = None, message: str | None = None) -> TaskView:
    progress = {"percent": percent, "message": message}
    runs = {"s1": {**RUN, "progress": progress}} if percent is not None or message else {}
    metadata = {
        "name": "report",
        "uid": "u",
        "namespace": "shop",
        "creationTimestamp": "2026-11-24T11:00:00Z",
    }
    return view_of(
        {"metadata": metadata, "spec": {"handler": "a:b"}, "status": {"state": state, "runs": runs}}
    )


def test_a_table_on_a_terminal_is_coloured(terminal):
    with redirect_stdout(terminal):
        print_table(["NAME", "STATE"], ROWS)
    assert f"{ESCAPE}32mCompleted" in terminal.getvalue()
    assert f"{ESCAPE}31mFailed" in terminal.getvalue()


def test_no_color_is_honoured(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    with redirect_stdout(terminal):
        print_table(["NAME", "STATE"], ROWS)
    assert f"{ESCAPE}32m" not in terminal.getvalue()
    assert f"{ESCAPE}31m" not in terminal.getvalue()


def test_a_table_in_a_pipe_is_plain(capsys):
    print_table(["NAME", "STATE"], ROWS)
    assert capsys.readouterr().out == "NAME        STATE\na           Completed\nlong-name   Failed\n"


def test_names_are_never_cut_on_a_narrow_terminal(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    with redirect_stdout(terminal):
        print_table(["NAME"], [["task-6b1d0b5e-9a44-5d58-8f0e-5f6c1a7e2d33"]])
    assert "task-6b1d0b5e-9a44-5d58-8f0e-5f6c1a7e2d33" in terminal.getvalue()


def test_what_looks_like_markup_is_printed_as_it_is(terminal):
    with redirect_stdout(terminal):
        print_table(["NAME", "MESSAGE"], [["a", "[red]:smile:[/red]"]])
    assert "[red]:smile:[/red]" in terminal.getvalue()


def test_bars_move_and_the_log_is_printed_above_them(terminal):
    with redirect_stdout(terminal), display() as shown:
        assert isinstance(shown, LiveDisplay)
        shown.show(view("InProgress", 40, "at [b]work\x07"))
        shown.log("a line of [the] log")
    printed = terminal.getvalue()
    for said in ("report", "InProgress", " 40%", "at [b]work\\x07", "a line of [the] log\n"):
        assert said in printed
    assert "\x07" not in printed


def test_a_task_that_does_not_say_how_far_it_is_has_no_percentage(terminal):
    with redirect_stdout(terminal), display() as shown:
        shown.show(view("InProgress"))
    assert "%" not in terminal.getvalue()


def waiting_view() -> TaskView:
    """Give a task that waits for its second attempt."""
    failure = {"attempt": 1, "time": "2026-11-24T11:00:05Z", "type": "OSError", "message": "no route"}
    run = {**RUN, "attempt": 1, "failedAttempts": 1, "failures": [failure]}
    run["nextAttemptTime"] = "2026-11-24T11:00:35.5Z"
    metadata = {
        "name": "report",
        "namespace": "shop",
        "uid": "u",
        "creationTimestamp": "2026-11-24T11:00:00Z",
    }
    status = {"state": "InProgress", "runs": {"s1": run}}
    return view_of({"metadata": metadata, "spec": {"handler": "a:b"}, "status": status})


def test_a_bar_tells_what_attempt_is_waited_for_and_why(terminal):
    with redirect_stdout(terminal), display() as shown:
        shown.show(waiting_view())
    said = "waits for attempt 2: until 2026-11-24T11:00:35Z after OSError: no route"
    assert said in terminal.getvalue()


def test_without_a_terminal_each_change_is_one_line(capsys):
    with display() as shown:
        assert isinstance(shown, PlainDisplay)
        for _ in range(2):
            shown.show(view("InProgress", 40, "rows"))
        shown.show(view("Completed"))
        shown.log("a line")
    printed = capsys.readouterr()
    assert printed.err == "report InProgress (40%) rows\nreport Completed\n"
    assert printed.out == "a line\n"
