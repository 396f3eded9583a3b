"""The pages ``docs/reference/evertask.md`` and ``docs/reference/mutability.md``, made from the models.

Pure: a schema or a table in, Markdown out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask.api import protocol
from evertask.api.mutability import MUTABILITY, Mutability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evertask.api.structural import Schema

_BOUNDS = {
    "maxLength": "at most {:,} characters",
    "minimum": "from {:,}",
    "maximum": "at most {:,}",
    "maxItems": "at most {:,} items",
    "maxProperties": "at most {:,} keys",
}

_EVERTASK = f"""\
# EverTask

`{protocol.API_VERSION}`, namespaced, short name `et`, category `evertask`. `kubectl explain evertask.spec` shows the
same text. What may be changed when is on the page [mutability](mutability.md).

A field that is not listed here is refused by `kubectl`, and by the API server for a client that sends
`?fieldValidation=Strict`; to other clients the API server answers with a warning and drops the field.

Field selectors: {{selectable}}. In a value, write `\\,` `\\=` `\\\\` for `,` `=` `\\`.
"""

_MUTABILITY = """\
# What may be changed when

The API server itself holds this table, whoever writes: `kubectl`, the SDK, the operator. A change that is refused is
refused with the field's name and the way out, and leaves the object as it was.

| `spec.` | before the start | while a one-shot runs | while a series runs | finished | with a higher `incarnation` |
|---|---|---|---|---|---|
{rows}

**Before the start** is `status.state` Pending or Queued; a series is there again between its runs. A pod may be on its
way already: its launch is taken back when its task is edited. **While it runs** is InProgress: a pod was let in to the
run and has read the spec. **Finished** is Completed, Failed or Cancelled; a series has finished when it has ended.

A **series** is a task that has a `recurrence` before the write and after it. Each run reads the spec when its pod is
let in, so that a change of a series holds *from the next run on*; a run that has started is not touched. `recurrence`
itself may become another one until the series has ended. A task becomes a series, or ceases to be one, only before the
start. `delay`, `runAt` and `recurrence` exclude each other, and `runNow` needs a `recurrence`: who removes the one
removes the other in the same update.

A higher `incarnation` starts a finished task again, with whatever was changed in the same update. While the task runs
the incarnation cannot be raised: wait, or cancel it first. It may be raised before the start, but nothing is frozen
then, so that there is seldom a reason to; only a `cancel` that the operator has not acted on yet is taken back so.

`cancel` becomes true at any time. On a finished task it has no effect.

`status.state` is final once it is Completed, Failed or Cancelled: no write of anybody leads out of it, a removal of
the field or of the whole status neither, until `status.incarnation` takes over a higher `spec.incarnation`.

## How it is held

CEL rules in the CustomResourceDefinition, at the root of its schema: a rule on a field is not asked when the field is
removed. For `payload` and `podTemplate` a rule of a CRD compares only the keys that old and new object share, and
their number. The ValidatingAdmissionPolicy `frozen-fields.evertasks.evertask.io`, installed by the chart and by
`kubectl apply -f crds/`, compares them whole.

A frozen number must be sent as it is stored: `1`, where `1.0` was written first.
"""

_YES, _NO = "yes", "no"
_NEXT_RUN = "yes, from the next run on"
_ABSENT = "—"
_ROWS: dict[Mutability, tuple[str, str, str, str, str]] = {
    Mutability.ALWAYS: (_YES, _YES, _YES, _YES, _YES),
    Mutability.UNTIL_STARTED: (_YES, _NO, _ABSENT, _NO, _YES),
    Mutability.UNTIL_THE_LAST_RUN: (_YES, _NO, _NEXT_RUN, _NO, _YES),
    Mutability.FINAL: ("to true", "to true", "to true", "to true", "to true or false"),
    Mutability.GROWS: ("grows", _NO, _NO, "grows", "grows"),
    Mutability.NEVER: (_NO, _NO, _NO, _NO, _NO),
    Mutability.SERIES: (_YES, _NO, "to another one", _NO, _YES),
}


def mutability_page() -> str:
    """Write the page of the mutability table."""
    rows = "\n".join(f"| `{field}` | {' | '.join(_ROWS[when])} |" for field, when in MUTABILITY.items())
    return _MUTABILITY.format(rows=rows)


def evertask_page(schema: Schema, selectable: Sequence[str]) -> str:
    """Write the field reference from the structural schema of an EverTask."""
    names = ", ".join(f"`{path.removeprefix('.')}`" for path in selectable)
    sections = [_EVERTASK.format(selectable=names)]
    for part in ("spec", "status"):
        sections.extend(_sections(part, schema["properties"][part]))
    return "\n".join(sections)


def _sections(path: str, schema: Schema) -> Iterator[str]:
    """Write a section for an object, then one for each object in it."""
    level = "##" if "." not in path else "###"
    lines = [f"{level} {path}", "", "| field | type | |", "|---|---|---|"]
    required = schema.get("required", ())
    lines.extend(
        f"| `{name}` | {_type(property_)}{', required' if name in required else ''} | {_text(property_)} |"
        for name, property_ in schema["properties"].items()
    )
    yield "\n".join(lines) + "\n"
    for name, property_ in schema["properties"].items():
        step, inner = _inner(property_)
        if "properties" in inner:
            yield from _sections(f"{path}.{name}{step}", inner)


def _inner(schema: Schema) -> tuple[str, Schema]:
    """Give what a list or map holds, and how its path goes on; anything else as it is."""
    if "items" in schema:
        return "[]", schema["items"]
    if "additionalProperties" in schema:
        return ".*", schema["additionalProperties"]
    return "", schema


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    step, inner = _inner(dict(schema))
    prefix, plural = {"": ("", ""), "[]": ("list of ", "s"), ".*": ("map of ", "s")}[step]
    names = " or ".join(name + plural for name in _type_names(inner))
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return ", ".join([prefix + names, *bounds])


def _type_names(schema: Mapping[str, Any]) -> tuple[str, ...]:
    if schema.get("format") == "date-time":
        return ("time",)
    if schema.get("x-kubernetes-int-or-string"):
        return "integer", "string"
    return (schema.get("type", "any JSON"),)


def _text(schema: Mapping[str, Any]) -> str:
    return str(schema["description"]).replace("|", "\\|").replace("<", "&lt;")
