"""Which daemons work on this store. Several may only where they share Redis; here one sees that it is not alone.

A SQLite store has a lock file for that. A MongoDB server lets everybody in, so each daemon keeps a document here and
renews it; one that was silent for `SILENT_MS` is dead.
"""

from __future__ import annotations

from domain.errors import Rejected, Unavailable
from domain.ports import Clock
from storage.contracts import Collection, Document, Schema, every

DAEMONS = Schema(name="daemons")
BEAT_SECONDS = 3.0
SILENT_MS = 10_000
LOOK_SECONDS = 0.5


class NotAlone(Rejected):
    """Another daemon works on this store, and the two cannot know of each other."""

    code = "daemon.not_alone"


class Daemons:
    """`shared`: whether this daemon has Redis to agree with others."""

    def __init__(self, daemons: Collection, *, id: str, shared: bool, clock: Clock) -> None:
        self._daemons, self._id, self._shared, self._clock = daemons, id, shared, clock

    async def enter(self) -> None:
        """Sign in. A daemon that may not be there beside us is given time to prove that it lives: it may have been
        killed a moment ago. Raises `NotAlone` if it does."""
        started = self._clock.now()
        await self._daemons.insert(
            {"_id": self._id, "shared": self._shared, "started_at": started, "seen_at": started}
        )
        seen: dict[str, int] = {}
        until = self._clock.monotonic() + SILENT_MS / 1000 + LOOK_SECONDS
        while others := await self._in_the_way(started):
            for other in others:
                if seen.setdefault(other["_id"], other["seen_at"]) != other["seen_at"]:
                    await self.leave()
                    raise self._not_alone()
            if self._clock.monotonic() >= until:
                for other in others:
                    await self._daemons.delete(other["_id"])
            await self._clock.sleep(LOOK_SECONDS)

    async def _in_the_way(self, started: int) -> list[Document]:
        """Daemons that came before us and do not go together with us. Of two that come at once, the later gives way."""
        found = []
        async for other in every(self._daemons, {}):
            if other["_id"] == self._id or (self._shared and other["shared"]):
                continue
            if (other["started_at"], other["_id"]) < (started, self._id) or other["seen_at"] > other[
                "started_at"
            ]:
                found.append(other)
        return found

    async def is_first(self) -> bool:
        """Whether no daemon that came before us is alive. Of two that come at once, the earlier is the first. One that
        was killed within the last ten seconds counts as alive: nobody can tell."""
        now = self._clock.now()
        mine = await self._daemons.get(self._id)
        started = now if mine is None else mine["started_at"]
        async for other in every(self._daemons, {}):
            earlier = (other["started_at"], other["_id"]) < (started, self._id)
            if other["_id"] != self._id and earlier and other["seen_at"] >= now - SILENT_MS:
                return False
        return True

    def _not_alone(self) -> NotAlone:
        if self._shared:
            return NotAlone(
                "A daemon without Redis works on this database.",
                advice="Give that one REDIS_URL too, or stop it.",
            )
        return NotAlone(
            "Another daemon works on this database, and this one has no Redis to agree with it.",
            advice="Set REDIS_URL (the same for all), or stop the other daemon.",
        )

    async def beat(self) -> None:
        """Say that we live, for ever: run it as a task. Documents of the dead are cleared away."""
        while True:
            await self._clock.sleep(BEAT_SECONDS)
            await self._beat_once(self._clock.now())

    async def _beat_once(self, now: int) -> None:
        def seen(document: Document) -> Document:
            document["seen_at"] = now
            return document

        fresh = {"_id": self._id, "shared": self._shared, "started_at": now}
        try:
            await self._daemons.change(self._id, seen, initial=fresh)
            async for other in every(self._daemons, {}):
                if other["_id"] != self._id and other["seen_at"] < now - 6 * SILENT_MS:
                    await self._daemons.delete(other["_id"])
        except Unavailable:
            return  # the store is away for everybody; the next beat comes soon

    async def leave(self) -> None:
        """Sign out."""
        await self._daemons.delete(self._id)
