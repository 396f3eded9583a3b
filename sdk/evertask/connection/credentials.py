"""Where the API server is, and who we are to it.

In a pod both come from the mounted service account; elsewhere from a kubeconfig, which only the official
client reads right (exec plugins, OIDC, client certificates), so that it is imported there, late and in a
thread. The ``Authorization`` header is asked for before each request and is at most a minute old; after a 401
it is read anew, as the cluster's authority is after a certificate that is not to be trusted: both are rotated while
we run. No secret is in a ``repr`` or a log line.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evertask.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts token, ca.crt and namespace of a pod's service account."""

AUTHORIZATION_SECONDS = 60.0
"""How long a header is used before it is looked up again. The kubelet renews a mounted token at 80 % of its
life (an hour, as a rule), the official client five minutes before the end: a minute is well inside both."""

DEFAULT_NAMESPACE = "default"


class Authorization:
    """The ``Authorization`` header, looked up in a thread because files and login programs block."""

    def __init__(
        self, look_up: Callable[[bool], str | None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Wrap a look-up; its argument says that what is known was refused and must be read anew."""
        self._look_up = look_up
        self._clock = clock
        self._header: str | None = None
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    def _is_fresh(self, refused: str | None) -> bool:
        if self._read_at is None or (refused is not None and refused == self._header):
            return False
        return self._clock() - self._read_at < AUTHORIZATION_SECONDS

    async def header(self, refused: str | None = None) -> str | None:
        """Give the header; None where a client certificate says who we are.

        Args:
            refused: the header that a 401 came for; unless another request has replaced it, it is read anew.

        Raises:
            ConfigurationError: the token or the kubeconfig cannot be read (any more).
        """
        if not self._is_fresh(refused):
            async with self._lock:
                if not self._is_fresh(refused):
                    afresh = refused is not None and refused == self._header
                    self._header = await asyncio.to_thread(self._look_up, afresh)
                    self._read_at = self._clock()
        return self._header


@dataclass(frozen=True, eq=False)
class Credentials:
    """Everything that a connection needs to know."""

    server: str
    """URL of the API server, without a slash at its end."""
    ssl: ssl.SSLContext | None = field(repr=False)
    """Trusts the cluster's authority, and carries the client certificate if there is one. None for http."""
    authorization: Authorization = field(repr=False)
    namespace: str = DEFAULT_NAMESPACE
    """The pod's own namespace, or the kubeconfig context's."""
    server_hostname: str | None = None
    """The name in the server's certificate, where it differs from the URL's."""
    proxy: str | None = field(default=None, repr=False)
    """HTTP proxy named by the kubeconfig. Proxies in the environment are not used."""
    read_authority: Callable[[], None] | None = field(default=None, repr=False)
    """Lets ``ssl`` trust what the authority's file holds now, besides what it trusts already. It blocks. None where the
    authority comes from no file."""

    async def renew_trust(self) -> bool:
        """Read the authority's file anew, after a certificate that was not to be trusted; tells whether there is one.

        Raises:
            ConfigurationError: the file cannot be read, or holds no certificate.
        """
        if self.read_authority is None:
            return False
        try:
            await asyncio.to_thread(self.read_authority)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(f"the cluster's authority cannot be read anew: {error}") from error
        return True


async def load_credentials(*, kubeconfig: str | None = None, context: str | None = None) -> Credentials:
    """Find the cluster: the pod's own, else by kubeconfig.

    Args:
        kubeconfig: path of a kubeconfig; with it (or a context) the pod's service account is not looked at.
            Default: ``$KUBECONFIG``, then ``~/.kube/config``.
        context: a context of the kubeconfig other than its current one.

    Raises:
        ConfigurationError: neither is there, or it cannot be used; the message says what to do.
    """
    if kubeconfig is None and context is None and _in_cluster(os.environ):
        return await asyncio.to_thread(_from_service_account, os.environ)
    return await asyncio.to_thread(_from_kubeconfig, kubeconfig, context)


def _in_cluster(environ: Mapping[str, str], folder: Path | None = None) -> bool:
    token = (folder or SERVICE_ACCOUNT) / "token"
    return bool(environ.get("KUBERNETES_SERVICE_HOST")) and token.is_file()


def _read(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path} of the pod's service account: {error.strerror}; set "
            "automountServiceAccountToken: true, and run as a user who may read it"
        ) from error
    if not text:
        raise ConfigurationError(f"{path} of the pod's service account is empty; restart the pod")
    return text


def _from_service_account(environ: Mapping[str, str], folder: Path | None = None) -> Credentials:
    folder = folder or SERVICE_ACCOUNT
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT") or "443"
    if ":" in host:
        host = f"[{host}]"
    namespace = folder / "namespace"
    try:
        context = ssl.create_default_context(cadata=_read(folder / "ca.crt"))
    except ssl.SSLError as error:
        raise ConfigurationError(f"{folder / 'ca.crt'} holds no usable certificate: {error}") from error
    return Credentials(
        server=f"https://{host}:{port}",
        ssl=context,
        authorization=Authorization(lambda _afresh: f"Bearer {_read(folder / 'token')}"),
        namespace=_read(namespace) if namespace.is_file() else DEFAULT_NAMESPACE,
        read_authority=lambda: context.load_verify_locations(cadata=_read(folder / "ca.crt")),
    )


class _Kubeconfig:
    """A kubeconfig as the official client understands it."""

    def __init__(self, files: str, context: str | None) -> None:
        self._files = files
        self._context = context
        self._ssl: ssl.SSLContext | None = None
        self._configuration = self._load()

    def _load(self) -> Any:
        try:
            # Half a second of import: only where it is needed. It has no types either, and so is Any here.
            client: Any = import_module("kubernetes.client")
            config: Any = import_module("kubernetes.config")
            yaml: Any = import_module("yaml")
        except ImportError as error:
            raise ConfigurationError(
                "reading a kubeconfig needs the official client: pip install 'evertask[kubeconfig]'"
            ) from error
        # Not `client.Configuration()`: that is a copy of whatever default the application may have set.
        configuration = type.__call__(client.Configuration)
        try:
            config.load_kube_config(self._files, self._context, client_configuration=configuration)
            contexts, current = config.list_kube_config_contexts(self._files)
        except yaml.YAMLError as error:
            # Not what is written there, nor as a cause: it may be a token.
            mark = getattr(error, "problem_mark", None)
            place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
            raise ConfigurationError(
                f"the kubeconfig {self._files} cannot be used: a file of it is not YAML{place}; correct it there, "
                "or choose another by KUBECONFIG, kubeconfig= or context="
            ) from None
        except (config.ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"the kubeconfig {self._files} cannot be used: {error}; see `kubectl config view`, "
                "or choose another by KUBECONFIG, kubeconfig= or context="
            ) from error
        chosen = next((one for one in contexts if one["name"] == self._context), current)
        self.namespace = (chosen.get("context") or {}).get("namespace") or DEFAULT_NAMESPACE
        return configuration

    def ssl_context(self) -> ssl.SSLContext | None:
        """Build the TLS settings of a https server."""
        configuration = self._configuration
        if not configuration.host.startswith("https:"):
            return None
        self._ssl = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if not configuration.verify_ssl:
            self._ssl.check_hostname = False
            self._ssl.verify_mode = ssl.CERT_NONE
        self._load_certificate()
        return self._ssl

    def _load_certificate(self) -> None:
        if self._ssl is not None and self._configuration.cert_file:
            self._ssl.load_cert_chain(self._configuration.cert_file, self._configuration.key_file)

    def look_up(self, afresh: bool) -> str | None:  # noqa: FBT001  (the signature that Authorization calls)
        """Give the header; the official client renews what has an end by its own hook."""
        if afresh:
            self._configuration = self._load()
            self._load_certificate()
        for setting in self._configuration.auth_settings().values():
            if setting["in"] == "header" and setting["key"].lower() == "authorization":
                return str(setting["value"]) if setting["value"] else None
        return None

    def read_authority(self) -> None:
        """Trust what the kubeconfig and the file that it names hold now."""
        self._configuration = self._load()
        if self._ssl is not None and self._configuration.ssl_ca_cert:
            self._ssl.load_verify_locations(self._configuration.ssl_ca_cert)

    def credentials(self) -> Credentials:
        """Give what a connection needs."""
        configuration = self._configuration
        return Credentials(
            server=configuration.host.rstrip("/"),
            ssl=self.ssl_context(),
            authorization=Authorization(self.look_up),
            namespace=self.namespace,
            server_hostname=getattr(configuration, "tls_server_name", None),
            proxy=configuration.proxy,
            read_authority=self.read_authority,
        )


def _from_kubeconfig(kubeconfig: str | None, context: str | None) -> Credentials:
    files = kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    if not any(Path(one).expanduser().is_file() for one in files.split(os.pathsep) if one):
        raise ConfigurationError(
            f"there is no kubeconfig at {files}, and this is not a pod with a service account; "
            "set KUBECONFIG or pass kubeconfig="
        )
    try:
        return _Kubeconfig(files, context).credentials()
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            f"the certificates of the kubeconfig {files} cannot be used: {error}"
        ) from error
