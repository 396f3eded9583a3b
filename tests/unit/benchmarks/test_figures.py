"""A spread is made of values that were measured; tables are Markdown."""

from __future__ import annotations

import json

import pytest

from benchmarks import figures


def test_a_spread_is_made_of_the_values_themselves():
    assert figures.spread(range(1, 201)) == (200, 1, 100, 190, 198, 200)


def test_the_order_of_values_does_not_matter():
    assert figures.spread([3.0, 1.0, 2.0]) == figures.spread([1.0, 2.0, 3.0])


def test_a_single_value_is_every_figure():
    assert figures.spread([0.5]) == (1, 0.5, 0.5, 0.5, 0.5, 0.5)


def test_no_values_have_no_spread():
    with pytest.raises(ValueError, match="nothing was measured"):
        figures.spread([])


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.0002, "0.2"), (-0.0013, "-1.3"), (0.00996, "10.0"), (0.5853, "585")]
)
def test_small_times_are_written_to_a_tenth_of_a_millisecond(seconds, written):
    assert figures.milliseconds(seconds) == written


def test_a_table_is_markdown():
    assert figures.table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_raw_data_is_kept_in_the_machines_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EVERTASK_CLUSTER_HOME", str(tmp_path))
    path = figures.keep("lateness", [1, 2])
    assert path.is_relative_to(tmp_path)
    assert json.loads(path.read_text())["data"] == [1, 2]
