"""Credentials that change, certificates that are wrong, servers that are silent, watches that carry much."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import textwrap
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from evertask import ApiUnavailableError, ConfigurationError, PermissionDeniedError
from evertask.connection import Connection, Credentials, load_credentials
from evertask.connection.credentials import Authorization
from evertask.connection.paths import evertask_path, pod_path
from tests.support.api_client import tasks_path

if TYPE_CHECKING:
    from pathlib import Path

    from hack.cluster.light import LightControlPlane

PLUGIN = """
    import json, pathlib
    runs = pathlib.Path({runs!r})
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    token = "stale" if len(runs.read_text()) == 1 else {token!r}
    print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                       "status": {{"token": token}}}}))
"""


def make_credentials(plane: LightControlPlane, authorization: Authorization, **other: Any) -> Credentials:
    context = ssl.create_default_context(cafile=plane.ca)
    return Credentials(plane.server, context, authorization, "default", **other)


async def test_a_token_that_was_renewed_is_read_anew_after_a_401(control_plane):
    tokens = iter(["Bearer stale", f"Bearer {control_plane.token}"])
    codes: list[int] = []
    credentials = make_credentials(control_plane, Authorization(lambda _afresh: next(tokens)))
    async with Connection(credentials, observer=lambda *seen: codes.append(seen[2])) as connection:
        assert (await connection.call("GET", pod_path("default")))["kind"] == "PodList"
    assert codes == [200]


async def test_a_token_that_stays_wrong_is_a_permission_error(control_plane):
    credentials = make_credentials(control_plane, Authorization(lambda _afresh: "Bearer wrong"))
    async with Connection(credentials) as connection:
        with pytest.raises(PermissionDeniedError, match="does not accept the credentials"):
            await connection.call("GET", pod_path("default"))


@pytest.fixture
def kubeconfig(control_plane: LightControlPlane, tmp_path: Path) -> Path:
    """Write a kubeconfig whose login program gives a stale token at first."""
    script, file = tmp_path / "login.py", tmp_path / "config"
    script.write_text(textwrap.dedent(PLUGIN).format(runs=str(tmp_path / "runs"), token=control_plane.token))
    login = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(script)],
        "interactiveMode": "Never",
    }
    cluster = {"server": control_plane.server, "certificate-authority": control_plane.ca}
    file.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "other",
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {"exec": login}}],
                "contexts": [
                    {"name": "other", "context": {"cluster": "c", "user": "u"}},
                    {"name": "shop", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
                ],
            }
        )
    )
    return file


async def test_a_login_program_is_asked_again_after_a_401(kubeconfig):
    credentials = await load_credentials(kubeconfig=str(kubeconfig), context="shop")
    assert credentials.namespace == "shop"
    async with Connection(credentials) as connection:
        assert (await connection.call("GET", pod_path("default")))["kind"] == "PodList"


async def test_an_unknown_context_is_named(kubeconfig):
    with pytest.raises(ConfigurationError, match=r"cannot be used: .*nonsense"):
        await load_credentials(kubeconfig=str(kubeconfig), context="nonsense")


async def test_a_certificate_of_another_authority_is_a_configuration_error(control_plane):
    credentials = Credentials(
        control_plane.server, ssl.create_default_context(), Authorization(lambda _afresh: None)
    )
    async with Connection(credentials) as connection:
        with pytest.raises(ConfigurationError, match=r"certificate of .* is not to be trusted"):
            await connection.call("GET", "/version")


async def test_a_silent_server_is_given_up_in_time():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Connection(Credentials(address, None, Authorization(lambda _afresh: None))) as connection:
            started = time.monotonic()
            with pytest.raises(ApiUnavailableError, match=r"within 0\.2 s"):
                await connection.call("GET", pod_path("default"), timeout=0.2)
            assert time.monotonic() - started < 5
        await asyncio.sleep(0.1)  # the server's side ends too


async def test_a_closed_connection_says_so(control_plane):
    connection = Connection(make_credentials(control_plane, Authorization(lambda _afresh: None)))
    await connection.aclose()
    with pytest.raises(ConfigurationError, match="is closed"):
        await connection.call("GET", "/version")


async def test_a_watch_carries_lines_of_any_length(connection, dispatcher, report, namespace):
    task_id = await dispatcher.dispatch(report(region="x" * 400_000))
    listed = await connection.call("GET", evertask_path(namespace))
    from_the_start = {"resourceVersion": "0"}
    watch = connection.watch(evertask_path(namespace), params=from_the_start, seconds=5)
    async with aclosing(watch) as events:
        async for event in events:
            assert event.object["metadata"]["name"] == f"task-{task_id}"
            assert event.object == listed["items"][0]
            break


async def test_a_watch_ends_by_itself_and_is_observed(control_plane, namespace):
    seen: list[tuple[str, str, int]] = []
    credentials = make_credentials(
        control_plane, Authorization(lambda _afresh: f"Bearer {control_plane.token}")
    )
    async with Connection(credentials, observer=lambda *one: seen.append(one[:3])) as connection:
        listed = await connection.call("GET", evertask_path(namespace))
        since = {"resourceVersion": listed["metadata"]["resourceVersion"]}
        assert [
            event async for event in connection.watch(evertask_path(namespace), params=since, seconds=1)
        ] == []
    assert seen == [("list", "evertasks", 200), ("watch", "evertasks", 200)]


async def test_our_user_agent_reaches_the_server():
    heads: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        body = json.dumps({"kind": "Ok"}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        credentials = Credentials(address, None, Authorization(lambda _afresh: None))
        for name in (None, "evertask-operator/9"):
            async with Connection(credentials, user_agent=name) as connection:
                assert (await connection.call("GET", "/version"))["kind"] == "Ok"
    assert b"User-Agent: evertask-sdk/" in heads[0]
    assert b"User-Agent: evertask-operator/9\r\n" in heads[1]


async def test_a_missing_task_path_is_told_from_a_missing_api(connection, namespace):
    answer = await connection.request("GET", tasks_path(namespace, "nothing"))
    assert (answer.status, answer.json()["details"]["name"]) == (404, "nothing")
