"""A process with rooms as its viewers meet it, without a socket: lines in memory, doors that let in whoever says a
name. On the ring, and on a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import Supervisor
from domain.errors import Denied, Unavailable
from gateways.leases.memory import MemoryLeases
from gateways.topics.memory import MemoryTopics
from rooms.delivery.budget import Budget
from rooms.delivery.hub import Hub
from rooms.fleet.clock import OwnTime
from rooms.fleet.ports import Admission, Doors, Keep, Person
from rooms.fleet.views import RoomView
from rooms.people import Role, guest_of
from rooms.settings import Settings
from rooms.state import Room
from rooms.talk.connection import Connection
from rooms.talk.conversation import Desk
from rooms.talk.limits import Gates, Limit
from rooms.talk.resume import ResumeKeys
from rooms.talk.rooms_here import RoomsHere
from tests.support.clock import ManualClock

LIMIT_SECONDS = 20.0
KEY = b"k" * 32
Data = dict[str, Any]


class OpenDoors:
    """Implements `Doors`. A token is a name; "bad" is none. The password of a room is kept as it is."""

    def __init__(self) -> None:
        self.rooms: set[str] = set()
        self.used_tickets: set[str] = set()
        self.invites: dict[str, Role] = {}
        self.broken: Exception | None = None
        self.guests = 0

    async def identify(
        self, *, token: str = "", ticket: str = "", invite: str = "", room_id: str = ""
    ) -> Person:
        if self.broken is not None:
            raise self.broken
        if ticket and ticket in self.used_tickets:
            raise Denied("That is used.", code="party.unauthorized")
        self.used_tickets.add(ticket)
        name = token or ticket
        if name == "bad" or (invite and invite not in self.invites):
            raise Denied("That opens nothing.", code="party.unauthorized", advice="Sign in.")
        if invite:
            self.guests += 1
            return Person(guest_of(invite, str(self.guests)), "Guest", Role.GUEST, invite=invite)
        return Person(f"twitch:{name}", name.title())

    async def may_create(self, person: Person, *, settings: Settings, channel: str) -> None:
        if person.role < Role.MEMBER:
            raise Denied("A guest opens no room.", code="party.forbidden", advice="Sign in.")

    async def opened(self, room: Room, person: Person, channel: str) -> None:
        self.rooms.add(room.id)

    async def may_join(
        self, person: Person, room: Room, *, password: str, invite: str, address: str, members: int
    ) -> Admission:
        if self.broken is not None:
            raise self.broken
        if members >= room.settings.most_members:
            raise Denied("Full.", code="party.room_full")
        if room.settings.password and room.settings.password != f"hash:{password}":
            raise Denied("The password is wrong.", code="party.bad_password")
        return Admission(self.invites.get(invite, person.role), person.is_vip)

    async def invite(self, room: Room, *, role: Role, uses: int, seconds: int, by: str) -> tuple[str, int]:
        token = f"invite-{len(self.invites)}"
        self.invites[token] = role
        return token, 1_000 + seconds

    async def hash_password(self, password: str) -> str:
        return f"hash:{password}"

    async def find(self, room_id: str) -> bool:
        return room_id in self.rooms


class Shelf:
    """Implements `Keep`, in memory. `held` back: what is to be kept waits for it."""

    def __init__(self) -> None:
        self.bodies: dict[str, Mapping[str, Any]] = {}
        self.is_away = False

    async def load(self, room_id: str) -> Mapping[str, Any] | None:
        return self.bodies.get(room_id)

    async def kept(self, view: RoomView) -> None:
        if self.is_away:
            raise Unavailable("The disk is full.", code="storage.full")
        self.bodies[view.room.id] = json.loads(json.dumps(view.body()))


@dataclass
class WireInMemory:
    """Implements `rooms.delivery.line.Line`. `heard`: the messages, as a client reads them."""

    heard: list[Data] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    unsent: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, frames: bytes) -> None:
        if self.closed is not None:
            return
        while frames:
            size, head = frames[1], 2
            if size == 126:
                size, head = int.from_bytes(frames[2:4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(frames[2:10], "big"), 10
            self.heard.append(json.loads(frames[head : head + size]))
            frames = frames[head + size :]
        self.news.set()

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)
        self.news.set()


class Client:
    """Somebody at a socket."""

    def __init__(self, house: PartyHouse, connection: Connection, wire: WireInMemory) -> None:
        self.house, self.connection, self.wire = house, connection, wire
        self._read = 0
        self._ids = 0

    def send(self, type: str, data: Any = None, *, id: str | None = None, **more: Any) -> str:
        """Say something without waiting. Returns its id."""
        self._ids += 1
        name = f"c-{self._ids}" if id is None else id
        message = {"type": type, **({"id": name} if name else {}), "data": more if data is None else data}
        self.raw(json.dumps(message))
        return name

    def raw(self, text: str) -> None:
        self.connection.receive(text, received_us=self.house.time.now())

    async def until(self, found: Callable[[Data], bool]) -> Data:
        """The first message from where we read last that is so."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                self.wire.news.clear()
                while self._read < len(self.wire.heard):
                    self._read += 1
                    one = self.wire.heard[self._read - 1]
                    if found(one):
                        return one
                assert self.wire.closed is None, f"closed: {self.wire.closed}, {self.wire.heard[-2:]}"
                await self.house.go_on(self.wire.news)

    async def ask(self, type: str, data: Any = None, *, id: str | None = None, **more: Any) -> Data:
        """Say something and return the answer."""
        sent = self.send(type, data, id=id, **more)
        return await self.until(lambda one: one.get("re") == sent)

    async def told(self, type: str) -> Data:
        """The next message of a type."""
        return await self.until(lambda one: one["type"] == type)

    async def refused(self, type: str, **data: Any) -> str:
        """The code with which something is refused."""
        answer = await self.ask(type, data)
        assert answer["type"] == "party:error", answer
        return str(answer["data"]["code"])

    async def ended(self) -> tuple[int, str]:
        """The code with which the connection is closed."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while self.wire.closed is None:
                self.wire.news.clear()
                await self.house.go_on(self.wire.news)
        return self.wire.closed

    def lose(self) -> None:
        self.connection.lost()

    def types(self) -> list[str]:
        return [one["type"] for one in self.wire.heard]


class PartyHouse:
    """One process. Another one of the same fleet shares the topics, the leases and the clock."""

    def __init__(
        self, *, name: str = "p1", sibling: PartyHouse | None = None, gates: Gates | None = None
    ) -> None:
        self.clock = sibling.clock if sibling else ManualClock()
        self.topics = sibling.topics if sibling else MemoryTopics(clock=self.clock)
        self.leases = sibling.leases if sibling else MemoryLeases(clock=self.clock)
        self.doors = sibling.doors if sibling else OpenDoors()
        self.keep = sibling.keep if sibling else Shelf()
        self.time = sibling.time if sibling else OwnTime(clock=self.clock, name="k1")
        self.metrics = PrometheusMetrics()
        self.tasks = Supervisor(clock=self.clock, metrics=self.metrics, random=Random(1))
        self.budget = Budget(clock=self.clock, metrics=self.metrics)
        self.rooms = RoomsHere(
            topics=self.topics, clock=self.clock, time=self.time, tasks=self.tasks, metrics=self.metrics,
            process=name, keep=self.keep, doors=self.doors,
            hub=lambda replica: Hub(
                replica, topics=self.topics, clock=self.clock, tasks=self.tasks, metrics=self.metrics, process=name,
            ),
        )  # fmt: skip
        self.desk = Desk(
            rooms=self.rooms, doors=self.doors, keep=self.keep, leases=self.leases, keys=ResumeKeys([KEY]),
            gates=Gates({"create": Limit(100, 100)}) if gates is None else gates,
            budget=self.budget, clock=self.clock, tasks=self.tasks, metrics=self.metrics,
            invite_url=lambda room, token: f"https://x.example/party/{room}?invite={token}",
        )  # fmt: skip

    def connect(self, token: str = "", *, address: str = "192.0.2.1", lives: float = 3000.0) -> Client:
        """A new socket. With a `token`, as in the address."""
        wire = WireInMemory()
        now = self.clock.monotonic()
        connection = Connection(
            line=wire, address=address, desk=self.desk, opened_at=now, ends_at=now + lives
        )
        if token:
            connection.identify(token=token)
        return Client(self, connection, wire)

    async def room(self, host: str = "ann", **settings: Any) -> tuple[Client, str]:
        """A room, and its host."""
        client = self.connect(host)
        welcome = await client.ask("party:create", {"userName": host.title(), "settings": settings})
        assert welcome["type"] == "party:create", welcome
        return client, welcome["data"]["roomId"]

    async def join(self, name: str, room_id: str, **data: Any) -> Client:
        client = self.connect(name)
        welcome = await client.ask("party:join", {"roomId": room_id, **data})
        assert welcome["type"] == "party:join", welcome
        return client

    async def go_on(self, event: asyncio.Event) -> None:
        """Let everything run; if nothing comes of it, a little time passes."""
        for _ in range(20):
            if event.is_set():
                return
            await asyncio.sleep(0)
        await self.clock.advance(0.02)

    async def close(self) -> None:
        await self.rooms.close()
        await self.tasks.stop(5.0)


@asynccontextmanager
async def open_party(**more: Any) -> AsyncIterator[PartyHouse]:
    house = PartyHouse(**more)
    try:
        yield house
    finally:
        await house.close()


_doors: type[Doors] = OpenDoors
_keep: type[Keep] = Shelf
