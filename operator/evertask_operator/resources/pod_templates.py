"""Merging pod templates: the task's over the operator's, by the rules that Kubernetes users know.

Objects merge field by field; lists of named things (containers, env, volumes, mounts) merge by their key; all other
lists are replaced.
"""

from __future__ import annotations

from typing import Any

from evertask.api.protocol import CONTAINER_NAME

Json = dict[str, Any]

_LIST_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "ports": "containerPort",
}


def _has_key(item: Any, key: str) -> bool:
    """Whether an entry can be told by its key. One that cannot is kept as it is: the API server will refuse it."""
    return isinstance(item, dict) and isinstance(item.get(key), str | int)


def _merge_list(base: list[Any], over: list[Any], key: str) -> list[Any]:
    by_key = {item[key]: item for item in base if _has_key(item, key)}
    merged = dict(by_key)
    unkeyed: list[Any] = [item for item in base if not _has_key(item, key)]
    for item in over:
        if not _has_key(item, key):
            unkeyed.append(item)
        elif key == "name" and "valueFrom" in item:
            merged[item[key]] = item  # `value` and `valueFrom` exclude each other: the newer stands alone
        else:
            earlier = {
                k: v
                for k, v in by_key.get(item[key], {}).items()
                if not (k == "valueFrom" and "value" in item)
            }
            merged[item[key]] = merge(earlier, item)
    return [*merged.values(), *unkeyed]


def merge(base: Json, over: Json) -> Json:
    """Merge one object over another; neither is changed."""
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[name] = merge(below, value)
        elif isinstance(value, list) and isinstance(below, list) and name in _LIST_KEYS:
            merged[name] = _merge_list(below, value, _LIST_KEYS[name])
        else:
            merged[name] = value
    return merged


def with_named_container(template: Json) -> Json:
    """Give the only container of a template the runner's name if it has none."""
    spec = template.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if not isinstance(containers, list) or len(containers) != 1 or not isinstance(containers[0], dict):
        return template
    if containers[0].get("name"):
        return template
    return {
        **template,
        "spec": {**template["spec"], "containers": [{**containers[0], "name": CONTAINER_NAME}]},
    }
