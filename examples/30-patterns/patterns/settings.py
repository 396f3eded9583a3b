"""What the environment says: where the tasks go, in which image they run, how fast time passes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta


class SettingsError(Exception):
    """A setting is missing or senseless; the message names it."""


@dataclass(frozen=True)
class Settings:
    """The settings of one instance of the application."""

    namespace: str
    """Of the tasks: the application's own."""
    task_image: str
    """The image with the handlers."""
    database: str = ":memory:"
    """Path of the SQLite file."""
    delay_scale: float = 1.0
    """Factor of the delays that are shortened for demonstrations; 1 is real time."""

    def scaled(self, delay: timedelta) -> timedelta:
        """Give a delay as it is dispatched here."""
        return delay * self.delay_scale

    @property
    def pod_template(self) -> dict[str, Any]:
        """In which image the tasks run; merged over the operator's pod template."""
        return {"spec": {"containers": [{"name": "runner", "image": self.task_image}]}}


def read_settings(values: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment.

    Raises:
        SettingsError: a variable is missing, or the scale is no positive number.
    """
    for name in ("PATTERNS_NAMESPACE", "TASK_IMAGE"):
        if not values.get(name):
            raise SettingsError(f"the environment variable {name} is missing; see manifests/20-app.yaml")
    scale = values.get("DELAY_SCALE", "1")
    try:
        delay_scale = float(scale)
    except ValueError:
        delay_scale = 0.0
    if not 0 < delay_scale <= 1:
        raise SettingsError(f"DELAY_SCALE={scale!r} is no number above 0 and up to 1, such as 0.001")
    return Settings(
        namespace=values["PATTERNS_NAMESPACE"],
        task_image=values["TASK_IMAGE"],
        database=values.get("PATTERNS_DATABASE", ":memory:"),
        delay_scale=delay_scale,
    )
