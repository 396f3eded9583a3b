"""The EverTask documents of a file: YAML or JSON, any number of them, lists too; other kinds are passed over."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evertask.api import protocol
from evertask.cli.exits import INVALID, CommandFailedError
from evertask.cli.yaml_loader import load_all

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "-"
"""Stands for the standard input where a file is asked for."""

KINDS_TOLD = 5
"""How many of the kinds that were found instead a message lists."""


@dataclass(frozen=True)
class Document:
    """One EverTask as it was written; nothing about it has been judged."""

    content: dict[str, Any]
    number: int
    """Place in the file, from 1, counted over all kinds; the items of a list count each."""

    @property
    def name(self) -> str | None:
        """``metadata.name`` (or ``generateName``), where it is a text."""
        metadata = self.content.get("metadata")
        if not isinstance(metadata, dict):
            return None
        name = metadata.get("name") or metadata.get("generateName")
        return name if isinstance(name, str) else None

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.name} (document {self.number})" if self.name else f"document {self.number}"


def read_object_file(option: str, file: str) -> dict[str, Any]:
    """Read a file that holds one object, in YAML or JSON, or the standard input.

    Raises:
        CommandFailedError: the file cannot be read, or is no such thing; the message names the option.
    """
    try:
        found = list(load_all(_bytes_of(file)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandFailedError(
            f"{option}: {file!r} cannot be read: {reason}; name a file", code=INVALID
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        where = _where(error) if isinstance(error, yaml.YAMLError) else " is nested too deeply"
        raise CommandFailedError(f"{option}: {file}{where}; correct it there", code=INVALID) from error
    if len(found) != 1 or not isinstance(found[0], dict):
        raise CommandFailedError(
            f"{option}: {file} must hold one object, such as {{spec: {{containers: […]}}}}", code=INVALID
        )
    made: dict[str, Any] = found[0]
    return made


def _bytes_of(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()


def read_documents(file: str) -> list[Document]:
    """Read the EverTasks of a file, or of the standard input.

    Raises:
        CommandFailedError: the file cannot be read, is neither YAML nor JSON, or holds no EverTask.
    """
    source = "standard input" if file == STDIN else file
    try:
        text = _bytes_of(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandFailedError(
            f"--file: {file!r} cannot be read: {reason}; name a file or - for the standard input. "
            "An object of the cluster is named without -f: evertask next NAME",
            code=INVALID,
        ) from error
    try:
        found = list(_flattened(list(_parsed(text))))
    except yaml.YAMLError as error:
        raise CommandFailedError(f"{source}{_where(error)}; correct it there", code=INVALID) from error
    except RecursionError as error:
        raise CommandFailedError(f"{source} is nested too deeply; flatten it", code=INVALID) from error
    documents = [
        Document(content, number) for number, content in enumerate(found, start=1) if _is_evertask(content)
    ]
    if not documents:
        raise CommandFailedError(f"{source}: {_nothing_in(found)}", code=INVALID)
    return documents


def _parsed(text: bytes) -> Iterator[Any]:
    # JSON is YAML, but for tabs and for several objects in a row; and it is read faster as what it is.
    if text.lstrip()[:1] == b"{":
        try:
            return iter(list(_json_values(text.decode("utf-8"))))
        except ValueError:  # a flow mapping, or wrong: YAML decides
            pass
    return load_all(text)


def _json_values(text: str) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        value, position = decoder.raw_decode(text, position)
        yield value


def _flattened(values: list[Any]) -> Iterator[Any]:
    for value in values:
        is_list = isinstance(value, dict) and isinstance(value.get("items"), list)
        if is_list and str(value.get("kind")).endswith("List"):
            yield from _flattened(value["items"])
        elif value is not None:
            yield value


def _is_evertask(content: Any) -> bool:
    if not isinstance(content, dict) or content.get("kind") != protocol.KIND:
        return False
    # A wrong version of our group, or none, is for the model to complain about; other groups are not ours.
    group, slash, _ = str(content.get("apiVersion", protocol.API_VERSION)).partition("/")
    return group == protocol.GROUP or not slash


def _nothing_in(found: list[Any]) -> str:
    wanted = (
        f"there is no EverTask in it; a document needs kind: EverTask and apiVersion: {protocol.API_VERSION}"
    )
    kinds = {str(one.get("kind") or "no kind") if isinstance(one, dict) else "no object" for one in found}
    if not kinds:
        return f"{wanted} (it is empty)"
    told = sorted(kinds)
    more = ", …" if len(told) > KINDS_TOLD else ""
    return f"{wanted} (found: {', '.join(told[:KINDS_TOLD])}{more})"


def _where(error: yaml.YAMLError) -> str:
    """Say where the text stops being YAML, and why."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    if not place and getattr(error, "position", None) is not None:
        place = f", byte {error.position}"  # type: ignore[attr-defined]
    return f"{place}: this is not YAML: {' '.join(str(problem).split())}"
