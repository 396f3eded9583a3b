"""No token, password or key of a kubeconfig or a pod is in a repr, an error or the log, with all of it at DEBUG."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from evertask.connection import Connection, load_credentials
from evertask.connection import credentials as module
from evertask.errors import EverTaskError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t-t0ken-value"
SERVER = "http://127.0.0.1:1"


def kubeconfig(folder: Path, user: Any, **cluster: Any) -> str:
    """Write a kubeconfig with one user."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": SERVER, **cluster}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(document))
    return str(path)


def plugin(folder: Path, script: str) -> dict[str, Any]:
    """Write a login program, as users have them."""
    path = folder / "login"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(path),
            "interactiveMode": "Never",
        }
    }


def said(**status: Any) -> str:
    """What a login program prints."""
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"echo '{json.dumps(answer)}'"


async def everything_shown(
    path: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> str:
    """Load, connect in vain, fail, print all: what a program with its log at DEBUG shows."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    shown = []
    try:
        credentials = await load_credentials(kubeconfig=path)
        shown += [repr(credentials), str(credentials), repr(credentials.authorization), repr(credentials.ssl)]
        async with Connection(credentials) as connection:
            shown += [repr(connection), str(vars(connection))]
            await connection.call("GET", "/api/v1/namespaces/default/secrets/x", timeout=2)
    except EverTaskError as error:
        shown += [repr(error), str(error), str(vars(error)), "".join(traceback.format_exception(error))]
    assert shown
    printed = capfd.readouterr()
    return "\n".join([*shown, caplog.text, printed.out, printed.err])


USERS = {
    "token": lambda folder: {"token": SECRET},
    "password": lambda folder: {"username": "u", "password": SECRET},
    "token-of-a-wrong-type": lambda folder: {"token": [SECRET]},
    "no-key": lambda folder: {"client-certificate-data": SECRET, "client-key-data": SECRET},
    "plugin": lambda folder: plugin(folder, said(token=SECRET)),
    "plugin-with-a-certificate": lambda folder: plugin(
        folder, said(clientCertificateData=SECRET, clientKeyData=SECRET)
    ),
    "plugin-with-nothing": lambda folder: plugin(folder, said(tokn=SECRET)),
    "plugin-that-fails-after-it-said": lambda folder: plugin(folder, f"{said(token=SECRET)}; exit 3"),
    "plugin-that-says-no-json": lambda folder: plugin(folder, f"echo token={SECRET}"),
    "plugin-with-another-version": lambda folder: plugin(
        folder, said(token=SECRET).replace("io/v1", "io/v1beta1")
    ),
    "plugin-that-is-given-it": lambda folder: {
        "exec": {
            **plugin(folder, "exit 1")["exec"],
            "env": [{"name": "PASSWORD", "value": SECRET}],
            "args": ["--password", SECRET],
        }
    },
    "oidc": lambda folder: {
        "auth-provider": {
            "name": "oidc",
            "config": {
                "id-token": SECRET,
                "refresh-token": SECRET,
                "idp-issuer-url": SERVER,
                "client-secret": SECRET,
            },
        }
    },
    "user-is-a-text": lambda folder: SECRET,
}


@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
async def test_a_kubeconfigs_secret_is_shown_nowhere(tmp_path, caplog, capfd, user):
    shown = await everything_shown(kubeconfig(tmp_path, user(tmp_path)), caplog, capfd)
    assert SECRET not in shown


@pytest.mark.parametrize(
    "text",
    [
        "users: [{{name: u, user: {{token: {secret}",
        "users:\n- name: u\n  user: {{token: {secret}\n\t}}",
        "{secret}",
        "users: {secret}\nclusters: {secret}\ncontexts: {secret}\ncurrent-context: c",
        "token: {secret}\x00",
        "a: *{secret}",
    ],
    ids=ascii,
)
async def test_a_broken_kubeconfig_is_not_quoted(tmp_path, caplog, capfd, text):
    path = tmp_path / "config"
    path.write_text(text.format(secret=SECRET))
    assert SECRET not in await everything_shown(str(path), caplog, capfd)


async def test_a_proxys_password_is_shown_nowhere(tmp_path, caplog, capfd):
    path = kubeconfig(tmp_path, {"token": "x"}, **{"proxy-url": f"http://me:{SECRET}@127.0.0.1:1"})
    assert SECRET not in await everything_shown(path, caplog, capfd)


async def test_a_pods_token_is_shown_nowhere(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "token").write_text(SECRET)
    (tmp_path / "ca.crt").write_text(SECRET)
    monkeypatch.setattr(module, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    with pytest.raises(EverTaskError) as failed:
        await load_credentials()
    shown = "".join(traceback.format_exception(failed.value))
    assert SECRET not in shown + caplog.text
