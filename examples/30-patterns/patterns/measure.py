"""Measure how long ``POST /register`` takes, which dispatches three tasks: from within the application's pod.

    kubectl -n patterns exec deploy/patterns -- python3 -m patterns.measure [REGISTRATIONS [PAUSE]]

PAUSE is in seconds, after each registration: its three pods are to be over before the next one is timed. Prints a line
of JSON, in milliseconds.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time

PORT = 8000
HEADERS = {"Content-Type": "application/json"}


def register(number: int) -> float:
    """Register one user, over a connection of its own; give the seconds until the whole answer was there.

    Raises:
        RuntimeError: it was not answered with 200.
    """
    body = json.dumps({"name": f"Measured {number}", "address": f"measured-{number}@example.org"})
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    connection.request("POST", "/register", body, HEADERS)
    answer = connection.getresponse()
    text = answer.read()
    took = time.perf_counter() - began
    connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"POST /register: {answer.status} {text.decode()}")
    return took


def main(registrations: int = 20, pause: float = 5.0) -> None:
    """Register one after another, and print what it took."""
    register(0)  # the first one opens the dispatcher's connection, and is not counted
    took = []
    for number in range(1, registrations + 1):
        time.sleep(pause)
        took.append(1000 * register(number))
    figures = {"p50": statistics.median(took), "min": min(took), "max": max(took)}
    print(json.dumps({"registrations": registrations} | {name: round(ms, 1) for name, ms in figures.items()}))


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, float), sys.argv[1:], strict=False)))
