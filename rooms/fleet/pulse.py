"""Which processes live: each says so every few seconds, in one topic of the fleet, and counts what it hears.

Time is not compared between processes, and a process that hears nothing judges nobody: another one is dead when it was
silent while we heard **ourselves** three times, that is for 9 s. A process that was held up hears its own messages as
late as those of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from domain.errors import Unavailable
from domain.ports import Clock
from gateways.topics.contracts import NewEntry, PositionLost, Topics
from rooms.fleet.decide import Table

TOPIC = "rooms:pulse"
BEAT_SECONDS = 3.0
MOST_MISSED = 3

log = structlog.get_logger("rooms")


class Silence:
    """Counts for how many of our own beats each other process was silent. Pure."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._missed: dict[str, int] = {}

    def heard(self, process: str) -> None:
        """A beat of another process."""
        self._missed[process] = 0

    def heard_own(self, known: Iterable[str]) -> list[str]:
        """A beat of our own came back. `known`: the processes that members are with. Returns those that are dead;
        again with each beat, as long as they are known."""
        others = (set(self._missed) | set(known)) - {self._own}
        self._missed = {one: self._missed.get(one, 0) + 1 for one in others}
        dead = [one for one, missed in self._missed.items() if missed > MOST_MISSED]
        for one in dead:
            if one not in known:
                del self._missed[one]
        return sorted(one for one in dead if one in known)


class Pulse:
    """The heartbeat of this process. `tables`: the rooms that it serves."""

    def __init__(
        self, *, topics: Topics, clock: Clock, process: str, tables: Callable[[], Iterable[Table]]
    ) -> None:
        self._topics, self._clock, self._process, self._tables = topics, clock, process, tables
        self._silence = Silence(process)

    async def run(self) -> None:
        """Beat and listen, until cancelled or until the topics are closed."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat(), name="rooms:beat")
            group.create_task(self._listen(), name="rooms:listen")

    async def _beat(self) -> None:
        beat = NewEntry("process.beat", {"process": self._process})
        while True:
            try:
                await self._topics.append(TOPIC, beat)
            except Unavailable as error:
                if error.code == "topic.closed":
                    return
            await self._clock.sleep(BEAT_SECONDS)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._topics.follow(TOPIC) as follower:
                    while True:
                        for one in await follower.next():
                            await self._heard(str(one.body.get("process", "")))
            except PositionLost:
                continue
            except Unavailable as error:
                if error.code == "topic.closed":
                    return
                await self._clock.sleep(BEAT_SECONDS)

    async def _heard(self, process: str) -> None:
        if process != self._process:
            self._silence.heard(process)
            return
        tables = list(self._tables())
        known = {one.process for table in tables for one in table.replica.roster if one.is_here}
        for dead in self._silence.heard_own(known):
            log.warning("rooms.process_gone", process=dead)
            for table in tables:
                await table.say_gone(dead)
        for table in tables:
            await table.mend()
