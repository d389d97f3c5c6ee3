"""Several processes, as far as a room can tell, that serve the same rooms: each with its own replica, and on Redis with
its own connections. One of them may be killed without a goodbye.

On the ring they share the topics of the one process that there is, and a clock that the test moves. On Redis the time
of rooms is moved by the test too, all other waits are real."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from daemon.clock import SystemClock
from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from gateways.redis.link import RedisLink
from gateways.topics.contracts import Entry, Position, Topics
from gateways.topics.memory import MemoryTopics
from gateways.topics.redis import RedisTopics
from rooms import snapshot
from rooms.commands import read
from rooms.fleet.clock import OwnTime
from rooms.fleet.decide import Table
from rooms.fleet.replica import Replica
from rooms.people import Member, Role
from rooms.settings import Settings, changed
from tests.servers.redis import RedisServer, start_redis
from tests.support.clock import ManualClock

LIMIT_SECONDS = 30.0
FILM = {"url": "https://films.example/a.mp4", "duration": 600.0}


class BriskClock(SystemClock):
    """Implements `Clock`: whoever takes a nap until something is due soon looks whether the test has moved the time."""

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        return await super().wait(event, min(seconds, 0.1))


@dataclass
class Seat:
    """A process with one room. `heard`: what its listeners were told, `None` for a reset."""

    house: House
    name: str
    topics: Topics
    replica: Replica
    table: Table
    heard: list[Entry | None] = field(default_factory=list)
    heard_people: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    end: AsyncExitStack = field(default_factory=AsyncExitStack)
    _ids: int = 0

    def counted(self, entry: Entry) -> None:
        self.heard.append(entry)

    def people(self, entry: Entry) -> None:
        self.heard_people.append(entry.kind)

    def reset(self) -> None:
        self.heard.append(None)

    async def join(self, name: str, role: Role = Role.MEMBER) -> Member:
        member = self.house.member(name, role, self)
        await self.table.join(member)
        return member

    async def ask(self, member: Member, type: str, *, id: str = "", **data: Any) -> list[Position]:
        self._ids += 1
        command = read(type, data, id=id or f"{self.name}-{self._ids}")
        await self.house.clock.advance(0.001)  # time moves on between two commands
        return list(await self.table.ask(member, command))

    def follow(self) -> None:
        """Begin, or begin again, to take part."""
        for work in (self.replica.run(), self.table.run()):
            self.tasks.append(asyncio.ensure_future(work))

    async def stall(self) -> None:
        """As if the process were stopped."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()

    async def kill(self) -> None:
        """No goodbye: nothing that it could still say is said."""
        await self.stall()
        self.house.seats.remove(self)
        await self.end.aclose()

    def body(self) -> dict[str, Any]:
        return snapshot.body_of(self.replica.room, now=0, wall_ms=0)

    @property
    def said(self) -> list[str]:
        """The chat as it stands."""
        return [one.text for one in self.replica.room.chat]


class House:
    """`clock` moves the time of rooms. `server` is the Redis, if there is one."""

    def __init__(self, server: RedisServer | None, *, base_every: int) -> None:
        self.server, self._base_every = server, base_every
        self.clock = ManualClock()
        self.time = OwnTime(clock=self.clock, name="k1")
        self.seats: list[Seat] = []
        self._ring = MemoryTopics(clock=self.clock)

    async def seat(self, name: str, room: str = "r") -> Seat:
        """One more process."""
        end = AsyncExitStack()
        topics = self._ring if self.server is None else await end.enter_async_context(_open(self.server))
        clock = self.clock if self.server is None else BriskClock()
        replica = Replica(room, topics=topics, clock=clock, time=self.time, base_every=self._base_every)
        table = Table(replica, topics=topics, clock=clock, process=name)
        seat = Seat(self, name, topics, replica, table, end=end)
        replica.listeners.append(seat)
        seat.follow()
        self.seats.append(seat)
        return seat

    def member(self, name: str, role: Role, seat: Seat) -> Member:
        return Member(name, name.title(), f"twitch:{name}", role, self.time.now(), seat.name)

    async def open(
        self, *names: str, settings: Settings | None = None, **wanted: Any
    ) -> tuple[list[Seat], Member]:
        """So many processes, and a room that `ann` opened at the first one."""
        seats = [await self.seat(name) for name in names]
        ann = self.member("ann", Role.MEMBER, seats[0])
        await seats[0].table.open(ann, changed(settings or Settings(), wanted))
        await self.until(lambda: all(one.replica.room.opened_at for one in seats))
        return seats, ann

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so, looking after every change of any replica."""
        moved = asyncio.Event()
        async with asyncio.timeout(LIMIT_SECONDS):
            while not reached():
                moved.clear()
                for seat in self.seats:
                    seat.replica._waiting.add(moved)
                await moved.wait()
        for seat in self.seats:
            seat.replica._waiting.discard(moved)

    async def agreed(self) -> Seat:
        """Once it is quiet, everybody has the same room and the same people."""

        def same() -> bool:
            first, *others = self.seats
            return all(
                (one.body(), set(one.replica.roster)) == (first.body(), set(first.replica.roster))
                for one in others
            ) and all(one.replica.is_following for one in self.seats)

        await self.until(same)
        return self.seats[0]


def once_and_in_order(seat: Seat) -> None:
    """What a listener was told has neither holes nor doubles but where it was told to begin anew. Void entries are
    holes that nobody is told of, so only the order is looked at."""
    last: Position | None = None
    for one in seat.heard:
        if one is None:
            last = None
            continue
        assert last is None or (one.position.epoch == last.epoch and one.position.seq > last.seq)
        last = one.position
    places = Counter(one.position for one in seat.heard if one is not None)
    assert all(count == 1 for count in places.values())


@asynccontextmanager
async def _open(server: RedisServer) -> AsyncIterator[RedisTopics]:
    clock, metrics, link = SystemClock(), PrometheusMetrics(), RedisLink(server.url)
    tasks = Supervisor(clock=clock, metrics=metrics, random=Random(1))
    topics = RedisTopics(
        link=link, clock=clock, metrics=metrics, tasks=tasks, random=Random(1),
        probe_seconds=0.5, check_seconds=0.2,
    )  # fmt: skip
    try:
        yield topics
    finally:
        await topics.close()
        await link.close()


@asynccontextmanager
async def open_house(engine: str, *, base_every: int = 200) -> AsyncIterator[House]:
    """A house on the `ring` or on `redis`."""
    async with AsyncExitStack() as stack:
        server = None if engine == "ring" else await stack.enter_async_context(start_redis())
        house = House(server, base_every=base_every)
        try:
            yield house
        finally:
            for seat in list(house.seats):
                await seat.kill()
