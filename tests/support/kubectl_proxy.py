"""``kubectl proxy``: any kubeconfig's way of logging in, offered as plain HTTP on this machine."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from tests.support.api_client import ApiClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.kubectl import Kubectl


@contextlib.contextmanager
def proxied_client(kubectl: Kubectl) -> Iterator[ApiClient]:
    """Give a client that calls the cluster as the kubeconfig's user; the proxy ends with the block.

    The proxy outlives the API server: while that is away, calls are answered with 502.
    """
    with kubectl.stream("proxy", "--port=0") as proxy:
        try:
            assert proxy.stdout is not None
            line = proxy.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, f"kubectl proxy said {line!r}"
            with contextlib.closing(ApiClient(f"http://127.0.0.1:{found[1]}")) as client:
                yield client
        finally:
            proxy.terminate()
