"""What the chart's tests share: one rendering per set of options."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import chart

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


@functools.cache
def _rendered(options: tuple[str, ...]) -> list[Json]:
    return chart.render(*options)


@pytest.fixture(scope="session")
def rendered() -> Callable[..., list[Json]]:
    """Render the chart with options; without options the defaults. The documents are shared: do not change them."""
    return lambda *options: _rendered(options)
