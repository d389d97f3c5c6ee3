from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.simulators.network.peers import Bench, bench


@pytest.fixture
async def stand() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made
