"""``evertask next`` as it is called: options, output, exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from evertask.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

FROM = ("--from", "2026-10-22T12:00:00Z")
REPORT = textwrap.dedent("""\
    apiVersion: evertask.io/v1alpha1
    kind: EverTask
    metadata:
      name: daily-report
    spec:
      handler: shop.reports:DailyReportHandler
      recurrence:
        cron: 30 9 * * MON-FRI
        timeZone: Europe/Rome
""")
CHRISTMAS = textwrap.dedent("""\
    apiVersion: evertask.io/v1alpha1
    kind: EverTask
    metadata: {name: christmas}
    spec:
      handler: a:b
      recurrence:
        calendar: {unit: Day, atTimes: [09:00, 17:30:15]}
        first: {at: 2026-12-25T10:00:00Z}
""")
BROKEN = REPORT.replace("30 9", "61 9").replace("daily-report", "broken")


def run(*arguments: str, stdin: str | None = None):
    return CliRunner().invoke(app, list(arguments), input=stdin)


def ask(text: str, *arguments: str):
    return run("next", "-f", "-", *arguments, stdin=text)


def test_text_is_an_instant_a_line_and_nothing_else():
    answer = ask(REPORT, *FROM, "--count", "2")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (
        0,
        "2026-10-23T07:30:00Z\n2026-10-26T08:30:00Z\n",
        "",
    )


def test_five_are_asked_for_unless_said_otherwise():
    assert len(ask(REPORT).stdout.splitlines()) == 5


def test_wide_shows_the_local_time_through_the_change_of_the_clocks():
    answer = ask(REPORT, *FROM, "--count", "2", "-o", "wide")
    assert answer.stdout == textwrap.dedent("""\
        UTC                    LOCAL                       DAY   ZONE
        2026-10-23T07:30:00Z   2026-10-23T09:30:00+02:00   Fri   Europe/Rome
        2026-10-26T08:30:00Z   2026-10-26T09:30:00+01:00   Mon   Europe/Rome
    """)


def test_json_is_an_entry_a_document():
    answer = ask(f"{REPORT}---\n{BROKEN}", *FROM, "--count", "1", "-o", "json")
    first, second = json.loads(answer.stdout)
    assert first == {"name": "daily-report", "occurrences": ["2026-10-23T07:30:00Z"], "error": None}
    assert (second["name"], second["occurrences"]) == ("broken", [])
    assert "spec.recurrence.cron" in second["error"]
    assert (answer.exit_code, answer.stderr) == (2, "")


def test_unquoted_times_of_yaml_are_what_they_look_like():
    answer = ask(CHRISTMAS, "--from", "2026-12-01T00:00:00Z", "--count", "3")
    assert answer.stdout.splitlines() == [
        "2026-12-25T10:00:00Z",
        "2026-12-25T17:30:15Z",
        "2026-12-26T09:00:00Z",
    ]


def test_several_documents_have_headings_and_the_wrong_one_does_not_keep_the_others_back():
    answer = ask(f"{REPORT}---\n{BROKEN}---\n{CHRISTMAS}", *FROM, "--count", "1")
    assert answer.stdout == ("daily-report:\n2026-10-23T07:30:00Z\n\nchristmas:\n2026-12-25T10:00:00Z\n")
    assert answer.exit_code == 2
    assert re.fullmatch(r"evertask: broken \(document 2\): .*spec\.recurrence\.cron.*\n", answer.stderr)


def test_other_kinds_beside_one_task_ask_for_no_heading():
    answer = ask(f"kind: ConfigMap\n---\n{REPORT}", *FROM, "--count", "1")
    assert answer.stdout == "2026-10-23T07:30:00Z\n"


def test_a_series_that_is_over_prints_nothing_and_is_no_failure():
    answer = ask(f"{REPORT}    until: 2026-01-01T00:00:00Z\n", *FROM)
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "spec.recurrence.until" in answer.stderr


def test_white_space_of_an_expression_reaches_the_parser():
    answer = ask(REPORT.replace("30 9 * * MON-FRI", r'" \t30  9 * * MON-FRI "'), *FROM, "--count", "1")
    assert answer.stdout == "2026-10-23T07:30:00Z\n"


@pytest.mark.parametrize(
    "time",
    [
        "2026-10-22T12:00:00.000001Z",
        "2026-10-22t14:00:00+02:00",
        "0001-01-01T00:00:00Z",
        "9999-12-30T23:59:59.9Z",
    ],
)
def test_instants_that_may_be_asked_from(time):
    assert ask(REPORT, "--from", time).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--from", "tomorrow"), "--from: 'tomorrow' is no instant", id="no-time"),
        pytest.param(("--from", "2026-10-22"), "--from: '2026-10-22' says no time zone", id="no-zone"),
        pytest.param(
            ("--from", "0001-01-01T00:00:00+01:00"),
            "--from: .* is not within the years 1 to 9999",
            id="before-time",
        ),
        pytest.param(("--from", ""), "--from: '' is no instant", id="empty-time"),
        pytest.param(("--count", "0"), "--count: '0' is not a whole number from 1 to 100000", id="zero"),
        pytest.param(("--count", "-1"), "--count: '-1' is not", id="negative"),
        pytest.param(("--count", "1.5"), "--count: '1.5' is not", id="fraction"),
        pytest.param(("--count", "9" * 5000), "--count: '9+' is not", id="huge"),
        pytest.param(
            ("-o", "yaml"), "'--output' / '-o': .*'yaml' is not one of 'text', 'wide', 'json'", id="output"
        ),
        pytest.param(
            ("daily-report",),
            "give one of them: evertask next -f FILE, or evertask next NAME",
            id="file-and-name",
        ),
        pytest.param(("--form", "x"), "No such option.* --form", id="misspelt"),
    ],
)
def test_a_wrong_option_is_named_with_the_way_out(arguments, message):
    answer = ask(REPORT, *arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert re.search(message, answer.stderr)


@pytest.mark.parametrize("time", ["tomorrow", "2026-10-22", "0001-01-01T00:00:00+01:00"])
def test_a_wrong_time_shows_a_right_one(time):
    assert "write it like 2026-12-25T10:00:00Z" in ask(REPORT, "--from", time).stderr


def test_neither_file_nor_name_is_asked_for_one():
    answer = run("next")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "evertask next -f FILE, or evertask next NAME" in answer.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [", r"standard input, line 2, column 1: this is not YAML", id="no-yaml"),
        pytest.param(
            "kind: Pod", r"standard input: there is no EverTask in it; .* \(found: Pod\)", id="no-task"
        ),
    ],
)
def test_an_unusable_file_is_one_line(text, message):
    answer = ask(text, "-o", "json")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert re.fullmatch(f"evertask: {message}.*\n", answer.stderr)


def test_without_a_kubeconfig_a_name_ends_with_code_1(tmp_path: Path):
    answer = run("next", "daily-report", "--kubeconfig", str(tmp_path / "none"))
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.startswith("evertask: there is no kubeconfig at ")


def test_help_tells_the_exit_codes():
    assert "Exit codes: 0 for an answer" in run("next", "--help").stdout


def test_version():
    assert re.fullmatch(r"evertask \d+\.\d+\.\d+\S*\n", run("--version").stdout)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        pytest.param(["--help"], {"pydantic", "yaml", "aiohttp", "rich"}, id="help"),
        pytest.param(["next", "-f", "report.yaml"], {"aiohttp", "asyncio", "kubernetes", "rich"}, id="file"),
    ],
)
def test_a_command_loads_only_what_it_needs(tmp_path: Path, arguments, unwanted):
    (tmp_path / "report.yaml").write_text(REPORT)
    program = (
        "import sys, atexit; atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, "
        "file=sys.stderr)); from evertask.cli.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert not set(done.stderr.split()) & unwanted


def test_without_its_extra_the_command_says_what_to_install():
    # None in sys.modules is how Python marks a module that is not to be found.
    program = "import sys; sys.modules['typer'] = None; from evertask.cli.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "evertask: the command line needs typer: pip install 'evertask[cli]'\n"
