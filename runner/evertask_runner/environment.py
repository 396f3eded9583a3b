"""What the pod tells the runner: identifiers in environment variables, nothing that a user wrote but the path.

Imported before the fork, so it stays cheap.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from evertask.api import protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask_runner.json_lines import Json

HTTPS_PORT = 443
HIGHEST_PORT = 65535


class MisconfiguredError(Exception):
    """The pod lacks something that the runner cannot do without; the message names it and the way out."""


class Address(NamedTuple):
    """Where the API server listens."""

    host: str
    """Name or IP address, IPv6 without brackets."""
    port: int

    @property
    def authority(self) -> str:
        """``host:port`` as HTTP writes it, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Environment(NamedTuple):
    """Everything that the runner knows before the claim."""

    namespace: str
    task_name: str
    task_uid: str
    run: str
    launch: int
    pod_name: str
    handler: str
    scheduled_time: float | None
    """Unix time before which the handler must not start; None when it is due already."""
    attempt: int
    """Number of the attempt to begin with, from 1."""
    defaults: Json
    """The operator's: ``retry`` and ``holdPodSeconds``, each where it is set."""
    api_server: Address
    credentials_folder: str
    """Holds ``token`` and ``ca.crt`` of the pod's service account."""
    payload_sources_folder: str
    termination_message_path: str

    @property
    def title(self) -> str:
        """What the runner's lines in the log begin with."""
        return f"task {self.namespace}/{self.task_name}, run {self.run}, launch {self.launch}"

    @property
    def status_path(self) -> str:
        """The URL path of the task's status."""
        return f"/apis/{protocol.API_VERSION}/namespaces/{self.namespace}/{protocol.PLURAL}/{self.task_name}/status"


def _required(values: Mapping[str, str], name: str) -> str:
    value = values.get(name, "")
    if not value:
        raise MisconfiguredError(
            f"the environment variable {name} is missing or empty; the operator sets it in every Job, "
            "so do not override it in a podTemplate"
        )
    return value


def _number(values: Mapping[str, str], name: str, what: str, default: str = "") -> int:
    text = values.get(name) or default or _required(values, name)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise MisconfiguredError(f"{name}={text!r} is not {what} such as 1")
    return int(text)


def _defaults(text: str) -> Json:
    """Read the operator's defaults; what ``retry`` means is read where a handler has failed."""
    try:
        found = json.loads(text or "{}")
        given = isinstance(found.get("retry", {}), dict) and found.get("holdPodSeconds", 0) >= 0
    except (ValueError, AttributeError, TypeError):
        given = False
    if not given:
        raise MisconfiguredError(
            f"{protocol.ENV_DEFAULTS}={text!r} is no JSON such as "
            '{"retry": {"limit": 3}, "holdPodSeconds": 30}; the operator sets it in every Job, so do not override it '
            "in a podTemplate"
        )
    return dict(found)


def _scheduled_time(text: str) -> float | None:
    if not text:
        return None
    from evertask.api.times import parse_time  # noqa: PLC0415  (most runs are due already)

    try:
        return parse_time(text).timestamp()
    except ValueError:
        raise MisconfiguredError(
            f"{protocol.ENV_SCHEDULED_TIME}={text!r} is not an instant such as 2026-12-25T15:00:00.25Z; the operator "
            "sets it in a Job that is made early, so do not override it in a podTemplate"
        ) from None


def parse_api_server(url: str) -> Address:
    """Read ``https://host[:port]``.

    Raises:
        MisconfiguredError: the text is something else.
    """
    way_out = f"{protocol.ENV_API_SERVER}={url!r} is not an address such as https://10.0.0.1:6443"
    scheme, separator, rest = url.rstrip("/").partition("://")
    if scheme != "https" or not separator or not rest or "/" in rest or "@" in rest:
        raise MisconfiguredError(way_out)
    if rest.startswith("["):
        host, closed, tail = rest[1:].partition("]")
        port = tail.removeprefix(":")
        if not closed or (tail and not tail.startswith(":")):
            raise MisconfiguredError(way_out)
    else:
        host, _, port = rest.partition(":")
    return _address(host, port or str(HTTPS_PORT), way_out)


def _address(host: str, port: str, way_out: str) -> Address:
    if not host or not host.isascii() or not port.isdigit() or not 0 < int(port) <= HIGHEST_PORT:
        raise MisconfiguredError(way_out)
    return Address(host, int(port))


def _api_server(values: Mapping[str, str]) -> Address:
    url = values.get(protocol.ENV_API_SERVER)
    if url:
        return parse_api_server(url)
    host, port = values.get("KUBERNETES_SERVICE_HOST", ""), values.get("KUBERNETES_SERVICE_PORT", "")
    return _address(
        host.removeprefix("[").removesuffix("]"),
        port,
        f"KUBERNETES_SERVICE_HOST={host!r} and KUBERNETES_SERVICE_PORT={port!r} name no API server; "
        f"run this in a pod, or set {protocol.ENV_API_SERVER}",
    )


def read_environment(values: Mapping[str, str]) -> Environment:
    """Read the runner's environment.

    Raises:
        MisconfiguredError: a variable is missing or senseless, or the service account's files are not there.
    """
    folder = values.get(protocol.ENV_CREDENTIALS_PATH) or protocol.CREDENTIALS_PATH
    for name in ("token", "ca.crt"):
        if not os.access(f"{folder}/{name}", os.R_OK):
            raise MisconfiguredError(
                f"the file {folder}/{name} is missing or unreadable: the pod needs its service account's token, "
                "so leave automountServiceAccountToken on in its podTemplate and service account"
            )
    return Environment(
        namespace=_required(values, protocol.ENV_TASK_NAMESPACE),
        task_name=_required(values, protocol.ENV_TASK_NAME),
        task_uid=_required(values, protocol.ENV_TASK_UID),
        run=_required(values, protocol.ENV_RUN),
        launch=_number(values, protocol.ENV_LAUNCH, "a launch number"),
        pod_name=_required(values, protocol.ENV_POD_NAME),
        handler=_required(values, protocol.ENV_HANDLER),
        scheduled_time=_scheduled_time(values.get(protocol.ENV_SCHEDULED_TIME, "")),
        attempt=_number(values, protocol.ENV_ATTEMPT, "an attempt's number", "1"),
        defaults=_defaults(values.get(protocol.ENV_DEFAULTS, "")),
        api_server=_api_server(values),
        credentials_folder=folder,
        payload_sources_folder=values.get(protocol.ENV_PAYLOAD_SOURCES_PATH) or protocol.PAYLOAD_SOURCES_PATH,
        termination_message_path=values.get(protocol.ENV_TERMINATION_MESSAGE_PATH)
        or protocol.TERMINATION_MESSAGE_PATH,
    )
