import pytest

from hack.cluster.pick import choose


@pytest.mark.parametrize(
    ("given", "docker_answers", "has_kind", "kind"),
    [
        pytest.param("/c", True, True, "given", id="a given cluster wins over kind"),
        pytest.param("/c", False, False, "given", id="a given cluster needs neither Docker nor kind"),
        pytest.param(None, True, True, "kind", id="kind where Docker answers"),
        pytest.param(None, False, True, "local", id="kind without a Docker engine is no use"),
        pytest.param(None, True, False, "local", id="Docker without kind is no use"),
        pytest.param("", False, False, "local", id="an empty KUBECONFIG is none"),
    ],
)
def test_the_cluster_is_picked_by_what_is_there(given, docker_answers, has_kind, kind):
    assert choose(given, docker_answers=docker_answers, has_kind=has_kind) == kind
