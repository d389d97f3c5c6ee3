"""What rooms outlive a restart with: their last snapshot in the store. Implements `rooms.fleet.ports.Keep`.

Alone, what a room answers has to be durable before: `kept` returns when it is. Writes of a room are joined: one at a
time is under way, and whoever waits meanwhile is served by the next one, which holds what all of them did. In a fleet
the log is in Redis, and the store has the room a few seconds later, should Redis lose everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from domain.errors import Broken, Rejected, Unavailable
from domain.ports import Clock
from gateways.topics.contracts import Position
from handlers.party.registry import Registry
from rooms.fleet.ports import Keep
from rooms.fleet.views import RoomView
from storage.parties import PartyStates

ROUND_SECONDS = 3.0

log = structlog.get_logger(__name__)


class _Written:
    """What is durable of one room, and whose turn it is to write."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0
        self.at = Position("", 0)


class PartyKeep:
    """`at_once`: whether an answer waits for the disk, as where one process is alone."""

    def __init__(self, *, states: PartyStates, registry: Registry, clock: Clock, at_once: bool) -> None:
        self._states, self._registry, self._clock, self._at_once = states, registry, clock, at_once
        self._rooms: dict[str, _Written] = {}
        self._dirty: dict[str, RoomView] = {}

    async def load(self, room_id: str) -> Mapping[str, Any] | None:
        """See `rooms.fleet.ports.Keep`. Nothing of a room that is closed."""
        if await self._registry.get(room_id) is None:
            return None
        return await self._states.get(room_id)

    async def kept(self, view: RoomView) -> None:
        """See `rooms.fleet.ports.Keep`."""
        if not self._at_once:
            self._dirty[view.room.id] = view
            return
        wanted = view.position
        room_id = view.room.id
        held = self._rooms.setdefault(room_id, _Written())
        held.waiting += 1
        try:
            async with held.turn:
                if held.at.epoch == wanted.epoch and held.at.seq >= wanted.seq:
                    return
                at = view.position
                await self._write(view)
                held.at = at
        finally:
            held.waiting -= 1
            if not held.waiting:
                self._rooms.pop(room_id, None)

    async def run(self) -> None:
        """In a fleet: write what changed every few seconds, until cancelled."""
        while True:
            await self._clock.sleep(ROUND_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what is still to be written; what the store does not take now stays for the next time."""
        dirty, self._dirty = self._dirty, {}
        for room_id, view in dirty.items():
            try:
                await self._write(view)
            except Unavailable as error:
                self._dirty.setdefault(room_id, view)
                log.warning("party.not_kept", room=room_id, code=error.code)
            except (Rejected, Broken) as error:
                log.error("party.not_kept", room=room_id, code=error.code)

    async def _write(self, view: RoomView) -> None:
        if view.room.closed_at:
            await self._registry.close(view.room.id)
        elif view.room.opened_at:
            await self._states.put(view.room.id, view.body())


_conforms: type[Keep] = PartyKeep
