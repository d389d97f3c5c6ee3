from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.world import World, running


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running() as running_world:
        yield running_world
