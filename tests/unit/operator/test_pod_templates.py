"""Merging pod templates by the rules that Kubernetes users know."""

from __future__ import annotations

import copy

import pytest

from evertask_operator.resources.pod_templates import merge, with_named_container

MERGES = [
    pytest.param({"a": 1}, {}, {"a": 1}, id="nothing-over"),
    pytest.param({}, {"a": 1}, {"a": 1}, id="over-nothing"),
    pytest.param({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}, id="objects-by-field"),
    pytest.param({"a": {"b": 1}}, {"a": None}, {"a": None}, id="null-is-a-value"),
    pytest.param({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}, id="other-lists-are-replaced"),
    pytest.param({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}, id="another-type-replaces"),
    pytest.param(
        {"containers": [{"name": "runner", "image": "i", "tty": True}]},
        {"containers": [{"name": "log"}, {"name": "runner", "image": "j"}]},
        {"containers": [{"name": "runner", "image": "j", "tty": True}, {"name": "log"}]},
        id="containers-by-name",
    ),
    pytest.param(
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
        {"env": [{"name": n, "value": v} for n, v in (("A", "1"), ("B", "3"), ("C", "4"))]},
        id="env-by-name",
    ),
    pytest.param(
        {"env": [{"name": "A", "value": "1"}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
        id="value-from-drives-out-value",
    ),
    pytest.param(
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
        {"env": [{"name": "A", "value": "1"}]},
        {"env": [{"name": "A", "value": "1"}]},
        id="value-drives-out-value-from",
    ),
    pytest.param(
        {"volumeMounts": [{"mountPath": "/a", "name": "x"}]},
        {"volumeMounts": [{"mountPath": "/a", "readOnly": True}, {"mountPath": "/b", "name": "x"}]},
        {
            "volumeMounts": [
                {"mountPath": "/a", "name": "x", "readOnly": True},
                {"mountPath": "/b", "name": "x"},
            ]
        },
        id="mounts-by-path",
    ),
    pytest.param(
        {"volumes": [{"name": "v", "emptyDir": {}}]},
        {"volumes": [{"name": "w", "emptyDir": {}}]},
        {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]},
        id="volumes-by-name",
    ),
    pytest.param(
        {"ports": [{"containerPort": 80}]},
        {"ports": [{"containerPort": 80, "name": "http"}]},
        {"ports": [{"containerPort": 80, "name": "http"}]},
        id="ports-by-number",
    ),
    pytest.param(
        {"env": [{"name": "A"}, {"value": "lost?"}]},
        {"env": [{"value": "1"}, "text", {"name": ["A"]}]},
        {"env": [{"name": "A"}, {"value": "lost?"}, {"value": "1"}, "text", {"name": ["A"]}]},
        id="entries-without-a-usable-key-are-kept-for-the-api-server-to-refuse",
    ),
]


@pytest.mark.parametrize(("base", "over", "merged"), MERGES)
def test_templates_merge(base, over, merged):
    before = copy.deepcopy((base, over))
    assert merge(base, over) == merged
    assert (base, over) == before


@pytest.mark.parametrize(
    ("containers", "names"),
    [
        pytest.param([{"image": "i"}], ["runner"], id="the-only-one"),
        pytest.param([{"name": "", "image": "i"}], ["runner"], id="empty-name"),
        pytest.param([{"name": "log"}], ["log"], id="named-otherwise"),
        pytest.param([{"name": "runner"}, {"name": "log"}], ["runner", "log"], id="two"),
    ],
)
def test_the_only_container_without_a_name_is_the_runners(containers, names):
    named = with_named_container({"spec": {"containers": containers}})
    assert [container["name"] for container in named["spec"]["containers"]] == names


@pytest.mark.parametrize(
    "template",
    [{}, {"spec": {}}, {"spec": None}, {"spec": {"containers": ["x"]}}, {"spec": {"containers": []}}],
)
def test_a_template_without_one_container_is_left_as_it_is(template):
    assert with_named_container(template) == template
