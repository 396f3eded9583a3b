"""Certificates, authorities and tokens that are replaced while operator, runner and SDK run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from evertask.api.protocol import State
from evertask.connection import Connection, credentials, load_credentials
from evertask.connection.paths import evertask_path
from evertask.errors import ConfigurationError
from hack.cluster.certificates import Authority
from tests.support.fault_proxy_faults import refusal
from tests.support.operator_processes import write_kubeconfig
from tests.support.runner_pods import wait_for
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ALL = r"/(evertasks|jobs|pods)\?"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def replace(path: Path, text: str) -> None:
    """Replace a file as the kubelet does: at once, never half of it."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


@pytest.fixture
def new_token(admin, namespace) -> str:
    """Give a bound token of another identity, which may do everything."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    assert admin("POST", accounts, {"metadata": {"name": "rotated"}}).status == 201
    binding = {
        "metadata": {"name": f"rotated-{namespace}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "rotated", "namespace": namespace}],
    }
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    assert admin("POST", bindings, binding).status == 201
    answer = admin("POST", f"{accounts}/rotated/token", {"spec": {"expirationSeconds": 3600}})
    return str(answer.body["status"]["token"])


@pytest.fixture
def refuse_the_old(proxy, control_plane) -> Callable[[], object]:
    """Make the API server refuse the token so far, as one that has expired."""
    header = f"Authorization: Bearer {control_plane.token}"
    return lambda: proxy.inject(refusal(401, "Unauthorized"), header=header, times=10_000)


@pytest.fixture
def another(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("another"))


def bundle(proxy, another: Authority) -> str:
    """Give both authorities, as the file holds while one replaces the other."""
    return Path(proxy.ca).read_text() + another.certificate("ca").read_text()


# --- the SDK, in a pod -----------------------------------------------------------------------------------------


@pytest.fixture
def account(proxy, control_plane, namespace, tmp_path, monkeypatch) -> Path:
    """Lay out a service account's folder, and let the SDK find it where a pod has it."""
    folder: Path = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text(control_plane.token)
    (folder / "namespace").write_text(namespace)
    shutil.copy(proxy.ca, folder / "ca.crt")
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", folder)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(urlsplit(proxy.url).port))
    return folder


@pytest.fixture
async def in_pod(account) -> AsyncIterator[Connection]:
    async with Connection(await load_credentials()) as made:
        assert (await made.call("GET", evertask_path(made.credentials.namespace)))["items"] == []
        yield made


async def who(connection: Connection) -> str:
    answer = await connection.call_with_retries("POST", WHO, body=REVIEW, patience=10)
    return str(answer["status"]["userInfo"]["username"])


async def test_the_sdk_goes_on_with_a_new_certificate_of_the_same_authority(in_pod, proxy):
    proxy.rotate_certificate()
    assert await who(in_pod) == "evertask-admin"


async def test_the_sdk_trusts_a_new_authority_once_its_file_has_it(in_pod, proxy, account, another):
    proxy.rotate_certificate(another)
    with pytest.raises(ConfigurationError, match="not to be trusted"):
        await who(in_pod)
    replace(account / "ca.crt", another.certificate("ca").read_text())
    assert await who(in_pod) == "evertask-admin"


async def test_an_authority_that_cannot_be_read_is_called_so(in_pod, proxy, account, another):
    proxy.rotate_certificate(another)
    replace(account / "ca.crt", "-----BEGIN CERTIFICATE-----\nhalf of it")
    with pytest.raises(ConfigurationError, match="authority cannot be read anew"):
        await who(in_pod)


async def test_the_sdk_takes_a_new_token_when_the_old_one_is_refused(
    in_pod, account, new_token, refuse_the_old, namespace
):
    assert await who(in_pod) == "evertask-admin"
    replace(account / "token", new_token)
    refuse_the_old()
    assert await who(in_pod) == f"system:serviceaccount:{namespace}:rotated"


# --- the runner ------------------------------------------------------------------------------------------------


def run_across(pod, task, tmp_path, deed: Callable[[], object]) -> None:
    """Run a handler, and do something between claim and outcome."""
    with pod(task) as runner:
        wait_for((tmp_path / "begun").exists)
        deed()
        (tmp_path / "go").touch()
        assert runner.wait() == 0
    assert task.get()["status"]["state"] == "Completed"


@pytest.fixture
def waiting(launched, tmp_path):
    return launched("work:wait_for_file", payload={"folder": str(tmp_path)})


def test_a_runner_reports_across_a_new_certificate(waiting, pod, proxy, tmp_path):
    run_across(pod, waiting, tmp_path, proxy.rotate_certificate)


def test_a_runner_reports_across_a_new_authority(waiting, pod, proxy, tmp_path, another):
    def rotate() -> None:
        proxy.rotate_certificate(another)
        replace(tmp_path / "ca.crt", another.certificate("ca").read_text())

    run_across(pod, waiting, tmp_path, rotate)


def test_a_runner_reports_with_the_new_token(waiting, pod, tmp_path, new_token, refuse_the_old):
    def rotate() -> None:
        replace(tmp_path / "token", new_token)
        refuse_the_old()

    run_across(pod, waiting, tmp_path, rotate)


# --- the operator ----------------------------------------------------------------------------------------------


def test_the_operator_goes_on_with_a_new_certificate_and_a_new_authority(stage, proxy, another, tmp_path):
    """Its kubeconfig names a file, which holds both authorities by then."""
    file = tmp_path / "ca.crt"
    file.write_text(Path(proxy.ca).read_text())
    operator = stage.troubled(proxy, start=False, resyncInterval="1h")
    write_kubeconfig(operator.folder / "kubeconfig", proxy.url, stage.plane.token, str(file))
    operator.start()
    stage.pods()
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 20)
    proxy.rotate_certificate()
    stage.task("after-a-new-certificate").until_state(State.COMPLETED)
    replace(file, bundle(proxy, another))
    proxy.rotate_certificate(another)
    stage.task("after-a-new-authority").until_state(State.COMPLETED)
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 40)
    assert operator.running


def test_the_operator_takes_a_new_token_when_the_old_one_is_refused(stage, proxy, new_token, refuse_the_old):
    operator = stage.troubled(proxy, resyncInterval="1h")
    stage.pods()
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 20)
    write_kubeconfig(operator.folder / "kubeconfig.new", proxy.url, new_token, proxy.ca)
    (operator.folder / "kubeconfig.new").replace(operator.folder / "kubeconfig")
    refuse_the_old()
    proxy.break_streams(ALL)
    stage.task().until_state(State.COMPLETED)
    eventually(lambda: proxy.watched(ALL), lambda watches: watches == 3, 40)
    assert operator.running
