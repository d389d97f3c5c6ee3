"""Our room for the bench `fanout`: all that a viewer's socket passes in the daemon, in one process, with the doors
open: who comes is who the token says, and nothing is kept for a restart.

Its messages come by the log: what a viewer of another process was granted, and what this one delivers.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, cast

from aiohttp import web

from bench._fanout_host import ROOM
from daemon.clock import SystemClock
from daemon.supervisor import Supervisor
from domain.ports import NullMetrics
from gateways.leases.memory import MemoryLeases
from gateways.topics.memory import MemoryTopics
from rooms.commands import read
from rooms.delivery.budget import Budget
from rooms.delivery.hub import Hub
from rooms.delivery.pump import Pump
from rooms.entries import Draft
from rooms.fleet.clock import OwnTime
from rooms.fleet.ports import Admission, Person
from rooms.fleet.replica import Replica
from rooms.fleet.views import RoomView, keyed
from rooms.people import Member, Role
from rooms.settings import Settings
from rooms.state import Room
from rooms.step import step
from rooms.talk.conversation import Desk
from rooms.talk.limits import Gates, Limit
from rooms.talk.resume import ResumeKeys
from rooms.talk.rooms_here import RoomHere, RoomsHere
from web.auth_sessions import Sessions
from web.keys import PEER
from web.party_lines import PartyLine
from web.party_socket import PartySocket, SocketLimits
from web.peers import peer_of

FILM_SECONDS = 7200.0


class Open:
    """Implements `rooms.fleet.ports.Doors`: everybody is who the token says, and may come in."""

    async def identify(
        self, *, token: str = "", ticket: str = "", invite: str = "", room_id: str = ""
    ) -> Person:
        return Person(f"bench:{token}", token)

    async def may_create(self, person: Person, *, settings: Settings, channel: str) -> None:
        return

    async def opened(self, room: Room, person: Person, channel: str) -> None:
        return

    async def may_join(
        self, person: Person, room: Room, *, password: str, invite: str, address: str, members: int
    ) -> Admission:
        return Admission(Role.MEMBER)

    async def invite(self, room: Room, *, role: Role, uses: int, seconds: int, by: str) -> tuple[str, int]:
        raise NotImplementedError

    async def hash_password(self, password: str) -> str:
        raise NotImplementedError

    async def find(self, room_id: str) -> bool:
        return True


class Nothing:
    """Implements `rooms.fleet.ports.Keep`."""

    async def load(self, room_id: str) -> Mapping[str, Any] | None:
        return None

    async def kept(self, view: RoomView) -> None:
        return


class NoSessions:
    """Nobody comes from a page."""

    async def read(self, request: web.Request) -> None:
        return None


@web.middleware
async def _peers(request: web.Request, handler: Any) -> web.StreamResponse:
    request[PEER] = peer_of(request, ())
    answer: web.StreamResponse = await handler(request)
    return answer


class PartyHouse:
    """One room, opened, with a film; nobody in it yet. `lines`: the sockets, as the room writes to them."""

    def __init__(self, wishes: Mapping[str, Any]) -> None:
        clock, metrics = SystemClock(), NullMetrics()
        self._clock = clock
        self._tasks = Supervisor(clock=clock, metrics=metrics)
        self._topics = MemoryTopics(clock=clock)
        self._budget = Budget(clock=clock, metrics=metrics)
        self._pump = Pump(budget=self._budget, clock=clock, metrics=metrics)
        self._rooms = RoomsHere(
            topics=self._topics, clock=clock, time=OwnTime(clock=clock, name="k1"), tasks=self._tasks,
            metrics=metrics, process="p1", keep=Nothing(), doors=Open(), hub=self._hub,
        )  # fmt: skip
        many = Limit(1e6, 1_000_000)
        desk = Desk(
            rooms=self._rooms, doors=Open(), keep=Nothing(), leases=MemoryLeases(clock=clock),
            keys=ResumeKeys([b"k" * 32]), gates=Gates({"join": many}), budget=self._budget, clock=clock,
            tasks=self._tasks, metrics=metrics, invite_url=lambda room_id, token: "",
        )  # fmt: skip
        self._socket = PartySocket(
            desk=desk, sessions=cast(Sessions, NoSessions()), own_origin="", metrics=metrics, random=Random(1),
            limits=SocketLimits(),
        )  # fmt: skip

    def _hub(self, replica: Replica) -> Hub:
        return Hub(
            replica, topics=self._topics, clock=self._clock, tasks=self._tasks, metrics=NullMetrics(),
            process="p1",
        )  # fmt: skip

    async def start(self, *, backlog: int) -> int:
        """Serve; the port."""
        for name, work in (
            ("pump", self._pump.run),
            ("rooms", self._rooms.run),
            ("socket", self._socket.run),
        ):
            self._tasks.gateway(name, work)
        self._here = await self._rooms.room(ROOM, create=True)
        self._opener = Member("m-opener", "Opener", "bench:opener", Role.MEMBER, self._rooms.time.now(), "p1")
        await self._here.table.open(self._opener, Settings(control=Role.MEMBER))
        item = {"url": "https://films.example/a.mp4", "duration": FILM_SECONDS}
        await self._here.table.ask(self._opener, read("party:media", {"item": item}, id="film"))
        app = web.Application(middlewares=[_peers])
        app.router.add_get("/ws/connect", self._socket.connect)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=backlog)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self._socket.drain(1.0)
        await self._rooms.close()
        await self._runner.cleanup()
        await self._tasks.stop(5.0)

    @property
    def here(self) -> RoomHere:
        return self._here

    @property
    def viewers(self) -> int:
        return len(self._here.hub.viewers)

    @property
    def lines(self) -> list[PartyLine]:
        return [cast(PartyLine, one.line) for one in self._here.hub.viewers.values()]

    async def film(self, number: int) -> None:
        """The host goes elsewhere in the film: written to everybody at once. Returns when that is done."""
        await self._say("party:seek", {"currentTime": float(number % 7000)}, number)
        while self._here.hub._broadcast.is_busy:
            await self._clock.sleep(0)

    async def chat(self, number: int) -> None:
        """Somebody says something; it goes out with the next tick."""
        await self._say("party:chat", {"message": f"message number {number}"}, number)

    async def _say(self, type: str, data: dict[str, Any], number: int) -> None:
        """Into the log, as another process would write it."""
        moment = self._here.replica.moment()
        made = step(moment, self._opener, read(type, data, id=f"{type}-{moment.now}-{number}"))
        for draft in made:
            await self._append(draft)

    async def _append(self, draft: Draft) -> None:
        await self._topics.append(self._here.replica.view.topic, keyed(draft), key=draft.key)
