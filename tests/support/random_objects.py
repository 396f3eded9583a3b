"""Random specs and statuses, made from the schema that the API server has: most fit it, some nearly do.

Every choice is thrown by one seeded die, so that a finding can be found again by its seed.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from evertask.api.crd import task_schema
from evertask.api.task import EverTaskSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

WORDS = (
    "shop.reports:daily", "shop.mails:Send.Welcome", "emails", "a.b-c.d", "daily", "ConnectionError",
    "httpx.TransportError", "0 9 * * *", "*/5 * * * *", "0 0 31 2 *", "@daily", "0 30 9 * * MON-FRI", "L",
    "Europe/Rome", "Mars/Phobos", "UTC", "09:00", "17:30:15", "0s", "1s", "15s", "90s", "5m", "1h30m", "250ms", "2160h",
    "1 week", "-5m", "PT5M", "2026-12-25T10:00:00Z", "2026-12-25T10:00:00.250-05:00", "1970-01-01T00:00:00Z",
    "2999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-12-25 10:00", "", " ", " padded ", "a" * 300, "ünïcödé ☃",
    "\u202eevil", "$(X)", "{{ x }}", "%s",
)  # fmt: skip
"""What people write into fields, some of it into the wrong ones."""

INSTANTS = tuple(
    word for word in WORDS if re.match(r"[12][0-9]{3}-\d\d-\d\dT", word) and "-02-30" not in word
)
NUMBERS = (-1, 0, 1, 2, 3, 7, 16, 31, 60, 100, 1000, 10**6)


class RandomObjects:
    """Makes objects of the schema."""

    def __init__(self, seed: int) -> None:
        """Throw the dice of a seed."""
        self.dice = random.Random(seed)
        self._schema = task_schema()["properties"]

    def spec(self, *, wrong: float = 0.05) -> Json:
        """Give a spec; each of its values is, so likely, made without regard for its field."""
        made: Json = self._object(self._schema["spec"], wrong, 0)
        made.setdefault("handler", "shop.reports:daily")
        return made

    def good_spec(self) -> Json:
        """Give a spec that the model takes: what it does not take is left out."""
        spec = self.spec(wrong=0.0)
        while True:
            try:
                EverTaskSpec.model_validate(spec)
            except ValidationError as error:
                for one in reversed(
                    error.errors(include_url=False, include_context=False, include_input=False)
                ):
                    _leave_out(spec, one["loc"])
                spec.setdefault("handler", "shop.reports:daily")
            else:
                return spec

    def status(self) -> Json:
        """Give a status that fits the schema, whatever sense it makes."""
        made: Json = self._object(self._schema["status"], 0.0, 0)
        return made

    def _value(self, schema: Mapping[str, Any], wrong: float, depth: int) -> Any:
        if self.dice.random() < wrong:
            return self.dice.choice([*WORDS, *NUMBERS, True, [], {}, [1], {"a": 1}, 1.5])
        if "enum" in schema:
            return self.dice.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, wrong, depth)
        if kind == "array":
            few = range(self.dice.randint(schema.get("minItems", 0), min(3, schema.get("maxItems", 3))))
            return [self._value(schema["items"], wrong, depth + 1) for _ in few]
        if kind == "boolean":
            return self.dice.random() < 0.3
        if kind in {"integer", "number"} or schema.get("x-kubernetes-int-or-string"):
            low, high = schema.get("minimum", 0), schema.get("maximum", 1000)
            # A counter at the end of its range is no state that a task comes to.
            return self.dice.choice([low, min(high, 10**6), *(n for n in NUMBERS if low <= n <= high)])
        return self._text(schema) if kind == "string" else self.dice.choice([None, 1, "x", {"a": [1]}])

    def _object(self, schema: Mapping[str, Any], wrong: float, depth: int) -> Json:
        properties: Mapping[str, Any] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        likely = max(0.05, 0.35 - 0.1 * depth)
        names = [name for name in properties if name in required or self.dice.random() < likely]
        made = {name: self._value(properties[name], wrong, depth + 1) for name in names}
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            keys = [
                self.dice.choice(["s1795487555", "m0a1b2c3d", "s0", "a", "evertask.io/x"]) for _ in range(2)
            ]
            made |= {key: self._value(extra, wrong, depth + 1) for key in keys}
        elif schema.get("x-kubernetes-preserve-unknown-fields") and not properties:
            made |= {"a": self.dice.choice([1, None, "x", [1, {"b": 2}]])}
        return made

    def _text(self, schema: Mapping[str, Any]) -> str:
        if schema.get("format") == "date-time":
            return self.dice.choice(INSTANTS)
        rules = " ".join(one["rule"] for one in schema.get("x-kubernetes-validations", ()))
        patterns = re.findall(r"self\.matches\('(.*?)'\)", rules)
        longest = schema.get("maxLength", 10**6)
        fitting = [
            word
            for word in WORDS
            if len(word) <= longest
            and len(word) >= schema.get("minLength", 0)
            and all(re.fullmatch(pattern[1:-1], word) for pattern in patterns)
        ]
        return self.dice.choice(fitting or list(WORDS))


def _leave_out(document: Any, location: tuple[int | str, ...]) -> None:
    """Leave out what an error is about: the innermost that is there, or one of an object's fields at random."""
    parent, key, found = None, None, document
    for part in location:
        name = to_camel(part) if isinstance(part, str) else part
        inside = (
            name in found if isinstance(found, dict) else isinstance(found, list) and isinstance(name, int)
        )
        if not inside:
            break
        parent, key, found = found, name, found[name]
    if isinstance(found, dict) and found:
        found.pop(max(found))
    elif parent is not None:
        del parent[key]
