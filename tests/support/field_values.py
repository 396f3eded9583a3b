"""Two values of each field of the spec, for tests that change it."""

from __future__ import annotations

from typing import Any

TWO_VALUES: dict[str, tuple[Any, Any]] = {
    "handler": ("shop:A", "shop:B"),
    "payload": ({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [2]}}),
    "payloadFrom": ([{"secretRef": {"name": "a"}}], [{"configMapRef": {"name": "a"}}]),
    "delay": ("5m", "6m"),
    "runAt": ("2026-12-25T10:00:00Z", "2026-12-25T10:00:01Z"),
    "recurrence": ({"every": "5m", "overlap": "Queue"}, {"every": "6m", "overlap": "Queue"}),
    "gracePeriod": ("5s", "6s"),
    "timeout": ("5s", "6s"),
    "runTimeout": ("5s", "6s"),
    "retry": ({"limit": 1}, {"limit": 2}),
    "startDeadline": ("5s", "6s"),
    "onInterruption": ("Relaunch", "Fail"),
    "maxInterruptions": (1, 2),
    "fenceAfter": ("15s", "16s"),
    "podTemplate": ({"spec": {"priority": 1}}, {"spec": {"priority": 2}}),
    "suspend": (False, True),
    "runNow": ("one", "two"),
    "ttlAfterFinished": ("5s", "6s"),
    "queue": ("emails", "reports"),
    "auditLevel": ("Full", "None"),
}
