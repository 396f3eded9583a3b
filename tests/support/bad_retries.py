"""Specs that are refused for what they say of retries, times and interruptions; and the outermost that are taken."""

from __future__ import annotations

from typing import Any

from tests.support.bad_specs import WRITE_DURATION, Bad

WRITE_EXCEPTION = "named by its class, with its module unless it is built in, for example ConnectionError"
ONE_WAY = "retry.delays lists one delay for each retry, so leave out limit, delay, backoff and maxDelay"
ONE_FILTER = "set at most one of retry.onlyFor and retry.notFor"


def _retry(id_: str, field: str, remedy: str, *, in_python: bool = True, **retry: Any) -> Bad:
    at = f"spec.retry.{field}" if field else "spec.retry"
    return Bad(f"retry-{id_}", {"retry": retry}, at, remedy, in_python=in_python)


BAD_RETRIES = [
    Bad("retry-a-number", {"retry": 3}, "spec.retry", "must be of type object"),
    _retry("limit-negative", "limit", "greater than or equal to 0", limit=-1),
    _retry("limit-too-high", "limit", "less than or equal to 1000", limit=1001),
    _retry("limit-a-fraction", "limit", "must be of type integer", limit=1.5),
    _retry("limit-a-text", "limit", "must be of type integer", limit="3", in_python=False),
    _retry("delay-negative", "delay", WRITE_DURATION, delay="-1s"),
    _retry("delay-without-unit", "delay", WRITE_DURATION, delay="5"),
    _retry("delay-in-days", "delay", WRITE_DURATION, delay="1d"),
    _retry("delay-a-number", "delay", "must be of type string", delay=5),
    _retry("delay-too-long", "delay", "retry.delay must be a duration from 0s to 720h", delay="721h"),
    _retry("delay-of-34-characters", "delay", "not be more than 32", delay="1s" * 17),
    _retry(
        "max-delay-too-long", "maxDelay", "retry.maxDelay must be a duration from 0s to 720h", maxDelay="721h"
    ),
    _retry("backoff-linear", "backoff", 'supported values: "Fixed", "Exponential"', backoff="Linear"),
    _retry("backoff-in-lower-case", "backoff", 'supported values: "Fixed", "Exponential"', backoff="fixed"),
    _retry("delays-empty", "delays", "at least 1 items", delays=[]),
    _retry("33-delays", "delays", "at most 32", delays=["1s"] * 33),
    _retry("delays-a-text", "delays", "must be of type array", delays="1s"),
    _retry("delays-without-unit", "delays[1]", "each of retry.delays must be a duration", delays=["1s", "5"]),
    _retry("delays-too-long", "delays[0]", "from 0s to 720h", delays=["721h"]),
    _retry("delays-and-limit", "", ONE_WAY, delays=["1s"], limit=1),
    _retry("delays-and-delay", "", ONE_WAY, delays=["1s"], delay="1s"),
    _retry("delays-and-backoff", "", ONE_WAY, delays=["1s"], backoff="Fixed"),
    _retry("delays-and-max-delay", "", ONE_WAY, delays=["1s"], maxDelay="5m"),
    _retry("jitter-over-an-hour", "jitter", "retry.jitter must be a duration from 0s to 1h", jitter="61m"),
    _retry("jitter-in-percent", "jitter", WRITE_DURATION, jitter="10%"),
    _retry("both-filters", "", ONE_FILTER, onlyFor=["OSError"], notFor=["KeyError"]),
    _retry("only-for-empty", "onlyFor", "at least 1 items", onlyFor=[]),
    _retry("only-for-a-text", "onlyFor", "must be of type array", onlyFor="OSError"),
    _retry("only-for-33", "onlyFor", "at most 32", onlyFor=["OSError"] * 33),
    _retry("only-for-a-file", "onlyFor[0]", WRITE_EXCEPTION, onlyFor=["shop/errors.py"]),
    _retry("only-for-a-handlers-path", "onlyFor[0]", WRITE_EXCEPTION, onlyFor=["shop.errors:Sold"]),
    _retry("only-for-called", "onlyFor[1]", WRITE_EXCEPTION, onlyFor=["OSError", "OSError()"]),
    _retry("not-for-an-empty-name", "notFor[0]", "at least 1 chars", notFor=[""]),
    _retry("not-for-a-line-break", "notFor[0]", WRITE_EXCEPTION, notFor=["OSError\n"]),
    _retry("not-for-a-long-name", "notFor[0]", "not be more than 253", notFor=["a" * 254]),
    # YAML 1.1 reads an unquoted key `on` as true: that is why the fields are not called on and notOn.
    _retry("on", "on", "unknown field", on=["OSError"]),
    _retry("not-on", "notOn", "unknown field", notOn=["OSError"]),
    _retry("only_for", "only_for", "unknown field", only_for=["OSError"], in_python=False),
    _retry("exit-without-action", "onExit.action", "Required value", onExit={}),
    _retry("exit-action", "onExit.action", 'supported values: "Retry", "Fail"', onExit={"action": "Stop"}),
    _retry("exit-codes-empty", "onExit.codes", "at least 1 items", onExit={"action": "Fail", "codes": []}),
    _retry("exit-code-0", "onExit.codes[0]", "or equal to 1", onExit={"action": "Fail", "codes": [0]}),
    _retry("exit-code-256", "onExit.codes[0]", "or equal to 255", onExit={"action": "Fail", "codes": [256]}),
    _retry(
        "33-exit-codes", "onExit.codes", "at most 32", onExit={"action": "Fail", "codes": [*range(1, 34)]}
    ),
    Bad("run-timeout-over-a-year", {"runTimeout": "8761h"}, "spec.runTimeout", "from 0s to 8760h"),
    Bad("run-timeout-none", {"runTimeout": "none"}, "spec.runTimeout", WRITE_DURATION),
    Bad("run-timeout-negative", {"runTimeout": "-1s"}, "spec.runTimeout", WRITE_DURATION),
    Bad("run-timeout-a-number", {"runTimeout": 60}, "spec.runTimeout", "must be of type string"),
    Bad("max-interruptions-negative", {"maxInterruptions": -1}, "spec.maxInterruptions", "or equal to 0"),
    Bad("max-interruptions-1001", {"maxInterruptions": 1001}, "spec.maxInterruptions", "or equal to 1000"),
    Bad("max-interruptions-half", {"maxInterruptions": 0.5}, "spec.maxInterruptions", "of type integer"),
    Bad("fence-after-9s", {"fenceAfter": "9s"}, "spec.fenceAfter", "from 10s to 24h"),
    Bad("fence-after-0s", {"fenceAfter": "0s"}, "spec.fenceAfter", "from 10s to 24h"),
    Bad("fence-after-25h", {"fenceAfter": "25h"}, "spec.fenceAfter", "from 10s to 24h"),
    Bad("fence-after-without-unit", {"fenceAfter": "30"}, "spec.fenceAfter", WRITE_DURATION),
]

GOOD_RETRIES: dict[str, dict[str, Any]] = {
    "retry-empty": {"retry": {}},
    "retry-none": {"retry": {"limit": 0}},
    "retry-most": {
        "retry": {
            "limit": 1000,
            "delay": "720h",
            "backoff": "Exponential",
            "maxDelay": "720h",
            "jitter": "1h",
        }
    },
    "retry-least": {"retry": {"delay": "0", "backoff": "Fixed", "maxDelay": "0s", "jitter": "0s"}},
    "retry-delays": {"retry": {"delays": ["0s", "1.5s", "1h30m", *["720h"] * 29], "jitter": "250ms"}},
    "retry-only-for": {"retry": {"onlyFor": ["TimeoutError", "shop._errors.Sold2Out", "a" * 253]}},
    "retry-not-for": {"retry": {"notFor": ["KeyError"] * 32}},
    "retry-on-exit": {"retry": {"onExit": {"action": "Fail", "codes": [1, 137, 255]}}},
    "retry-on-every-exit": {"retry": {"onlyFor": ["OSError"], "onExit": {"action": "Retry"}}},
    "run-timeout-none": {"runTimeout": "0s", "maxInterruptions": 0, "fenceAfter": "10s"},
    "run-timeout-longest": {"runTimeout": "8760h", "maxInterruptions": 1000, "fenceAfter": "24h"},
}
