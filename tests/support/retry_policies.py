"""Retry policies of every kind, for property tests."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from evertask import ExitRetry, Retry


def spans(hours: int) -> st.SearchStrategy[timedelta]:
    """Give durations up to so many hours."""
    return st.timedeltas(timedelta(0), timedelta(hours=hours))


names = st.one_of(
    st.sampled_from([OSError, KeyError, "httpx.TransportError", "ConnectionError"]),
    st.lists(st.sampled_from(["shop", "errors", "_Sold", "E2"]), min_size=1, max_size=4).map(".".join),
)
exits = st.builds(ExitRetry, st.sampled_from(["Retry", "Fail"]), st.lists(st.integers(1, 255), max_size=4))
filters = st.one_of(
    st.fixed_dictionaries({}, optional={"only_for": st.lists(names, max_size=5)}),
    st.fixed_dictionaries({}, optional={"not_for": st.lists(names, max_size=5)}),
)
counted = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(0, 1000),
        "delay": spans(720),
        "backoff": st.sampled_from(["Fixed", "Exponential"]),
        "max_delay": spans(720),
    },
)
listed = st.fixed_dictionaries({"delays": st.lists(spans(720), max_size=5)})
others = st.fixed_dictionaries({}, optional={"jitter": spans(1), "on_exit": st.none() | exits})
policies = st.builds(
    lambda timing, filter_, other: Retry(**timing, **filter_, **other), counted | listed, filters, others
)
