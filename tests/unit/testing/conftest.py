"""A dispatcher in memory, on a morning of March."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from evertask.testing import InMemoryDispatcher
from tests.unit.testing import bakery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def dispatcher() -> AsyncIterator[InMemoryDispatcher]:
    async with InMemoryDispatcher(now=NOON) as made:
        yield made


@pytest.fixture(autouse=True)
def calls() -> list[str]:
    bakery.calls.clear()
    return bakery.calls
