"""All that one run of the measurement of dispatching has seen, as rows of the table and as raw data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

Row = tuple[str, str, str, str, str]
HEAD: Row = ("measure", "official client", "EverTask", "ratio", "to reach")


@dataclass(frozen=True)
class Flow:
    """Many objects made, one way."""

    objects: int
    seconds: float
    rss_bytes: dict[int, int] = field(default_factory=dict)
    """Memory of this process, by how many were made."""
    client_seconds: float = 0
    """Processor time of this process."""
    plane_seconds: float = 0
    """Processor time of the API server and etcd."""

    @property
    def rate(self) -> float:
        """Objects a second."""
        return self.objects / self.seconds

    def bound(self, cores: int) -> float:
        """Objects a second that so many cores allow a client that costs nothing."""
        return self.objects * cores / self.plane_seconds

    def milliseconds(self, seconds: float) -> str:
        """Say a processor time for each object."""
        return f"{1000 * seconds / self.objects:.2f} ms"

    @property
    def growth(self) -> int:
        """Bytes between the first quarter of the objects and the last."""
        return self.rss_bytes[max(self.rss_bytes)] - self.rss_bytes[min(self.rss_bytes)]


@dataclass
class Measured:
    """All that one run has seen."""

    tasks: int
    cores: int
    """Of the machine."""
    batch: Flow | None = None
    stream: Flow | None = None
    keyed: Flow | None = None
    official: list[Flow] = field(default_factory=list)

    def rows(self) -> list[Row]:
        """Give the rows of the table."""
        assert self.batch is not None
        assert self.stream is not None
        assert self.keyed is not None
        plain = sum(flow.objects for flow in self.official) / sum(flow.seconds for flow in self.official)
        first, last = self.tasks // 4, self.tasks
        between = f"memory (RSS) between {first:,} and {last:,} tasks"
        return [
            (
                f"{self.tasks:,} delayed tasks, dispatch_many and one creation after another",
                f"{plain:.0f}/s",
                f"{self.batch.rate:.0f}/s",
                f"{self.batch.rate / plain:.1f}",
                "≥ 3",
            ),
            (
                "… processor time of the client for one",
                self.official[0].milliseconds(self.official[0].client_seconds),
                self.batch.milliseconds(self.batch.client_seconds),
                "—",
                "",
            ),
            (
                "… processor time of the API server and etcd for one",
                self.official[0].milliseconds(self.official[0].plane_seconds),
                self.batch.milliseconds(self.batch.plane_seconds),
                "—",
                "",
            ),
            (
                "… the most that these cores allow, to a client that costs nothing",
                "—",
                f"{self.batch.bound(self.cores):.0f}/s",
                f"{self.batch.bound(self.cores) / plain:.1f}",
                "",
            ),
            _row("… under keys of their own", f"{self.keyed.rate:.0f}/s"),
            _row(f"dispatch_many: {between}, which keeps the results", _megabytes(self.batch.growth)),
            _row(f"dispatch_stream: {between}", _megabytes(self.stream.growth), "flat"),
        ]

    def raw(self) -> dict[str, Any]:
        """Give everything that was seen, for the file of raw data."""
        return asdict(self)


def _row(what: str, ours: str, target: str = "") -> Row:
    return (what, "—", ours, "—", target)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:+.1f} MB"
