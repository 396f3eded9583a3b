"""What a refused spec is, and the sentences with which several fields are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WRITE_DURATION = "written like 90s, 5m, 1h30m or 250ms"
WRITE_TIME = "written like 2026-12-25T10:00:00Z"
WRITE_HANDLER = "must be written module:attribute, for example shop.reports:DailyReportHandler"
WRITE_NAME = "name must be the name of an object in the task's namespace"
ONE_SOURCE = "must set exactly one of secretRef and configMapRef"


@dataclass(frozen=True)
class Bad:
    """A refused spec."""

    id: str
    spec: dict[str, Any]
    field: str
    """Path that the message must name."""
    remedy: str
    """What the message must say."""
    in_python: bool = True
    """The model refuses it too. Not so where pydantic converts ("yes" is true to it) or the model is wider."""
