"""Specs that are refused before anything is stored: one table for the API server's tests and pydantic's."""

from __future__ import annotations

from typing import Any

from tests.support.bad_recurrences import BAD_RECURRENCES
from tests.support.bad_retries import BAD_RETRIES, GOOD_RETRIES
from tests.support.bad_specs import (
    ONE_SOURCE,
    WRITE_DURATION,
    WRITE_HANDLER,
    WRITE_NAME,
    WRITE_TIME,
    Bad,
)
from tests.support.good_recurrences import GOOD_RECURRENCES

__all__ = ["BAD_SPECS", "GOOD_SPECS", "Bad"]


def _source(**reference: Any) -> dict[str, Any]:
    return {"payloadFrom": [{"secretRef": reference}]}


HANDLERS = [
    Bad("handler-missing", {"handler": None}, "spec.handler", "Required value"),
    Bad("handler-empty", {"handler": ""}, "spec.handler", WRITE_HANDLER),
    Bad("handler-without-attribute", {"handler": "shop.reports"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-without-module", {"handler": ":Daily"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-with-two-colons", {"handler": "shop:reports:Daily"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-as-file", {"handler": "shop/reports.py:Daily"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-with-space", {"handler": "shop: Daily"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-with-line-break", {"handler": "shop:Daily\n"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-with-dollar", {"handler": "shop:$(HOME)"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-with-hyphen", {"handler": "my-shop:Daily"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-called", {"handler": "shop:run()"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-beginning-with-digit", {"handler": "shop:1st"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-beyond-ascii", {"handler": "shop:größe"}, "spec.handler", WRITE_HANDLER),
    Bad("handler-too-long", {"handler": "m:" + "a" * 252}, "spec.handler", "not be more than 253"),
    Bad("handler-a-number", {"handler": 5}, "spec.handler", "must be of type string"),
]

PAYLOADS = [
    Bad("payload-a-list", {"payload": [1]}, "spec.payload", "must be of type object"),
    Bad("payload-a-text", {"payload": "{}"}, "spec.payload", "must be of type object"),
    Bad("payload-a-number", {"payload": 1}, "spec.payload", "must be of type object"),
    Bad("payload-1025-keys", {"payload": {str(n): 1 for n in range(1025)}}, "spec.payload", "at most 1024"),
    Bad("payload-from-an-object", {"payloadFrom": {}}, "spec.payloadFrom", "must be of type array"),
    Bad("payload-from-neither", {"payloadFrom": [{}]}, "spec.payloadFrom[0]", ONE_SOURCE),
    Bad(
        "payload-from-both",
        {"payloadFrom": [{"secretRef": {"name": "a"}, "configMapRef": {"name": "a"}}]},
        "spec.payloadFrom[0]",
        ONE_SOURCE,
    ),
    Bad(
        "payload-from-17-sources",
        {"payloadFrom": [{"secretRef": {"name": "a"}}] * 17},
        "spec.payloadFrom",
        "at most 16",
    ),
    Bad("source-without-name", _source(), "spec.payloadFrom[0].secretRef.name", "Required value"),
    Bad("source-name-empty", _source(name=""), "spec.payloadFrom[0].secretRef.name", WRITE_NAME),
    Bad("source-name-in-capitals", _source(name="Mail"), "spec.payloadFrom[0].secretRef.name", WRITE_NAME),
    Bad("source-name-with-slash", _source(name="ns/mail"), "spec.payloadFrom[0].secretRef.name", WRITE_NAME),
    Bad("source-name-too-long", _source(name="a" * 254), "secretRef.name", "not be more than 253"),
    Bad(
        "source-optional-a-text",
        _source(name="a", optional="yes"),
        "spec.payloadFrom[0].secretRef.optional",
        "must be of type boolean",
        in_python=False,
    ),
]

KEYS = [
    Bad("key-empty", {"taskKey": ""}, "spec.taskKey", "at least 1 chars"),
    Bad("key-of-201", {"taskKey": "k" * 201}, "spec.taskKey", "not be more than 200"),
    Bad("key-with-leading-space", {"taskKey": " k"}, "spec.taskKey", "white space; remove it"),
    Bad("key-with-final-line-break", {"taskKey": "k\n"}, "spec.taskKey", "white space; remove it"),
    Bad("key-a-number", {"taskKey": 7}, "spec.taskKey", "must be of type string"),
]

DELAYS = [
    Bad("delay-without-unit", {"delay": "5"}, "spec.delay", WRITE_DURATION),
    Bad("delay-negative", {"delay": "-5m"}, "spec.delay", WRITE_DURATION),
    Bad("delay-in-words", {"delay": "1 week"}, "spec.delay", WRITE_DURATION),
    Bad("delay-in-days", {"delay": "2d"}, "spec.delay", WRITE_DURATION),
    Bad("delay-iso-8601", {"delay": "PT5M"}, "spec.delay", WRITE_DURATION),
    Bad("delay-empty", {"delay": ""}, "spec.delay", WRITE_DURATION),
    Bad("delay-with-line-break", {"delay": "5m\n"}, "spec.delay", WRITE_DURATION),
    Bad("delay-over-ten-years", {"delay": "87601h"}, "spec.delay", "from 0s to 87600h"),
    Bad("delay-over-int64", {"delay": "999999999h"}, "spec.delay", "from 0s to 87600h"),
    Bad("delay-of-34-characters", {"delay": "1h" * 17}, "spec.delay", "not be more than 32"),
    Bad("delay-a-number", {"delay": 30}, "spec.delay", "must be of type string"),
]

INSTANTS = [
    Bad("run-at-without-zone", {"runAt": "2026-12-25T10:00:00"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-a-date", {"runAt": "2026-12-25"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-in-words", {"runAt": "tomorrow"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-30-february", {"runAt": "2026-02-30T10:00:00Z"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-25-hours", {"runAt": "2026-12-25T25:00:00Z"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-leap-second", {"runAt": "2026-12-31T23:59:60Z"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-offset-of-99-hours", {"runAt": "2026-12-25T10:00:00+99:00"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-comma", {"runAt": "2026-12-25T10:00:00,5Z"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-space", {"runAt": "2026-12-25 10:00:00Z"}, "spec.runAt", WRITE_TIME),
    Bad("run-at-before-1970", {"runAt": "1970-01-01T00:00:00+00:01"}, "spec.runAt", "from 1970 to 2999"),
    Bad("run-at-year-3000", {"runAt": "3000-01-01T00:00:00Z"}, "spec.runAt", "from 1970 to 2999"),
    Bad("run-at-unix-time", {"runAt": 1795487555}, "spec.runAt", "must be of type string"),
    Bad("run-at-of-65-characters", {"runAt": "2" * 65}, "spec.runAt", "not be more than 64"),
    Bad(
        "delay-and-run-at",
        {"delay": "5m", "runAt": "2026-12-25T10:00:00Z"},
        "spec",
        "set at most one of spec.delay, spec.runAt and spec.recurrence",
    ),
]

SWITCHES = [
    Bad("cancel-a-text", {"cancel": "true"}, "spec.cancel", "must be of type boolean", in_python=False),
    Bad("suspend-a-number", {"suspend": 1}, "spec.suspend", "must be of type boolean", in_python=False),
    Bad("incarnation-negative", {"incarnation": -1}, "spec.incarnation", "greater than or equal to 0"),
    Bad(
        "incarnation-too-high",
        {"incarnation": 10**9 + 1},
        "spec.incarnation",
        "less than or equal to 10000000",
    ),
    Bad("incarnation-a-fraction", {"incarnation": 1.5}, "spec.incarnation", "must be of type integer"),
    Bad("incarnation-a-text", {"incarnation": "1"}, "spec.incarnation", "type integer", in_python=False),
    Bad(
        "interruption-in-lower-case",
        {"onInterruption": "relaunch"},
        "spec.onInterruption",
        'supported values: "Relaunch", "Fail"',
    ),
]

PERIODS = [
    Bad("grace-over-an-hour", {"gracePeriod": "1h1s"}, "spec.gracePeriod", "from 0s to 1h"),
    Bad("grace-without-unit", {"gracePeriod": "30"}, "spec.gracePeriod", WRITE_DURATION),
    Bad("timeout-over-a-year", {"timeout": "8761h"}, "spec.timeout", "from 0s to 8760h"),
    Bad("timeout-none", {"timeout": "none"}, "spec.timeout", WRITE_DURATION),
    Bad("start-deadline-zero", {"startDeadline": "0s"}, "spec.startDeadline", "from 1s to 168h"),
    Bad("start-deadline-over-a-week", {"startDeadline": "169h"}, "spec.startDeadline", "from 1s to 168h"),
    Bad("ttl-negative", {"ttlAfterFinished": "-1s"}, "spec.ttlAfterFinished", WRITE_DURATION),
    Bad("ttl-over-ten-years", {"ttlAfterFinished": "87601h"}, "spec.ttlAfterFinished", "from 0s to 87600h"),
    Bad("ttl-a-number", {"ttlAfterFinished": 3600}, "spec.ttlAfterFinished", "must be of type string"),
]

_TEMPLATE = "spec.podTemplate"
POD_TEMPLATES = [
    Bad("template-a-list", {"podTemplate": []}, _TEMPLATE, "must be of type object"),
    Bad(
        "template-spec-a-text",
        {"podTemplate": {"spec": "x"}},
        f"{_TEMPLATE}.spec",
        "must be of type object",
        in_python=False,
    ),
    Bad(
        "template-label-a-number",
        {"podTemplate": {"metadata": {"labels": {"tier": 1}}}},
        f"{_TEMPLATE}.metadata.labels.tier",
        "must be of type string",
        in_python=False,
    ),
    Bad(
        "template-label-too-long",
        {"podTemplate": {"metadata": {"labels": {"tier": "x" * 64}}}},
        f"{_TEMPLATE}.metadata.labels.tier",
        "not be more than 63",
        in_python=False,
    ),
]

UNKNOWN_FIELDS = [
    Bad("misspelt", {"timeuot": "5m"}, "spec.timeuot", "unknown field"),
    Bad("wrong-case", {"runat": "2026-12-25T10:00:00Z"}, "spec.runat", "unknown field"),
    Bad("python-name", {"task_key": "k"}, "spec.task_key", "unknown field", in_python=False),
    Bad(
        "in-a-source",
        _source(name="a", key="password"),
        "spec.payloadFrom[0].secretRef.key",
        "unknown field",
    ),
    Bad(
        "template-as-pod-spec",
        {"podTemplate": {"containers": []}},
        f"{_TEMPLATE}.containers",
        "unknown field",
        in_python=False,
    ),
    Bad(
        "template-with-a-name",
        {"podTemplate": {"metadata": {"name": "p"}}},
        f"{_TEMPLATE}.metadata.name",
        "unknown field",
        in_python=False,
    ),
]

BAD_SPECS = [
    *HANDLERS,
    *PAYLOADS,
    *KEYS,
    *DELAYS,
    *INSTANTS,
    *SWITCHES,
    *PERIODS,
    *POD_TEMPLATES,
    *UNKNOWN_FIELDS,
    *BAD_RETRIES,
    *BAD_RECURRENCES,
]

GOOD_SPECS: dict[str, dict[str, Any]] = {
    "only-a-handler": {},
    "handler-nested": {"handler": "a.b_c._d:E.f"},
    "handler-of-253": {"handler": "m:" + "a" * 251},
    "payload-empty": {"payload": {}},
    "payload-1024-keys": {"payload": {str(n): 1 for n in range(1024)}},
    "sources": {
        "payloadFrom": [
            {"secretRef": {"name": "mail.v1-2", "optional": True}},
            {"configMapRef": {"name": "a" * 253}},
        ]
    },
    "key-of-200": {"taskKey": "ü" * 200},
    "key-with-odd-characters": {"taskKey": "a b,c=d\\e/F ☃"},
    "delay-zero": {"delay": "0"},
    "delay-zero-seconds": {"delay": "0s"},
    "delay-mixed": {"delay": "1h30m15.5s250ms"},
    "delay-of-ten-years": {"delay": "87600h"},
    "run-at-utc": {"runAt": "2026-12-25T10:00:00Z"},
    "run-at-offset": {"runAt": "2026-12-25T10:00:00.250-05:00"},
    "run-at-past": {"runAt": "1970-01-01T00:00:00Z"},
    "run-at-leap-day": {"runAt": "2028-02-29T23:59:59.999999999+23:59"},
    "cancelled-and-suspended-from-the-start": {"cancel": True, "suspend": True},
    "incarnation-from-the-start": {"incarnation": 10**9},
    "at-most-once": {"onInterruption": "Fail"},
    "at-least-once": {"onInterruption": "Relaunch"},
    "shortest-periods": {
        "gracePeriod": "0s",
        "timeout": "0s",
        "startDeadline": "1s",
        "ttlAfterFinished": "0s",
    },
    "longest-periods": {
        "gracePeriod": "1h",
        "timeout": "8760h",
        "startDeadline": "168h",
        "ttlAfterFinished": "87600h",
    },
    "pod-template": {
        "podTemplate": {
            "metadata": {"labels": {"tier": "batch"}, "annotations": {"note": "x" * 1000}},
            "spec": {
                "nodeSelector": {"disk": "ssd"},
                "containers": [{"name": "runner", "image": "shop", "env": [{"name": "A", "value": "$(B)"}]}],
            },
        }
    },
    **GOOD_RETRIES,
    **{name: {"recurrence": recurrence} for name, recurrence in GOOD_RECURRENCES.items()},
    "run-now-of-a-series": {"recurrence": {"every": "5m"}, "runNow": "2026-12-25 ☃"},
    "run-now-taken-back": {"runNow": ""},
}
