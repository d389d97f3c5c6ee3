"""The engines of leases under test: the same leases as several processes see them, time to pass, and a loss of data."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from gateways.leases.contracts import Leases
from gateways.leases.memory import MemoryLeases
from gateways.leases.redis import RedisLeases
from gateways.redis.link import RedisLink
from tests.gateways.redis.aging import age
from tests.servers.redis import RedisServer, start_redis
from tests.support.clock import ManualClock


class Engine(Protocol):
    """One set of leases. The clock is that of every process."""

    clock: ManualClock

    def of(self, owner: str) -> Leases:
        """As the process `owner` sees them."""
        ...

    async def pass_time(self, seconds: float) -> None: ...

    async def lose_data(self) -> None: ...


class MemoryEngine:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self._leases = MemoryLeases(clock=self.clock)

    def of(self, owner: str) -> Leases:
        return self._leases

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def lose_data(self) -> None:
        await self.clock.advance(0.1)  # a restart takes a while
        self._leases = MemoryLeases(clock=self.clock)


class RedisEngine:
    """`prefix`: a set of leases of its own on the same server."""

    def __init__(self, server: RedisServer) -> None:
        self.clock = ManualClock()
        self._server = server
        self._prefix = secrets.token_hex(4)
        self._links = [RedisLink(server.url, prefix=self._prefix)]
        self._leases: dict[str, Leases] = {}

    def of(self, owner: str) -> Leases:
        if owner not in self._leases:
            self._links.append(RedisLink(self._server.url, prefix=self._prefix, connections=2))
            self._leases[owner] = RedisLeases(link=self._links[-1], clock=self.clock)
        return self._leases[owner]

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await age(self._links[0], seconds)

    async def lose_data(self) -> None:
        await self._links[0].command("FLUSHALL")

    async def close(self) -> None:
        for link in self._links:
            await link.close()


@asynccontextmanager
async def memory() -> AsyncIterator[Callable[[], Engine]]:
    yield MemoryEngine


@asynccontextmanager
async def redis() -> AsyncIterator[Callable[[], Engine]]:
    """Many sets of leases on one server."""
    made: list[RedisEngine] = []

    def make() -> Engine:
        made.append(RedisEngine(server))
        return made[-1]

    async with start_redis() as server:
        try:
            yield make
        finally:
            for engine in made:
                await engine.close()


ENGINES: dict[str, Callable[[], AbstractAsyncContextManager[Callable[[], Engine]]]] = {
    "memory": memory,
    "redis": redis,
}
