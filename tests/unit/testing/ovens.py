"""A module of handlers that is set up: its handler is made with an oven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evertask import Handler, Task

if TYPE_CHECKING:
    from evertask import Context


class Oven:
    def __init__(self, degrees: int) -> None:
        self.degrees = degrees


def setup() -> dict[Any, Any]:
    return {Oven: Oven(220)}


class HeatHandler(Handler["Heat"]):
    def __init__(self, oven: Oven) -> None:
        self._oven = oven

    def handle(self, task: Heat, ctx: Context) -> int:
        return self._oven.degrees


class Heat(Task):
    handler = HeatHandler
