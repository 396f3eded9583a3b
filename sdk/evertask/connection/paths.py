"""Paths of the API server's resources, and back from a path to the words of an access rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from evertask.api import protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = re.compile(
    r"^/(?:api/(?P<core>[^/]+)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?$"
)


class Target(NamedTuple):
    """What a request asks for, in the words of a Role."""

    verb: str
    group: str
    resource: str
    """With its subresource: ``evertasks/status``."""
    namespace: str | None = None
    name: str | None = None


def _path(root: str, resource: str, namespace: str | None, name: str | None, subresource: str | None) -> str:
    parts = [root]
    if namespace is not None:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(resource)
    parts += [quote(part, safe="") for part in (name, subresource) if part is not None]
    return "/".join(parts)


def evertask_path(namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    """Give the path of one EverTask, of a namespace's, or (without a namespace) of all."""
    return _path(f"/apis/{protocol.API_VERSION}", protocol.PLURAL, namespace, name, subresource)


def job_path(namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    """Give the path of one Job, of a namespace's, or of all."""
    return _path("/apis/batch/v1", "jobs", namespace, name, subresource)


def pod_path(namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    """Give the path of one Pod (or of its ``log``), of a namespace's, or of all."""
    return _path("/api/v1", "pods", namespace, name, subresource)


def event_path(namespace: str | None, name: str | None = None) -> str:
    """Give the path of events in ``events.k8s.io/v1``."""
    return _path("/apis/events.k8s.io/v1", "events", namespace, name, None)


def lease_path(namespace: str, name: str | None = None) -> str:
    """Give the path of a Lease, or of a namespace's."""
    return _path("/apis/coordination.k8s.io/v1", "leases", namespace, name, None)


def describe(method: str, path: str, params: Mapping[str, str] | None = None) -> Target:
    """Say what a request asks for. A path that is no resource (``/readyz``) keeps its method and path."""
    found = _PATH.match(path)
    if found is None:
        return Target(method.lower(), "", path)
    name = found["name"]
    watching = (params or {}).get("watch") in {"1", "true"}
    one, many = {
        "GET": ("get", "watch" if watching else "list"),
        "POST": ("create", "create"),
        "PUT": ("update", "update"),
        "PATCH": ("patch", "patch"),
        "DELETE": ("delete", "deletecollection"),
    }.get(method, (method.lower(), method.lower()))
    resource = found["resource"]
    if found["subresource"]:
        resource += f"/{found['subresource']}"
    return Target(one if name else many, found["group"] or "", resource, found["namespace"], name)
