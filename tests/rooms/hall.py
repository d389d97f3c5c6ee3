"""A house with a hub at each seat, and viewers on lines in memory. On the ring; the test moves the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from rooms.delivery.budget import Budget
from rooms.delivery.hub import Hub
from rooms.delivery.pump import Pump
from rooms.delivery.viewer import Viewer
from rooms.people import Member, Role
from rooms.settings import Settings, changed
from tests.rooms.house import House, Seat, open_house
from tests.rooms.lines import MemoryLine


@dataclass
class Client:
    """A viewer as the other side sees it."""

    hall: Hall
    seat: Seat
    member: Member
    line: MemoryLine
    viewer: Viewer

    @property
    def id(self) -> str:
        return self.member.id

    async def ask(self, type: str, **data: Any) -> None:
        await self.seat.ask(self.member, type, **data)

    async def say(self, text: str) -> None:
        await self.ask("party:chat", message=text)

    def chain(self) -> list[int]:
        """The places of what had to be kept, since the last welcome; a hole is an assertion that fails."""
        return chain(self.line.messages())

    def said(self) -> list[str]:
        return [one["message"] for one in self.line.of("party:chat")]


WELCOMES = ("party:create", "party:join", "party:resume", "party:sync")


def chain(messages: list[dict[str, Any]]) -> list[int]:
    """What a client does to know that it missed nothing."""
    kept: int | None = None
    found: list[int] = []
    for one in messages:
        if one["type"] in WELCOMES:
            kept, found = one["data"]["kept"], []
        elif "after" in one:
            assert one["after"] == kept, (one, kept)
            kept = one["seq"]
            found.append(one["seq"])
        elif one["type"] == "party:ping":
            assert one["data"]["kept"] == kept, (one, kept)
    return found


class Hall:
    """`budget` and `pump` are one for all seats, as if they were one process."""

    def __init__(self, house: House) -> None:
        self.house, self.clock = house, house.clock
        self.metrics = PrometheusMetrics()
        self.tasks = Supervisor(clock=self.clock, metrics=self.metrics, random=Random(1))
        self.budget = Budget(clock=self.clock, metrics=self.metrics)
        self.pump = Pump(budget=self.budget, clock=self.clock, metrics=self.metrics)
        self.hubs: dict[str, Hub] = {}
        self._running: list[asyncio.Task[None]] = [asyncio.ensure_future(self.pump.run())]

    async def seat(self, name: str) -> Seat:
        seat = await self.house.seat(name)
        hub = Hub(
            seat.replica, topics=seat.topics, clock=self.clock, tasks=self.tasks, metrics=self.metrics, process=name
        )  # fmt: skip
        self.hubs[name] = hub
        self._running.append(asyncio.ensure_future(hub.run()))
        return seat

    async def open(self, *names: str, **settings: Any) -> list[Client]:
        """A client of ann, the host, at the first of so many processes, and one more at each other."""
        seats = [await self.seat(name) for name in names]
        ann = self.house.member("ann", Role.MEMBER, seats[0])
        await seats[0].table.open(ann, changed(Settings(), settings))
        await self.house.until(lambda: all(one.replica.room.opened_at for one in seats))
        clients = [self.enter(seats[0], ann, type="party:create")]
        for place, seat in enumerate(seats[1:]):
            clients.append(await self.join(seat, f"guest{place}"))
        await self.quiet()
        return clients

    async def join(self, seat: Seat, name: str, role: Role = Role.MEMBER, **line: Any) -> Client:
        member = await seat.join(name, role)
        return self.enter(seat, member, **line)

    def enter(self, seat: Seat, member: Member, *, type: str = "party:join", kernel: int = 0) -> Client:
        hub, line = self.hubs[seat.name], MemoryLine(kernel=kernel)
        viewer = Viewer(
            line,
            member=member,
            budget=self.budget,
            sync=lambda why: hub.welcome(member, type="party:sync", why=why),
        )
        hub.enter(viewer, reply=hub.welcome(member, type=type, re="c-1", resume_token="r1.x", lives=9))
        return Client(self, seat, member, line, viewer)

    def crowd(self, seat: Seat, count: int) -> list[Client]:
        """So many who were let in, without a place in the roster: what the hub does for them is the same."""
        members = [self.house.member(f"x{place}", Role.MEMBER, seat) for place in range(count)]
        return [self.enter(seat, member) for member in members]

    async def quiet(self) -> None:
        """What was put off until now has been told."""
        await self.clock.advance(0.5)

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.tasks.stop(1.0)


@asynccontextmanager
async def open_hall(*, base_every: int = 200) -> AsyncIterator[Hall]:
    async with open_house("ring", base_every=base_every) as house:
        hall = Hall(house)
        try:
            yield hall
        finally:
            await hall.close()
