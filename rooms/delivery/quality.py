"""How well the players of a room keep together, as a topic of its own: each entry is the whole picture, written once
each few seconds by whichever process comes first, while players report. Who looks from outside follows this topic.
"""

from __future__ import annotations

from typing import Any

import structlog

from domain.errors import CuelightError
from domain.ports import Clock, Tasks
from gateways.topics.contracts import NewEntry, Position, PositionLost, Topics
from rooms.delivery.reports import Histogram

KIND = "quality"
EACH_SECONDS = 5.0
STALE_SECONDS = 15.0
"""What nobody has said anew for so long says nothing of now."""

log = structlog.get_logger("rooms")


def topic_of(room_id: str) -> str:
    """Where it is written."""
    return f"party:{room_id}:quality"


class Quality:
    """Writes that of one room at one process."""

    def __init__(self, room_id: str, *, topics: Topics, clock: Clock, tasks: Tasks) -> None:
        self._topic, self._topics, self._clock, self._tasks = topic_of(room_id), topics, clock, tasks
        self._round = -1
        self._is_telling = False

    def tell(self, seen: Histogram, *, now: int) -> None:
        """Write the picture, unless that was done in this round. `now`: room time (µs), by which all processes have the
        same rounds."""
        this = now // round(EACH_SECONDS * 1_000_000)
        if this == self._round or self._is_telling:
            return
        self._round, self._is_telling = this, True
        new = NewEntry(KIND, picture(seen, at=self._clock.now()))
        self._tasks.spawn(self._append(new, f"round:{this}"), name="rooms:quality")

    async def _append(self, new: NewEntry, key: str) -> None:
        try:
            await self._topics.append(self._topic, new, key=key)
        except CuelightError as error:  # the next round tells again
            log.debug("rooms.quality_lost", topic=self._topic, code=error.code)
        finally:
            self._is_telling = False


def picture(seen: Histogram, *, at: int) -> dict[str, Any]:
    """As it is shown. `at`: UTC ms."""
    return {**seen.shown(), "at": at}


async def latest(topics: Topics, room_id: str, *, now: int) -> dict[str, Any]:
    """The picture as it stands at `now` (UTC ms); one of no players if nobody has said anything lately. Raises
    `Unavailable`."""
    head = (await topics.head(topic_of(room_id))).position
    try:
        found = await topics.read(topic_of(room_id), Position(head.epoch, max(head.seq - 1, 0)), limit=1)
    except PositionLost:
        found = []
    if not found or now - found[-1].at > STALE_SECONDS * 1000:
        return picture(Histogram(), at=now)
    return dict(found[-1].body)
