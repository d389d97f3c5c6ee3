"""The contract suite takes each engine in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateways.topics.contracts import Topics
from tests.gateways.topics.engines import ENGINES, Engine
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.server)])
async def engine(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[Engine]:
    async with ENGINES[request.param](clock) as engine:
        yield engine


@pytest.fixture
def topics(engine: Engine) -> Topics:
    return engine.topics
