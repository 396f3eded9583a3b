"""The only code that talks to the API server. Every write is conditional; every request has a time limit."""

from __future__ import annotations

from evertask_operator.cluster.reads import Listing, Reads
from evertask_operator.cluster.writes import Refusal, Verdict, Writes

__all__ = ["Listing", "Reads", "Refusal", "Verdict", "Writes"]
