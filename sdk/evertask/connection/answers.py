"""What the API server answers, and how its refusals become errors.

A refusal is a ``Status`` object; something in between (a proxy, an overloaded server) may answer in plain
text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from evertask.errors import (
    HOWTO,
    ApiError,
    ApiUnavailableError,
    Cause,
    ConfigurationError,
    ConflictError,
    EverTaskError,
    ExpiredError,
    PermissionDeniedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evertask.connection.paths import Target

TEXT_LIMIT = 512
"""Characters of a plain-text answer that an error message keeps."""

_ACCESS_RULES = re.compile(r'User "(?P<user>[^"]*)" cannot \S+ resource')
"""How the API server words a refusal by RBAC. Its other 403s come from admission (policies, quotas, a
namespace that is being deleted): a Role does not help there."""

_KINDS: dict[int, type[ApiError]] = {HTTPStatus.CONFLICT: ConflictError, HTTPStatus.GONE: ExpiredError}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API server, whatever its status."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """Case-insensitive."""

    @property
    def ok(self) -> bool:
        """The request was carried out."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:
        """Read the body as JSON; an empty one is an empty object.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body) if self.body else {}


def error_of(answer: Answer, target: Target) -> ApiError:
    """Turn an answer with an error status into the error to raise."""
    try:
        status = answer.json()
    except ValueError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = answer.body[: 4 * TEXT_LIMIT].decode(errors="replace").strip()[:TEXT_LIMIT]
        status = {"message": text or f"HTTP {answer.status} without a text"}
    return error_of_status({**status, "code": answer.status}, target, retry_after(answer.headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After`` in seconds; None where it is absent or a date (the API server sends seconds)."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def error_of_status(status: Mapping[str, Any], target: Target, wait: float | None = None) -> ApiError:
    """Turn a ``Status`` object, as an answer or as a watch's ERROR event, into the error to raise."""
    code = status.get("code")
    if not isinstance(code, int) or isinstance(code, bool) or not code:
        code = int(HTTPStatus.INTERNAL_SERVER_ERROR)
    details = status.get("details") or {}
    message = str(status.get("message") or f"HTTP {code}")
    kind = _KINDS.get(code, ApiError)
    if code == HTTPStatus.UNAUTHORIZED:
        kind = PermissionDeniedError
        message = (
            f"the API server does not accept the credentials ({message}); in a pod mount its service "
            "account's token, with a kubeconfig log in again or choose another context"
        )
    elif code == HTTPStatus.FORBIDDEN and (denied := _ACCESS_RULES.search(message)):
        kind = PermissionDeniedError
        message = _denied(message, target, denied["user"])
    return kind(
        message,
        status=code,
        reason=str(status.get("reason") or ""),
        causes=[
            Cause(str(one.get("field") or ""), str(one.get("message") or ""))
            for one in details.get("causes") or ()
        ],
        details=details,
        retry_after=wait,
    )


def _denied(message: str, target: Target, user: str) -> str:
    where = f"in namespace {target.namespace}" if target.namespace else "in the whole cluster"
    role = "Role" if target.namespace else "ClusterRole"
    if user == "system:anonymous":
        remedy = (
            "the request had no credentials: check the kubeconfig's user (its exec plugin may have failed)"
        )
    else:
        remedy = (
            f"grant {user} a {role} with the rule apiGroups: [{target.group!r}], "
            f"resources: [{target.resource}], verbs: [{target.verb}] ({HOWTO})"
        )
    return f"no right to {target.verb} {target.resource} {where}; {remedy}. The API server said: {message}"


def no_answer(server: str, target: Target, error: Exception, seconds: float) -> EverTaskError:
    """Turn the failure of a connection into the error to raise.

    Args:
        server: URL of the API server.
        target: what was asked for.
        error: aiohttp's, or a TimeoutError.
        seconds: how long the answer was waited for.
    """
    what = f"{server} ({target.verb} {target.resource})"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return ConfigurationError(
            f"the certificate of {server} is not to be trusted: {error}; check the "
            "certificate authority in the kubeconfig, or tls-server-name"
        )
    if isinstance(error, TimeoutError):
        return ApiUnavailableError(f"no answer from {what} within {seconds:g} s")
    return ApiUnavailableError(f"no answer from {what}: {str(error) or type(error).__name__}")
