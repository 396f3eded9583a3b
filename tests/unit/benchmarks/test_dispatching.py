"""The table of the measurement of dispatching: rates, their ratio, and what memory grew by."""

from __future__ import annotations

from benchmarks.dispatching.measured import Flow, Measured

MEGABYTE = 1_000_000


def measured() -> Measured:
    return Measured(
        tasks=2000,
        cores=2,
        batch=Flow(2000, 4.0, {500: 60 * MEGABYTE, 1000: 61 * MEGABYTE, 2000: 62 * MEGABYTE}, 1.0, 5.0),
        stream=Flow(2000, 4.0, {500: 60 * MEGABYTE, 2000: 59 * MEGABYTE}),
        keyed=Flow(1000, 4.0),
        official=[Flow(1000, 4.0, {}, 0.7, 2.9), Flow(1000, 6.0)],
    )


def test_the_rates_before_and_after_are_one():
    what, plain, ours, ratio, _ = measured().rows()[0]
    assert (what.partition(",")[0], plain, ours, ratio) == ("2", "200/s", "500/s", "2.5")


def test_growth_is_from_the_first_quarter_to_the_last():
    assert [row[2] for row in measured().rows()[4:]] == ["250/s", "+2.0 MB", "-1.0 MB"]


def test_the_processors_time_is_told_for_one_object_and_what_it_allows_at_most():
    client, plane, most = (row[1:4] for row in measured().rows()[1:4])
    assert client == ("0.70 ms", "0.50 ms", "—")
    assert plane == ("2.90 ms", "2.50 ms", "—")
    assert most == ("—", "800/s", "4.0")


def test_the_raw_data_has_everything_that_was_seen():
    assert measured().raw()["official"][1] == {
        "objects": 1000,
        "seconds": 6.0,
        "rss_bytes": {},
        "client_seconds": 0,
        "plane_seconds": 0,
    }
