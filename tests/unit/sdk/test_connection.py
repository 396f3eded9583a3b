"""The pure parts of the way to the API server: paths, errors, pauses, credentials."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evertask import ApiUnavailableError, ConfigurationError, PermissionDeniedError
from evertask.connection import answers, credentials, paths
from evertask.connection.answers import Answer
from evertask.connection.credentials import AUTHORIZATION_SECONDS, Authorization
from evertask.connection.paths import Target, describe
from evertask.connection.retries import LONGEST_PAUSE, pause, worth_a_retry
from evertask.errors import ApiError, ConflictError, ExpiredError

CA = """\
-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUGH9kkdlXcfR/FVdcWYBzPUKg5JswCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOdGVzdC1hdXRob3JpdHkwIBcNMjYxMTI0MDcwNjM4WhgPMjEy
NjEwMzEwNzA2MzhaMBkxFzAVBgNVBAMMDnRlc3QtYXV0aG9yaXR5MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEleFgn4HPMItGlKKgNbM2mOly7o9bV03bHPC6IYhW
4dW1VKzUzEm0fHD89poVh2WxXG2qd+aHNaufDIDmkW3EUKNTMFEwHQYDVR0OBBYE
FE/ImUQUA04gdqkrRGpw2bwhaPfaMB8GA1UdIwQYMBaAFE/ImUQUA04gdqkrRGpw
2bwhaPfaMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgCNNqbhCH
0GAlF2jfR7vY0FJ1voMh6wwa8USsK9kp0+ACIQC6LxakBiyNYFRQo91Z8pjOD77y
7kBgd4WpldnBAdph1Q==
-----END CERTIFICATE-----
"""
"""The certificate of an authority that signs nothing: its key was thrown away."""

TASKS = Target("create", "evertask.io", "evertasks", "shop")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(paths.evertask_path(None), "/apis/evertask.io/v1alpha1/evertasks", id="all"),
        pytest.param(
            paths.evertask_path("shop", "a", "status"),
            "/apis/evertask.io/v1alpha1/namespaces/shop/evertasks/a/status",
            id="status",
        ),
        pytest.param(paths.job_path("shop"), "/apis/batch/v1/namespaces/shop/jobs", id="jobs"),
        pytest.param(paths.pod_path("shop", "p", "log"), "/api/v1/namespaces/shop/pods/p/log", id="log"),
        pytest.param(paths.event_path("shop"), "/apis/events.k8s.io/v1/namespaces/shop/events", id="events"),
        pytest.param(
            paths.lease_path("shop", "op"),
            "/apis/coordination.k8s.io/v1/namespaces/shop/leases/op",
            id="lease",
        ),
        pytest.param(
            paths.pod_path("../x", "a/b?c"), "/api/v1/namespaces/..%2Fx/pods/a%2Fb%3Fc", id="quoted"
        ),
    ],
)
def test_paths(path, text):
    assert path == text


@pytest.mark.parametrize(
    ("method", "path", "params", "target"),
    [
        ("GET", paths.evertask_path("shop", "a"), None, ("get", "evertask.io", "evertasks", "shop", "a")),
        ("GET", paths.evertask_path(None), None, ("list", "evertask.io", "evertasks", None, None)),
        (
            "GET",
            paths.pod_path("shop"),
            {"watch": "true"},
            ("watch", "", "pods", "shop", None),
        ),
        (
            "PATCH",
            paths.evertask_path("shop", "a", "status"),
            None,
            ("patch", "evertask.io", "evertasks/status", "shop", "a"),
        ),
        ("POST", paths.job_path("shop"), None, ("create", "batch", "jobs", "shop", None)),
        ("DELETE", paths.job_path("shop", "j"), None, ("delete", "batch", "jobs", "shop", "j")),
        ("DELETE", paths.job_path("shop"), None, ("deletecollection", "batch", "jobs", "shop", None)),
        ("GET", "/api/v1/namespaces/shop", None, ("get", "", "namespaces", None, "shop")),
        ("GET", "/readyz", None, ("get", "", "/readyz", None, None)),
    ],
)
def test_a_request_is_described_in_the_words_of_a_role(method, path, params, target):
    assert describe(method, path, params) == Target(*target)


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    data = body.encode() if isinstance(body, str) else json.dumps({"kind": "Status", **body}).encode()
    return Answer(status, data, headers or {})


FORBIDDEN = (
    'evertasks.evertask.io is forbidden: User "system:serviceaccount:shop:web" cannot create resource '
    '"evertasks" in API group "evertask.io" in the namespace "shop"'
)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        pytest.param(answer(409, {"message": "x"}), ConflictError, "x", id="conflict"),
        pytest.param(answer(410, {"message": "too old"}), ExpiredError, "too old", id="expired"),
        pytest.param(
            answer(401, {"message": "Unauthorized"}), PermissionDeniedError, "log in again", id="401"
        ),
        pytest.param(
            answer(403, {"message": FORBIDDEN}),
            PermissionDeniedError,
            r"no right to create evertasks in namespace shop; grant system:serviceaccount:shop:web a Role with "
            r"the rule apiGroups: \['evertask.io'\], resources: \[evertasks\], verbs: \[create\]",
            id="403-by-access-rules",
        ),
        pytest.param(
            answer(403, {"message": FORBIDDEN.replace("system:serviceaccount:shop:web", "system:anonymous")}),
            PermissionDeniedError,
            "had no credentials",
            id="403-anonymous",
        ),
        pytest.param(
            answer(403, {"message": "denied request: no podTemplate"}),
            ApiError,
            "no podTemplate",
            id="403-policy",
        ),
        pytest.param(answer(503, "upstream is down"), ApiError, "upstream is down", id="plain-text"),
        pytest.param(answer(502, ""), ApiError, "HTTP 502 without a text", id="empty"),
        pytest.param(answer(404, '["odd"]'), ApiError, "odd", id="odd-json"),
    ],
)
def test_an_answer_becomes_an_error(given, kind, said):
    error = answers.error_of(given, TASKS)
    assert type(error) is kind
    assert error.status == given.status
    with pytest.raises(kind, match=said):
        raise error


def test_an_error_names_the_fields_to_blame():
    causes = [{"field": "spec.delay", "message": "bad"}]
    error = answers.error_of(answer(422, {"reason": "Invalid", "details": {"causes": causes}}), TASKS)
    assert (error.reason, error.causes[0]) == ("Invalid", ("spec.delay", "bad"))


UNAVAILABLE = ApiUnavailableError("gone")


@pytest.mark.parametrize(
    ("error", "worth"),
    [
        pytest.param(UNAVAILABLE, True, id="no-answer"),
        pytest.param(ApiError("", status=429), True, id="429"),
        pytest.param(ApiError("", status=503), True, id="503"),
        pytest.param(ApiError("", status=422), False, id="422"),
        pytest.param(ConflictError("", status=409), False, id="409"),
        pytest.param(PermissionDeniedError("", status=403), False, id="403"),
        pytest.param(ConfigurationError(""), False, id="configuration"),
    ],
)
def test_what_is_tried_again(error, worth):
    assert worth_a_retry(error) is worth


@pytest.mark.parametrize(
    ("method", "reason", "worth"),
    [
        pytest.param("POST", "Conflict", True, id="a-creation-and-a-quota"),
        pytest.param("POST", "", True, id="a-creation-and-no-reason"),
        pytest.param("POST", "AlreadyExists", False, id="the-name-is-taken"),
        pytest.param("PATCH", "Conflict", False, id="a-change"),
    ],
)
def test_a_creation_is_tried_again_after_a_conflict_that_is_not_about_its_name(method, reason, worth):
    assert worth_a_retry(ConflictError("", status=409, reason=reason), method=method) is worth


def test_pauses_grow_to_a_bound_and_spread():
    assert [pause(n, UNAVAILABLE, luck=1) for n in (1, 2, 3)] == pytest.approx([0.1, 0.2, 0.4])
    assert pause(10_000, UNAVAILABLE, luck=1) == LONGEST_PAUSE
    assert pause(1, UNAVAILABLE, luck=0) == pytest.approx(0.05)


def test_a_pause_is_as_long_as_the_server_asks():
    asked = answers.error_of(answer(429, {}, {"Retry-After": "7"}), TASKS)
    assert pause(1, asked, luck=0) == 7


class Lookups:
    """A look-up that gives a new header each time, and a clock."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.time = 0.0

    def __call__(self, afresh) -> str:
        self.asked.append(afresh)
        return f"Bearer {len(self.asked)}"


@pytest.fixture
def lookups() -> Lookups:
    return Lookups()


@pytest.fixture
def authorization(lookups: Lookups) -> Authorization:
    return Authorization(lookups, clock=lambda: lookups.time)


async def test_a_header_is_looked_up_once_a_minute(authorization, lookups):
    assert [await authorization.header(), await authorization.header()] == ["Bearer 1", "Bearer 1"]
    lookups.time = AUTHORIZATION_SECONDS
    assert await authorization.header() == "Bearer 2"
    assert lookups.asked == [False, False]


async def test_a_refused_header_is_read_anew_once_for_all(authorization, lookups):
    first = await authorization.header()
    renewed = [await authorization.header(refused=first), await authorization.header(refused=first)]
    assert renewed == ["Bearer 2", "Bearer 2"]
    assert lookups.asked == [False, True]


@pytest.fixture
def service_account(tmp_path):
    for name, text in {"token": "s3cret\n", "ca.crt": CA, "namespace": "shop"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}


async def test_a_pods_service_account_says_all(service_account):
    found = credentials._from_service_account(IN_CLUSTER, service_account)
    assert (found.server, found.namespace) == ("https://[fd00::1]:6443", "shop")
    assert await found.authorization.header() == "Bearer s3cret"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        pytest.param("token", "", "token of the pod's service account is empty", id="empty-token"),
        pytest.param("token", None, "automountServiceAccountToken: true", id="no-token"),
        pytest.param("ca.crt", None, "cannot read .*ca.crt", id="no-authority"),
        pytest.param("ca.crt", "nonsense", "no usable certificate", id="bad-authority"),
    ],
)
async def test_a_broken_service_account_is_named(service_account, file, text, said):
    if text is None:
        (service_account / file).unlink()
    else:
        (service_account / file).write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        await credentials._from_service_account(IN_CLUSTER, service_account).authorization.header()


@pytest.mark.parametrize(
    ("environ", "inside"),
    [
        pytest.param(IN_CLUSTER, True, id="pod"),
        pytest.param({}, False, id="outside"),
    ],
)
def test_when_it_is_a_pod(service_account, environ, inside):
    assert credentials._in_cluster(environ, service_account) is inside


async def test_no_cluster_at_all_is_said_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigurationError, match=r"no kubeconfig at .*/none.*set KUBECONFIG"):
        await credentials.load_credentials()


async def test_a_missing_client_is_said_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("{}")
    monkeypatch.setitem(__import__("sys").modules, "kubernetes.client", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'evertask\[kubeconfig\]'"):
        await credentials.load_credentials(kubeconfig=str(tmp_path / "config"))


@pytest.mark.parametrize(
    "text",
    [pytest.param("{}", id="empty"), pytest.param("a: [", id="no-yaml"), pytest.param("[]", id="list")],
)
async def test_a_broken_kubeconfig_is_named(tmp_path, text):
    (tmp_path / "config").write_text(text)
    with pytest.raises(ConfigurationError, match=r"the kubeconfig .*/config cannot be used"):
        await credentials.load_credentials(kubeconfig=str(tmp_path / "config"))
