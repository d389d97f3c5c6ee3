"""A short visit to a room by a process that need not serve it: a worker that carries out a redemption, the dashboard
that opens or closes a channel's room. It follows the room's logs like everybody else, decides on what they say, writes
into them, and goes. Nobody's memory is asked, so it does not matter who has viewers of the room, if anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from domain.errors import Unavailable
from domain.ports import Clock
from gateways.topics.contracts import GuardFailed, Position, Topics
from rooms.entries import Draft
from rooms.fleet.clock import RoomTime
from rooms.fleet.decide import ENTER_SECONDS, REACH_SECONDS, TRIES, Table
from rooms.fleet.ports import Keep
from rooms.fleet.replica import Replica
from rooms.fleet.restored import restored
from rooms.moment import Moment

T = TypeVar("T")

log = structlog.get_logger("rooms")


class Visit:
    """In the room."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @property
    def moment(self) -> Moment:
        """What a decision now rests on."""
        return self._table.replica.moment()

    def done(self, key: str) -> bool:
        """Whether the entry with this key is in the log and counted there, as far as that is remembered."""
        answer = self._table.replica.view.answer(key)
        return answer is not None and not answer.is_void

    async def write(self, decide: Callable[[Moment], Draft | None]) -> bool:
        """Write what is decided at this moment, and decide again where somebody was faster. True: it counted; False:
        there was nothing to write, or what the log put before it made it void. Raises `Unavailable`."""
        replica = self._table.replica
        for _ in range(TRIES):
            seen = replica.view.position
            draft = decide(replica.moment())
            if draft is None:
                return False
            try:
                answer = await self._table.write(draft)
            except GuardFailed:
                await self._after(seen)
                continue
            if answer is not None:
                return not answer.is_void
        raise _busy()

    async def _after(self, seen: Position) -> None:
        replica = self._table.replica
        await replica.catch_up()
        await replica.until(lambda: replica.view.position != seen, REACH_SECONDS)


class Visits:
    """`keep` has what the rooms were when nobody followed them."""

    def __init__(self, *, topics: Topics, clock: Clock, time: RoomTime, keep: Keep) -> None:
        self._topics, self._clock, self._time, self.keep = topics, clock, time, keep

    async def visit(self, room_id: str, do: Callable[[Visit], Awaitable[T]]) -> T:
        """Do something in a room; what it wrote is kept before this returns. Raises what `do` raises, and
        `Unavailable`."""
        replica = Replica(room_id, topics=self._topics, clock=self._clock, time=self._time)
        await begin_from_kept(
            replica, topics=self._topics, keep=self.keep, clock=self._clock, time=self._time
        )
        found: list[T] = []
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            following = group.create_task(replica.run(), name="rooms:visit")
            try:
                found.append(await self._inside(replica, do))
            except Exception as error:  # as it is, not in a group
                failure = error
            finally:
                following.cancel()
        if failure is not None:
            raise failure
        return found[0]

    async def _inside(self, replica: Replica, do: Callable[[Visit], Awaitable[T]]) -> T:
        table = Table(replica, topics=self._topics, clock=self._clock, process="")
        if not await replica.ready(ENTER_SECONDS):
            raise _busy()
        before = replica.view.position
        done = await do(Visit(table))
        if replica.view.position != before:
            await self.keep.kept(replica.view)
        return done


async def begin_from_kept(
    replica: Replica, *, topics: Topics, keep: Keep, clock: Clock, time: RoomTime
) -> None:
    """Begin the logs of a room from what was kept of it, if they are empty. Raises `Unavailable`."""
    topic, people = replica.view.topic, replica.people.topic
    head = await topics.head(topic)
    if head.position.seq or await topics.snapshot(topic) is not None:
        return
    kept = await keep.load(replica.room.id)
    if kept is None:
        return
    try:
        bodies = restored(kept, now=time.now(), wall_ms=clock.now())
    except ValueError as error:
        log.warning("rooms.kept_by_a_later_release", room=replica.room.id, detail=str(error))
        return
    members = await topics.head(people)
    if not members.position.seq:
        await topics.reseed(people, bodies.people, members.position.epoch)
    await topics.reseed(topic, bodies.room, head.position.epoch)


def _busy() -> Unavailable:
    return Unavailable(
        "The room cannot be reached at the moment.",
        code="party.busy",
        advice="Try again.",
        retry_after_seconds=1.0,
    )
