from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.web.watch.hall import Hall, standing


@pytest_asyncio.fixture(loop_scope="module")
async def hall() -> AsyncIterator[Hall]:
    async with standing() as hall:
        yield hall
