"""What the Date of an answer tells about this machine's clock."""

from __future__ import annotations

import pytest

from evertask_runner.clocks import least_skew, parse_http_date, rfc3339, skew_warning

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
SERVER = 784111777.0


def test_a_date_header_is_read():
    assert parse_http_date(DATE) == SERVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sun, 06 Nov 1994",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        DATE[:-3] + "CET",
    ],
)
def test_what_is_no_date_tells_nothing(text):
    assert parse_http_date(text) is None
    assert least_skew(text, SERVER + 100, SERVER + 100) == 0


@pytest.mark.parametrize(
    ("sent", "received"),
    [(0.0, 0.0), (0.999, 0.999), (-20.0, 0.5), (0.5, 20.0), (-5.0, 5.0)],
    ids=["start-of-the-second", "end-of-the-second", "long-before", "answered-late", "around"],
)
def test_clocks_that_may_agree_raise_no_alarm(sent, received):
    assert least_skew(DATE, SERVER + sent, SERVER + received) == 0


@pytest.mark.parametrize(
    ("sent", "received", "skew"),
    [(5.0, 5.1, 4.0), (60.0, 70.0, 59.0), (-5.1, -5.0, -5.0), (-70.0, -60.0, -60.0)],
)
def test_the_least_possible_skew_is_told(sent, received, skew):
    assert least_skew(DATE, SERVER + sent, SERVER + received) == pytest.approx(skew)


@pytest.mark.parametrize("skew", [0.0, 1.0, -1.0])
def test_a_second_is_tolerated(skew):
    assert skew_warning(skew) is None


@pytest.mark.parametrize(
    ("skew", "text"), [(4.26, "4.3 s or more ahead of"), (-61.0, "61.0 s or more behind")]
)
def test_more_is_said_with_its_direction(skew, text):
    assert text in (skew_warning(skew) or "")


@pytest.mark.parametrize(
    "text", ["2027-01-15T08:00:00Z", "2027-01-15T08:00:00.123456Z", "2027-01-15T08:00:00.25Z"]
)
def test_a_unix_time_keeps_its_microseconds(text):
    from evertask.api.times import parse_time

    assert rfc3339(parse_time(text).timestamp()) == text
