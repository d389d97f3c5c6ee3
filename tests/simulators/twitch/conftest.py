from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.simulators.twitch.playground import Playground, playground


@pytest.fixture
async def play() -> AsyncIterator[Playground]:
    async with playground() as opened:
        yield opened
