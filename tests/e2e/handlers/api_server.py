"""Calls of the API server with the pod's own token."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

_CREDENTIALS = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Answer(NamedTuple):
    """What the API server said."""

    status: int
    body: dict[str, Any]


def call(method: str, path: str, body: object, content_type: str = "application/json") -> Answer:
    """Make one request."""
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    request = urllib.request.Request(server + path, json.dumps(body).encode(), method=method)
    request.add_header("Authorization", f"Bearer {(_CREDENTIALS / 'token').read_text()}")
    request.add_header("Content-Type", content_type)
    context = ssl.create_default_context(cafile=_CREDENTIALS / "ca.crt")
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as response:
            return Answer(response.status, json.load(response))
    except urllib.error.HTTPError as error:
        return Answer(error.code, json.load(error))
