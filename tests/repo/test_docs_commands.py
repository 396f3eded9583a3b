"""What the documentation tells people to type is there: verbs and options, files, make targets, modules, values."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shlex
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import typer
import yaml

from evertask.cli.app import app
from tests.repo.doc_pages import PAGES, ROOT, blocks

if TYPE_CHECKING:
    from tests.repo.doc_pages import Block

OTHERS = {"export", "docker", "kind", "curl", "git", "cd", "python", "source", "cat", "jq", "xargs"}
"""Programs whose arguments are theirs to check."""


AT_ONCE = {"--version", "--help", "--install-completion", "--show-completion"}
"""Options that act while they are read: not here."""


class Command(NamedTuple):
    """One command of a page."""

    block: Block
    words: list[str]


def typed(block: Block) -> list[str]:
    """Give the command lines of a block, without what they print and what is fed to them."""
    text = re.sub(r"<<-?'?(\w+)'?.*?\n\1$", "", block.text, flags=re.MULTILINE | re.DOTALL).replace(
        "\\\n", " "
    )
    found: list[str] = []
    is_open = False
    for line in text.splitlines():
        if is_open:
            found[-1] += f"\n{line}"
        elif block.language == "sh" or line.startswith("$ "):
            found.append(line.removeprefix("$ "))
        else:
            continue
        is_open = is_quote_open(found[-1])
    return found


def is_quote_open(line: str) -> bool:
    try:
        simple_commands(line)
    except ValueError:
        return True
    return False


def simple_commands(line: str) -> list[list[str]]:
    """Split a line into the commands of its pipes and lists."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&;"):
            found.append([])
        else:
            found[-1].append(word)
    return [words for words in found if words]


def commands() -> list[Command]:
    """Give every command of the pages."""
    shells = [block for block in [*blocks("sh"), *blocks("console")] if "skip" not in block.marks]
    return [
        Command(block, words) for block in shells for line in typed(block) for words in simple_commands(line)
    ]


def calls(*program: str) -> list[object]:
    size = len(program)
    return [
        pytest.param(command, id=f"{command.block.place}-{' '.join(command.words)[:50]}")
        for command in commands()
        if tuple(command.words[:size]) == program
    ]


def arguments(command: Command) -> list[str]:
    """Give what the program itself gets: nothing that the shell redirects."""
    words = command.words[1:]
    redirections = [place for place, word in enumerate(words) if set(word) <= set("<>")]
    return words[: redirections[0]] if redirections else words


def files_of(block: Block) -> set[str]:
    """Name the files that the page itself shows: ``# report.yaml`` in the first line of a block."""
    shown = [each for each in blocks() if each.page == block.page]
    names = {
        each.text.splitlines()[0].removeprefix("# ").strip() for each in shown if each.text.startswith("# ")
    }
    return names | {each.marks["file"] for each in shown if "file" in each.marks}


def test_every_program_is_known():
    known = OTHERS | {"evertask", "kubectl", "make", "pip", "helm", "python3"}
    assert {command.words[0] for command in commands()} <= known


def parse(verb: Any, name: str, words: list[str], parent: Any = None) -> None:
    """Read words by the real command line, down to the last verb, and do nothing."""
    with verb.make_context(name, list(words), parent=parent) as context:
        if hasattr(verb, "resolve_command"):
            name, verb, words = verb.resolve_command(context, [*context._protected_args, *context.args])
            parse(verb, name, words, context)


@pytest.mark.parametrize("command", calls("evertask"))
def test_the_command_line_understands(command):
    parser = typer.main.get_command(app)
    if command.words[1] in AT_ONCE:
        assert command.words[1] in {name for option in parser.params for name in option.opts}
        return
    parse(parser, "evertask", arguments(command))


@pytest.mark.parametrize("words", ["next --lines 3", "prev"], ids=["option", "verb"])
def test_the_check_notices_what_the_command_line_does_not_know(words):
    with pytest.raises(Exception, match="No such"):
        parse(typer.main.get_command(app), "evertask", words.split())


def flag(words: list[str], *names: str) -> list[str]:
    return [after for word, after in itertools.pairwise(words) if word in names]


@pytest.mark.parametrize("command", [*calls("kubectl"), *calls("evertask")])
def test_files_that_are_read_exist(command):
    absent = [
        file
        for file in flag(command.words, "-f", "--filename", "--file")
        if file != "-" and file not in files_of(command.block) and not (ROOT / file).exists()
    ]
    assert absent == []


@pytest.mark.parametrize("command", calls("kubectl"))
def test_patches_are_json(command):
    for patch in flag(command.words, "-p", "--patch"):
        assert isinstance(json.loads(patch), dict)


@pytest.mark.parametrize("command", calls("make"))
def test_make_has_the_target(command):
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {word for word in command.words[1:] if "=" not in word} <= targets


def test_python_has_the_modules():
    named = {name for each in commands() if each.words[0] == "python3" for name in flag(each.words, "-m")}
    named |= {name for page in PAGES for name in re.findall(r"`python3 -m ([\w.]+)", page.read_text("utf-8"))}
    assert named
    assert [name for name in sorted(named) if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("command", calls("pip"))
def test_extras_are_extras_of_the_distribution(command):
    with (ROOT / "pyproject.toml").open("rb") as file:
        known = set(tomllib.load(file)["project"]["optional-dependencies"])
    named = re.findall(r"evertask\[([^\]]+)\]", " ".join(command.words))
    assert {extra for extras in named for extra in extras.split(",")} <= known


@pytest.mark.parametrize("command", calls("helm"))
def test_helm_is_given_values_of_the_chart(command):
    values = yaml.safe_load((ROOT / "charts/evertask/values.yaml").read_text("utf-8"))
    for setting in flag(command.words, "--set", "--set-json", "--set-string"):
        place = values
        for key in setting.partition("=")[0].split("."):
            assert key in place, setting
            place = place[key]


def test_there_is_something_to_check():
    assert len(commands()) > 30
