"""A process's view of one room, kept up to date: the room by its log, the roster by the membership's.

    replica = Replica("mint-owl-42", topics=topics, clock=clock, time=time)
    replica.listeners.append(hub)
    await replica.run()              # until cancelled

Each process that serves a room has one, and none is more than another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from domain.errors import Unavailable
from domain.ports import Clock
from gateways.topics.contracts import Topics
from rooms.fleet.clock import RoomTime
from rooms.fleet.follow import BASE_EVERY, Follow
from rooms.fleet.views import Listener, PeopleView, RoomView
from rooms.lead import Delays
from rooms.moment import NONE_MEASURED, Moment
from rooms.people import Roster
from rooms.state import Room


class Replica:
    """`listeners` hear what happens, in the order of the log. `room` and `roster` never change while nothing is
    awaited, so that a decision rests on one state."""

    def __init__(
        self,
        room_id: str,
        *,
        topics: Topics,
        clock: Clock,
        time: RoomTime,
        base_every: int = BASE_EVERY,
    ) -> None:
        self.listeners: list[Listener] = []
        self.time = time
        self.view = RoomView(room_id, time=time, clock=clock, tell=lambda: self.listeners)
        self.people = PeopleView(room_id, tell=lambda: self.listeners)
        self._clock = clock
        self._waiting: set[asyncio.Event] = set()
        self._log, self._membership = (
            Follow(
                view, topics=topics, clock=clock, changed=self._changed, was_reset=self._was_reset,
                base_every=base_every,
            )
            for view in (self.view, self.people)
        )  # fmt: skip

    @property
    def room(self) -> Room:
        """The room as far as its log is known here. Without a log it is not opened (`opened_at` 0)."""
        return self.view.room

    @property
    def roster(self) -> Roster:
        """Who is in the room, as far as that is known here."""
        return self.people.roster

    @property
    def is_following(self) -> bool:
        """Whether both logs are followed now. Otherwise the state is an older one (Redis is away), or none yet."""
        return self._log.is_following and self._membership.is_following

    def moment(self, delays: Delays = NONE_MEASURED) -> Moment:
        """What a decision now rests on."""
        return Moment(self.room, self.roster, self.time.now(), delays)

    async def run(self) -> None:
        """Follow both logs, until cancelled or until the topics are closed."""
        async with asyncio.TaskGroup() as group:
            for follow in (self._log, self._membership):
                group.create_task(_to_the_end(follow), name="rooms:follow")

    async def catch_up(self) -> None:
        """Take what the room's log holds by now. Raises `Unavailable`."""
        await self._log.catch_up()

    async def ready(self, seconds: float) -> bool:
        """Wait until both logs are followed, and take what they hold by now. Returns whether that was so within
        `seconds`. Raises `Unavailable`."""
        if not await self.until(lambda: self.is_following, seconds):
            return False
        await self._log.catch_up()
        await self._membership.catch_up()
        return True

    async def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so, looking after each change; at most `seconds`. Returns whether it is."""
        event = asyncio.Event()
        self._waiting.add(event)
        deadline = self._clock.monotonic() + seconds
        try:
            while not reached():
                event.clear()
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    return False
                await self._clock.wait(event, left)
            return True
        finally:
            self._waiting.discard(event)

    def _changed(self) -> None:
        for event in self._waiting:
            event.set()

    def _was_reset(self) -> None:
        for listener in self.listeners:
            listener.reset()


async def _to_the_end(follow: Follow) -> None:
    try:
        await follow.run()
    except Unavailable:
        return  # the topics are closed
