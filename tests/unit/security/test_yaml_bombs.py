"""A file of somebody else's, given to ``evertask -f``: what is small as text and large, or code, when it is read."""

from __future__ import annotations

import string
import time

import pytest
import yaml

from evertask.cli.documents import read_documents
from evertask.cli.exits import INVALID, CommandFailedError
from evertask.cli.yaml_loader import load_all

SECONDS = 5.0


def chain(first: str, link: str, levels: int = 24) -> str:
    """Lines of which each uses the one before twice."""
    letters = string.ascii_lowercase
    lines = [f"a: &a {first}"]
    lines += [link.format(new=letters[n + 1], old=letters[n]) for n in range(levels)]
    return "\n".join(lines)


BOMBS = {
    "billion-laughs": chain("[lol, lol]", "{new}: &{new} [*{old}, *{old}]"),
    "laughs-in-mappings": chain("{x: lol}", "{new}: &{new} {{x: *{old}, y: *{old}}}"),
    "laughs-in-a-list-of-tasks": "kind: List\n"
    + chain("[lol]", "{new}: &{new} [*{old}, *{old}]")
    + "\nitems: [*y, *y]",
    "merge-keys": chain("{k: v}", "{new}: &{new} {{<<: [*{old}, *{old}]}}"),
    "merge-of-many": "a: &a {"
    + ", ".join(f"k{n}: v" for n in range(2000))
    + "}\nb: {<<: ["
    + "*a, " * 5000
    + "*a]}",
    "one-long-text-often": "a: &a " + "x" * 100_000 + "\nb: [" + "*a, " * 100_000 + "*a]",
    "contains-itself": "&a [*a]",
    "contains-itself-deeper": "&a {b: {c: [*a]}}",
    "deep-lists": "[" * 100_000,
    "deep-blocks": "- " * 100_000 + "a",
    "deep-mappings": "? " * 100_000,
    "deep-json": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a-command": "!!python/object/apply:os.system [touch /tmp/owned]",
    "a-class": "!!python/name:os.system",
    "a-number-of-a-million-digits": "!!int " + "9" * 1_000_000,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_it_is_refused_at_once(tmp_path, text):
    file = tmp_path / "task.yaml"
    file.write_text(text)
    began = time.monotonic()
    with pytest.raises(CommandFailedError) as failed:
        read_documents(str(file))
    assert time.monotonic() - began < SECONDS
    assert failed.value.code == INVALID
    assert len(str(failed.value)) < 1000


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (BOMBS["billion-laughs"], "aliases repeat one another too often"),
        (BOMBS["merge-of-many"], "<< brings in more than 10000 keys"),
    ],
)
def test_the_refusal_says_why(text, part):
    with pytest.raises(yaml.YAMLError, match=part):
        list(load_all(text.encode()))


def test_aliases_as_people_use_them_are_read():
    text = "base: &base {image: shop, env: [{name: A, value: b}]}\ntasks:\n" + "".join(
        f"- {{<<: *base, number: {number}}}\n" for number in range(500)
    )
    (value,) = load_all(text.encode())
    assert value["tasks"][499] == {"image": "shop", "env": [{"name": "A", "value": "b"}], "number": 499}


def test_merging_a_mapping_that_merges_is_no_repetition():
    (value,) = load_all(b"a: &a {k: 1}\nb: &b {<<: *a, l: 2}\nc: {<<: [*b, *a], m: 3}")
    assert value["c"] == {"k": 1, "l": 2, "m": 3}
