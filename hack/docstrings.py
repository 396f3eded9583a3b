"""Docstrings of Google's style as Markdown, and the docstrings that stand under attributes.

Python keeps a docstring of a class or a function only; what stands under an attribute is read from the source.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTIONS = {
    "Args": "Arguments",
    "Returns": "Returns",
    "Yields": "Yields",
    "Raises": "Raises",
    "Attributes": "Attributes",
}
"""Sections of a docstring, and their headings in Markdown."""
NAMED = frozenset({"Args", "Raises", "Attributes"})
"""Those whose entries begin with a name."""

_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):$")
_ENTRY = re.compile(r"^(?P<name>[*\w.]+)(?: \([^)]*\))?: (?P<text>.*)$", re.DOTALL)


def markdown(docstring: str | None) -> str:
    """Give a docstring as Markdown; empty for None."""
    parts: list[str] = []
    section = ""
    lines: list[str] = []
    for line in [*inspect.cleandoc(docstring or "").splitlines(), "Args:"]:
        if heading := _SECTION.match(line):
            parts.append(_section(section, lines))
            section, lines = heading[1], []
        else:
            lines.append(line)
    return "\n\n".join(part for part in parts if part)


def inline(text: str) -> str:
    """Give prose of a docstring as Markdown: code between single backticks, no roles."""
    return re.sub(r"``(.+?)``", r"`\1`", re.sub(r":\w+:`~?([^`]+)`", r"``\1``", text), flags=re.DOTALL)


def _section(name: str, lines: list[str]) -> str:
    if not name:
        return inline("\n".join(lines).strip())
    entries = _entries(lines) if name in NAMED else [textwrap.dedent("\n".join(lines)).strip()]
    said = [_entry(entry, is_named=name in NAMED) for entry in entries]
    return "\n".join([f"**{SECTIONS[name]}**", "", *said])


def _entries(lines: list[str]) -> list[str]:
    """Split the body of a section: what is indented deeper goes on."""
    found: list[str] = []
    for line in textwrap.dedent("\n".join(lines)).splitlines():
        if line.startswith(" ") and found:
            found[-1] += f" {line.strip()}"
        elif line:
            found.append(line)
    return found


def _entry(text: str, *, is_named: bool) -> str:
    match = _ENTRY.match(text) if is_named else None
    said = inline(" ".join(text.split())) if match is None else f"`{match['name']}`: {inline(match['text'])}"
    return f"- {said}"


@dataclass(frozen=True)
class Attribute:
    """An attribute with a docstring under it, or a field."""

    name: str
    annotation: str
    """As it is written; empty where nothing is."""
    default: str
    """As it is written; empty where there is none."""
    doc: str
    """As Markdown, in one line."""


def attributes_of(cls: type[Any]) -> list[Attribute]:
    """Give the public attributes of a class in the order of its source, those that ``__init__`` documents too."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = list(_documented(tree.body))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            found += [each for each in _documented(node.body) if each.doc]
    return [each for each in found if not each.name.startswith("_") and each.name != "model_config"]


def _documented(body: list[ast.stmt]) -> Iterator[Attribute]:
    for node, after in zip(body, [*body[1:], None], strict=True):
        doc = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            doc = inline(" ".join(inspect.cleandoc(str(after.value.value)).split()))
        if isinstance(node, ast.AnnAssign):
            # What __init__ assigns to self is no default.
            default = ast.unparse(node.value) if node.value and isinstance(node.target, ast.Name) else ""
            yield Attribute(_target(node.target), ast.unparse(node.annotation), default, doc)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            default = ast.unparse(node.value)
            yield Attribute(_target(node.targets[0]), "", default, doc)


def _target(node: ast.expr) -> str:
    """Name ``x`` or ``self.x``; what is neither is private."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else "_"
