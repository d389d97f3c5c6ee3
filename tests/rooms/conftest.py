"""A house on each engine in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.rooms.house import House, open_house


@pytest.fixture(params=["ring", pytest.param("redis", marks=pytest.mark.server)])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    async with open_house(request.param, base_every=20) as house:
        yield house
