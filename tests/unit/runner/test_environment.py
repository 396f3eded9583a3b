"""What the runner makes of its environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertask.api import protocol
from evertask_runner.environment import Address, MisconfiguredError, parse_api_server, read_environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def complete(tmp_path: Path) -> dict[str, str]:
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("x")
    return {
        protocol.ENV_TASK_NAMESPACE: "shop",
        protocol.ENV_TASK_NAME: "report",
        protocol.ENV_TASK_UID: "u-1",
        protocol.ENV_RUN: "s1",
        protocol.ENV_LAUNCH: "2",
        protocol.ENV_POD_NAME: "pod",
        protocol.ENV_HANDLER: "shop:run",
        protocol.ENV_CREDENTIALS_PATH: str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
    }


def test_a_pods_environment_is_read(complete):
    environment = read_environment(complete)
    assert (environment.launch, environment.api_server) == (2, Address("10.0.0.1", 443))
    assert environment.status_path == "/apis/evertask.io/v1alpha1/namespaces/shop/evertasks/report/status"


def test_without_overrides_the_paths_are_the_pods(complete):
    environment = read_environment(complete)
    assert environment.termination_message_path == "/dev/termination-log"
    assert environment.payload_sources_folder == "/var/run/evertask/payload"


@pytest.mark.parametrize(
    "name",
    [
        protocol.ENV_TASK_NAMESPACE,
        protocol.ENV_TASK_NAME,
        protocol.ENV_TASK_UID,
        protocol.ENV_RUN,
        protocol.ENV_LAUNCH,
        protocol.ENV_POD_NAME,
        protocol.ENV_HANDLER,
    ],
)
def test_a_missing_variable_is_named(complete, name):
    del complete[name]
    with pytest.raises(MisconfiguredError, match=name):
        read_environment(complete)


def test_a_launch_that_is_no_number_is_shown(complete):
    with pytest.raises(MisconfiguredError, match="EVERTASK_LAUNCH='two'"):
        read_environment({**complete, protocol.ENV_LAUNCH: "two"})


@pytest.mark.parametrize(
    ("text", "unix_time"),
    [
        ("2026-01-01T00:00:00Z", 1767225600.0),
        ("2026-01-01T00:00:00.25Z", 1767225600.25),
        ("2026-01-01T01:00:00+01:00", 1767225600.0),
        ("", None),
    ],
)
def test_the_runs_time_is_read_where_there_is_one(complete, text, unix_time):
    assert read_environment({**complete, protocol.ENV_SCHEDULED_TIME: text}).scheduled_time == unix_time


@pytest.mark.parametrize("text", ["soon", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "1767225600"])
def test_a_time_that_is_none_is_shown(complete, text):
    with pytest.raises(MisconfiguredError, match=f"EVERTASK_SCHEDULED_TIME='{text}' is not an instant"):
        read_environment({**complete, protocol.ENV_SCHEDULED_TIME: text})


def test_a_run_that_is_due_has_no_time(complete):
    assert read_environment(complete).scheduled_time is None


def test_a_missing_token_names_the_switch_that_mounts_it(complete, tmp_path):
    (tmp_path / "token").unlink()
    with pytest.raises(MisconfiguredError, match="automountServiceAccountToken"):
        read_environment(complete)


def test_outside_a_pod_the_way_out_is_named(complete):
    del complete["KUBERNETES_SERVICE_HOST"]
    with pytest.raises(MisconfiguredError, match=protocol.ENV_API_SERVER):
        read_environment(complete)


def test_another_api_server_wins_over_the_pods(complete):
    environment = read_environment({**complete, protocol.ENV_API_SERVER: "https://api.example:6443"})
    assert environment.api_server == Address("api.example", 6443)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://10.0.0.1", "10.0.0.1:443"),
        ("https://10.0.0.1:6443/", "10.0.0.1:6443"),
        ("https://[fd00::1]", "[fd00::1]:443"),
        ("https://[fd00::1]:6443", "[fd00::1]:6443"),
    ],
)
def test_an_address_is_written_as_http_wants_it(url, authority):
    assert parse_api_server(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "10.0.0.1",
        "https://",
        "https://a:b",
        "https://a:70000",
        "https://a/b",
        "https://[fd00::1",
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(MisconfiguredError, match="EVERTASK_API_SERVER"):
        parse_api_server(url)


def test_an_ipv6_service_host_is_bracketed(complete):
    environment = read_environment({**complete, "KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert environment.api_server.authority == "[fd00::1]:443"


def test_a_pod_begins_with_the_attempt_and_the_defaults_that_the_operator_says(complete):
    more = {
        protocol.ENV_ATTEMPT: "3",
        protocol.ENV_DEFAULTS: '{"retry": {"limit": 5}, "holdPodSeconds": 2.5}',
    }
    environment = read_environment(complete | more)
    assert environment.attempt == 3
    assert environment.defaults == {"retry": {"limit": 5}, "holdPodSeconds": 2.5}


def test_without_them_it_begins_with_the_first(complete):
    environment = read_environment(complete)
    assert (environment.attempt, environment.defaults) == (1, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (protocol.ENV_ATTEMPT, "0"),
        (protocol.ENV_ATTEMPT, "two"),
        (protocol.ENV_DEFAULTS, "{"),
        (protocol.ENV_DEFAULTS, "[]"),
        (protocol.ENV_DEFAULTS, '{"retry": 3}'),
        (protocol.ENV_DEFAULTS, '{"holdPodSeconds": "30s"}'),
        (protocol.ENV_DEFAULTS, '{"holdPodSeconds": -1}'),
    ],
)
def test_what_cannot_be_read_is_named(complete, name, text):
    with pytest.raises(MisconfiguredError, match=name):
        read_environment(complete | {name: text})
