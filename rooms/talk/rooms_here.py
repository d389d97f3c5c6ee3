"""All rooms of this process. One is followed from when somebody first asks for it until a minute after the last viewer
has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import structlog

from domain.errors import NotFound, Unavailable
from domain.ports import Clock, Metrics, Tasks
from gateways.topics.contracts import Entry, Topics
from rooms.delivery.hub import Hub
from rooms.fleet.clock import RoomTime
from rooms.fleet.decide import Table
from rooms.fleet.follow import RETRY_SECONDS
from rooms.fleet.ports import Doors, Keep
from rooms.fleet.pulse import Pulse
from rooms.fleet.replica import Replica
from rooms.fleet.visit import begin_from_kept
from rooms.names import ROOM_ID

IDLE_SECONDS = 60.0
SWEEP_SECONDS = 10.0
ENTER_SECONDS = 10.0

log = structlog.get_logger("rooms")


class Seat(Protocol):
    """A connection that is in a room."""

    def replaced(self) -> None:
        """The same member came in by another connection."""
        ...


class RoomHere:
    """One room at this process. `seats`: the connections that are in it, by member."""

    def __init__(self, replica: Replica, table: Table, hub: Hub, *, process: str, used_at: float) -> None:
        self.replica, self.table, self.hub = replica, table, hub
        self.seats: dict[str, Seat] = {}
        self.used_at = used_at
        self.serving: asyncio.Task[None] | None = None
        self._process = process
        replica.listeners.append(self)

    def seat(self, member_id: str, seat: Seat) -> None:
        """A connection is in; one that the same member had before makes room."""
        before = self.seats.get(member_id)
        self.seats[member_id] = seat
        if before is not None and before is not seat:
            before.replaced()

    def unseat(self, member_id: str, seat: Seat) -> bool:
        """A connection is out. Returns whether it still had the place."""
        if self.seats.get(member_id) is not seat:
            return False
        del self.seats[member_id]
        return True

    # as a listener of the replica

    def counted(self, entry: Entry) -> None:
        """See `views.Listener`."""

    def people(self, entry: Entry) -> None:
        """Who has come back at another process is no longer here."""
        if entry.kind in ("member.back", "member.joined") and entry.body["process"] != self._process:
            seat = self.seats.pop(entry.body["member"], None)
            if seat is not None:
                self.table.mine.pop(entry.body["member"], None)
                seat.replaced()

    def reset(self) -> None:
        """See `views.Listener`."""


class RoomsHere:
    """`hub` makes the delivery of a room. `process` names this process in the fleet."""

    def __init__(
        self,
        *,
        topics: Topics,
        clock: Clock,
        time: RoomTime,
        tasks: Tasks,
        metrics: Metrics,
        process: str,
        keep: Keep,
        doors: Doors,
        hub: Callable[[Replica], Hub],
    ) -> None:
        self._topics, self._clock, self._tasks, self._metrics = topics, clock, tasks, metrics
        self._keep, self._doors, self._hub = keep, doors, hub
        self.time, self.process = time, process
        self.is_closing = False
        self._rooms: dict[str, RoomHere] = {}
        self._pulse = Pulse(topics=topics, clock=clock, process=process, tables=self._tables)

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def viewers(self) -> int:
        """How many connections are in rooms."""
        return sum(len(one.seats) for one in self._rooms.values())

    @property
    def replicas(self) -> list[Replica]:
        """Of the rooms that are followed."""
        return [one.replica for one in self._rooms.values()]

    def here(self, room_id: str) -> RoomHere | None:
        """A room that is followed already."""
        return self._rooms.get(room_id)

    async def room(self, room_id: str, *, create: bool = False) -> RoomHere:
        """A room that is followed, as new as its log. Raises `NotFound` (`party.room_not_found`), but for who wants to
        `create` it, and `Unavailable`."""
        here = self._rooms.get(room_id)
        if here is None:
            if not ROOM_ID.fullmatch(room_id) or not (create or await self._doors.find(room_id)):
                raise _unknown()
            here = self._rooms.get(room_id) or self._begin(room_id)
        here.used_at = self._clock.monotonic()
        if not await here.replica.ready(ENTER_SECONDS):
            raise Unavailable(
                "The room cannot be reached at the moment.",
                code="party.unavailable",
                advice="Try again.",
                retry_after_seconds=1.0,
            )
        if not create and not here.replica.room.opened_at:
            raise _unknown()  # the registry knows it, its log is lost
        return here

    async def run(self) -> None:
        """Beat for this process, and let go of rooms that nobody watches here; until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pulse.run(), name="rooms:pulse")
            group.create_task(self._sweep(), name="rooms:sweep")

    async def close(self) -> None:
        """Follow nothing any more. Whoever was here is away, as others would find out by the silence a while later."""
        self.is_closing = True
        for room_id, here in list(self._rooms.items()):
            with suppress(Unavailable):
                await here.table.say_gone(self.process)
            await self._let_go(room_id)

    def _tables(self) -> list[Table]:
        return [one.table for one in self._rooms.values()]

    def _begin(self, room_id: str) -> RoomHere:
        replica = Replica(room_id, topics=self._topics, clock=self._clock, time=self.time)
        table = Table(replica, topics=self._topics, clock=self._clock, process=self.process)
        here = RoomHere(
            replica, table, self._hub(replica), process=self.process, used_at=self._clock.monotonic()
        )
        self._rooms[room_id] = here
        here.serving = self._tasks.spawn(self._serve(here), name="room")
        return here

    async def _serve(self, here: RoomHere) -> None:
        """Follow a room and do what it does by itself, whatever happens, until cancelled."""
        is_restored = False
        while True:
            try:
                if not is_restored:
                    await self._restore(here.replica)
                    is_restored = True
                async with asyncio.TaskGroup() as group:
                    for work in (here.replica.run(), here.table.run(), here.hub.run()):
                        group.create_task(work, name="room")
                return  # the topics are closed
            except Unavailable as error:
                log.info("rooms.not_restored", room=here.replica.room.id, code=error.code)
            except Exception:  # the border: one room that fails must not stay behind its viewers' backs
                self._metrics.count("errors_total", where="rooms")
                log.exception("rooms.failed", room=here.replica.room.id)
            await self._clock.sleep(RETRY_SECONDS)

    async def _restore(self, replica: Replica) -> None:
        await begin_from_kept(
            replica, topics=self._topics, keep=self._keep, clock=self._clock, time=self.time
        )

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            await self._let_go_idle()  # a frame of its own, which holds no room while this one sleeps
            self._metrics.gauge("party_rooms", len(self._rooms))
            self._metrics.gauge("party_viewers", self.viewers)

    async def _let_go_idle(self) -> None:
        now = self._clock.monotonic()
        for room_id, here in list(self._rooms.items()):
            if here.seats:
                here.used_at = now
            elif now - here.used_at >= IDLE_SECONDS:
                await self._let_go(room_id)

    async def _let_go(self, room_id: str) -> None:
        here = self._rooms.pop(room_id, None)
        if here is None or here.serving is None:
            return
        here.serving.cancel()
        await asyncio.gather(here.serving, return_exceptions=True)


def _unknown() -> NotFound:
    return NotFound(
        "There is no such room.", code="party.room_not_found", advice="Check the link, or open one."
    )
