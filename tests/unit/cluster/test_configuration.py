"""What the cluster is told to do, seen in its command lines and files."""

import dataclasses
import json

import pytest

from hack.cluster import control_plane, node
from hack.cluster.binaries import BINARIES, FULL
from hack.cluster.control_plane import Settings
from hack.cluster.full import FullCluster

DEFAULT_PORTS = {"2379", "2380", "6443", "10250", "10248", "10249", "10256", "10257", "10259"}


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    monkeypatch.setenv("EVERTASK_CLUSTER_HOME", str(tmp_path))
    return FullCluster()


def test_no_part_listens_on_a_port_that_another_cluster_would_use(cluster):
    configured = dataclasses.astuple(cluster.settings)
    files = json.loads(node.files(cluster.node)[cluster.node.config("kubelet.json")])
    assert not DEFAULT_PORTS & {str(value) for value in (*configured, *files.values())}


def test_the_api_server_writes_an_audit_log_only_where_asked(cluster):
    light = dataclasses.replace(cluster.settings, audit=False)
    audited = [word for word in control_plane.apiserver(cluster.settings).argv if "audit" in word]
    assert audited
    assert not [word for word in control_plane.apiserver(light).argv if "audit" in word]


def test_the_light_and_the_full_api_server_differ_in_places_and_audit_only(cluster):
    light = Settings(cluster.folder, 1, 2, 3, 4)
    flags = [
        {word.split("=")[0] for word in control_plane.apiserver(settings).argv if "audit" not in word}
        for settings in (light, cluster.settings)
    ]
    assert flags[0] == flags[1]


def test_a_lost_node_is_noticed_after_several_missed_renewals_of_its_lease(cluster):
    kubelet = json.loads(node.files(cluster.node)[cluster.node.config("kubelet.json")])
    renewal_seconds = kubelet["nodeLeaseDurationSeconds"] / 4
    grace = next(
        word for word in control_plane.controller_manager(cluster.settings).argv if "grace-period" in word
    )
    assert int(grace.split("=")[1].removesuffix("s")) >= 4 * renewal_seconds


def test_another_command_line_is_another_configuration(cluster, monkeypatch):
    before = cluster.configuration_hash()
    monkeypatch.setattr(node, "NAME", "another-node")
    assert cluster.configuration_hash() != before


def test_the_configuration_does_not_depend_on_the_checkout(cluster):
    everything = [*node.files(cluster.node).values(), *map(str, cluster.parts().values())]
    assert not [text for text in everything if str(control_plane.__file__) in text]


def test_a_binary_is_built_when_its_stamp_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("EVERTASK_CLUSTER_HOME", str(tmp_path))
    binary = BINARIES["kubectl"]
    binary.path.parent.mkdir()
    binary.path.touch()
    assert not binary.is_built()
    binary.path.with_suffix(".stamp").write_text(binary.stamp())
    assert binary.is_built()


def test_the_full_cluster_needs_no_fake_nodes():
    assert "kwok" in BINARIES
    assert "kwok" not in FULL
