from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.browser import chromium, seen, stage
from tests.web.world import World, running

__all__ = ["chromium", "seen", "stage", "world"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running() as running_world:
        yield running_world
