"""One Lease: read, created, and changed by compare-and-set on its resourceVersion.

The times in it are for people who look at it (``kubectl get lease``). No decision is made from them: they are those of
another machine's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from evertask.connection.http import MERGE_PATCH
from evertask.connection.paths import lease_path
from evertask.errors import ApiError

if TYPE_CHECKING:
    from evertask.connection import Connection

Json = dict[str, Any]


@dataclass(frozen=True)
class LeaseRecord:
    """A Lease as the API server gave it."""

    uid: str
    version: str
    holder: str
    """Who holds it; empty: nobody."""
    duration: float
    """Seconds that the holder asked for; 0 where the Lease does not say."""
    transitions: int
    """How often it has changed hands."""


class Leases:
    """The requests about one Lease. Each has a time limit, and a conflict is an answer (None)."""

    def __init__(self, connection: Connection, namespace: str, name: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._name = name

    async def read(self, *, seconds: float) -> LeaseRecord | None:
        """Read it; None when there is none.

        Args:
            seconds: time limit.

        Raises:
            EverTaskError: the API server refused, or did not answer in time.
        """
        try:
            raw = await self._connection.call("GET", self._path, timeout=seconds)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return _record(raw)

    async def create(self, holder: str, duration: int, *, seconds: float) -> LeaseRecord | None:
        """Create it, held; None when somebody else was faster.

        Args:
            holder: who holds it.
            duration: seconds without a renewal after which others may take it.
            seconds: time limit.

        Raises:
            EverTaskError: as for ``read``.
        """
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name},
            "spec": {**_held(holder, duration), "acquireTime": _now(), "leaseTransitions": 0},
        }
        path = lease_path(self._namespace)
        try:
            return _record(await self._connection.call("POST", path, body=body, timeout=seconds))
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT:
                return None
            raise

    async def hold(
        self, known: LeaseRecord, holder: str, duration: int, *, seconds: float
    ) -> LeaseRecord | None:
        """Take it, or renew it, if it is still as it is known; None when it has changed or is gone.

        Args:
            known: what the decision was made from.
            holder: who holds it from now on.
            duration: as for ``create``.
            seconds: time limit.

        Raises:
            EverTaskError: as for ``read``.
        """
        spec = _held(holder, duration)
        if holder != known.holder:
            spec |= {"acquireTime": _now(), "leaseTransitions": known.transitions + 1}
        return await self._change(known, spec, seconds)

    async def release(self, known: LeaseRecord, *, seconds: float) -> bool:
        """Let it go, if it is still as it is known; tells whether it was.

        Raises:
            EverTaskError: as for ``read``.
        """
        return await self._change(known, {"holderIdentity": None}, seconds) is not None

    @property
    def _path(self) -> str:
        return lease_path(self._namespace, self._name)

    async def _change(self, known: LeaseRecord, spec: Json, seconds: float) -> LeaseRecord | None:
        body = {"metadata": {"uid": known.uid, "resourceVersion": known.version}, "spec": spec}
        try:
            raw = await self._connection.call(
                "PATCH", self._path, body=body, content_type=MERGE_PATCH, timeout=seconds
            )
        except ApiError as error:
            if error.status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                return None
            raise
        return _record(raw)


def _held(holder: str, duration: int) -> Json:
    return {"holderIdentity": holder, "leaseDurationSeconds": duration, "renewTime": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _record(raw: Json) -> LeaseRecord:
    meta, spec = raw["metadata"], raw.get("spec") or {}
    return LeaseRecord(
        uid=meta["uid"],
        version=meta["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        duration=float(spec.get("leaseDurationSeconds") or 0),
        transitions=int(spec.get("leaseTransitions") or 0),
    )
