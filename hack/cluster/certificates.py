"""A certificate authority of the cluster's own, made with the ``openssl`` command.

Elliptic keys (P-256): a whole set takes a fraction of a second, which RSA keys do not.
"""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from typing import TYPE_CHECKING

from hack.cluster.paths import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DAYS = "3650"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*arguments: str, text: str | None = None) -> None:
    done = subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")


class Authority:
    """One CA in a folder: ``ca.crt``, ``ca.key`` and the certificates that it signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.certificate("ca").exists():
            _openssl(
                *("req", "-x509", *_NEW_KEY, "-days", DAYS, "-subj", "/CN=evertask-cluster-ca"),
                *("-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"),
                *("-keyout", str(self.key("ca")), "-out", str(self.certificate("ca"))),
            )

    def certificate(self, name: str) -> Path:
        """Return the path of the certificate ``name``."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Return the path of the private key ``name``."""
        return self.folder / f"{name}.key"

    def issue(
        self, name: str, user: str, *, groups: Iterable[str] = (), alternative_names: Iterable[str] = ()
    ) -> None:
        """Sign a certificate for ``user``, unless it exists; SANs are ``DNS:…`` and ``IP:…`` entries."""
        if self.certificate(name).exists():
            return
        request = self.folder / f"{name}.csr"
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        _openssl("req", *_NEW_KEY, "-subj", subject, "-keyout", str(self.key(name)), "-out", str(request))
        extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth"]
        names = ",".join(alternative_names)
        extensions += [f"subjectAltName={names}"] if names else []
        _openssl(
            *("x509", "-req", "-in", str(request), "-days", DAYS, "-extfile", "/dev/stdin"),
            *("-CA", str(self.certificate("ca")), "-CAkey", str(self.key("ca"))),
            *("-set_serial", str(secrets.randbits(62)), "-out", str(self.certificate(name))),
            text="\n".join(extensions),
        )
        request.unlink()

    def signing_key(self, name: str) -> None:
        """Make a bare key pair (``.key``, ``.pub``), unless it exists: for service-account tokens."""
        if not self.key(name).exists():
            _openssl(
                *("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
                *("-out", str(self.key(name))),
            )
            _openssl("pkey", "-in", str(self.key(name)), "-pubout", "-out", str(self.folder / f"{name}.pub"))

    def kubeconfig(self, name: str, server: str, path: Path) -> None:
        """Write a self-contained kubeconfig of the certificate ``name`` (JSON is valid YAML)."""

        def data(file: Path) -> str:
            return base64.b64encode(file.read_bytes()).decode()

        cluster = {"server": server, "certificate-authority-data": data(self.certificate("ca"))}
        user = {
            "client-certificate-data": data(self.certificate(name)),
            "client-key-data": data(self.key(name)),
        }
        context = "evertask"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": name}}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))
