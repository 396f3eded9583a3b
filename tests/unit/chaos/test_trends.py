"""The soak's slopes: what grows has one, what wavers has none."""

from __future__ import annotations

import pytest

from benchmarks.soak.trends import HOUR, Sample, after_warm_up, per_hour, rows, slope


def samples(*rss: float) -> list[Sample]:
    """One each minute."""
    return [Sample(60.0 * n, value, 20, 9, 50, 3, 3, 10 * n) for n, value in enumerate(rss)]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0, 5), (1, 5), (2, 5)], 0.0),
        ([(0, 1), (1, 3), (2, 5)], 2.0),
        ([(0, 0), (1, 3), (2, 0), (3, 3), (4, 0)], 0.0),
        ([(0, 0), (1, 0), (2, 3)], 1.5),
    ],
    ids=["level", "a-line", "wavering", "fitted"],
)
def test_the_slope_is_that_of_the_least_squares_line(points, expected):
    assert slope(points) == pytest.approx(expected)


@pytest.mark.parametrize("points", [[], [(1, 2)], [(1, 2), (1, 3)]], ids=["none", "one", "one-moment"])
def test_one_moment_has_no_slope(points):
    with pytest.raises(ValueError, match="measure for longer"):
        slope(points)


def test_what_grows_by_a_megabyte_a_minute_grows_by_sixty_an_hour():
    assert per_hour(samples(1e6, 2e6, 3e6), "rss") == pytest.approx(60e6)


def test_the_warm_up_is_left_out():
    kept = after_warm_up(samples(*range(11)))
    assert [sample.time for sample in kept] == [60.0 * n for n in range(2, 11)]


def test_the_table_names_each_figure_with_its_slope():
    taken = samples(9e9, *(1e8 + 1e6 * n for n in range(10)))
    found = rows(taken, taken[-1], series=10)
    assert found[0] == ("operator: memory (RSS)", "101.0 MB", "109.0 MB", "+60.00 MB/h", "≤ 3 MB/h")
    assert found[-2][2] == "80"
    assert found[-1][2] == "50 tasks, 3 Jobs, 3 pods"
    assert HOUR == 3600
