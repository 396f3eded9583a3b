"""Measures a payload that is too large to be returned."""

from __future__ import annotations

from typing import Any


def digest(payload: dict[str, Any]) -> dict[str, int]:
    """Measure the text and the depth."""
    if payload["text"] != "é$(X)" * (len(payload["text"]) // 5):
        raise ValueError("the text was changed")
    levels, value = 0, payload["deep"]
    while not isinstance(value, int):
        value = value[0] if isinstance(value, list) else value["k"]
        levels += 1
    return {"length": len(payload["text"]), "levels": levels}
