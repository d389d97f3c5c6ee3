"""Follows one log of a room for ever: begins from a snapshot, takes what comes, and begins anew when it has to.

Beside the log lies its **base**: a topic whose only use is the snapshot that it begins from, replaced every few hundred
entries. With it a log may forget its oldest entries, and a process that comes later needs only those since.

When the data of a log are lost (Redis was emptied, or restarted), the log has another epoch and no beginning. The first
replica that finds out reseeds it with what it knows. Every other one then compares: what it knows and the new log does
not, it adds, in order, under the keys that the entries had. So the new log ends with all that any replica had, whoever
was first, and nobody has to wait for anybody. What was written into the new log before it had a beginning is added in
the same way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from domain.errors import Rejected, Unavailable
from domain.ports import Clock
from gateways.topics.contracts import Entry, GuardFailed, NewEntry, Position, PositionLost, Topics
from rooms.apply import UnknownEntry

BASE_EVERY = 200
RETRY_SECONDS = 1.0
PAGE = 500

log = structlog.get_logger("rooms")


class View(Protocol):
    """See `views.py`."""

    topic: str

    @property
    def position(self) -> Position: ...

    @property
    def is_worth_keeping(self) -> bool: ...

    def take(self, entries: Sequence[Entry]) -> None: ...

    def begin(self, position: Position) -> None: ...

    def body(self) -> dict[str, Any]: ...

    def load(self, body: Mapping[str, Any], *, at: Position | None = None) -> None: ...

    def lacking(self, body: Mapping[str, Any]) -> list[Entry]: ...


class Follow:
    """`changed` is called after each change of the view, `was_reset` before that when the view began anew."""

    def __init__(
        self,
        view: View,
        *,
        topics: Topics,
        clock: Clock,
        changed: Callable[[], None],
        was_reset: Callable[[], None],
        base_every: int = BASE_EVERY,
    ) -> None:
        self._view, self._topics, self._clock = view, topics, clock
        self._changed, self._was_reset, self._base_every = changed, was_reset, base_every
        self._base_topic = f"{view.topic}:base"
        self._based_at = view.position
        self._owed: deque[Entry] = deque()  # of a lost log, to be written into the new one
        self._begun = asyncio.Event()

    @property
    def is_following(self) -> bool:
        """Whether the view stands in the log as it is now, as far as we know."""
        return self._begun.is_set()

    async def run(self) -> None:
        """Follow until cancelled, or until the topics are closed (`Unavailable`, `topic.closed`)."""
        behind = False
        while True:
            try:
                await self._enter(behind=behind)
                behind = False
                await self._pay()
                await self._follow()  # never returns
            except PositionLost:
                behind = True
            except UnknownEntry as error:
                # Of a later release: a snapshot beyond it may be one that we understand. Until then the view stands.
                log.warning("rooms.unknown_entry", topic=self._view.topic, kind=str(error))
                behind = True
                await self._clock.sleep(RETRY_SECONDS)
            except Unavailable as error:
                if error.code == "topic.closed":
                    raise
                await self._clock.sleep(RETRY_SECONDS)

    async def catch_up(self) -> None:
        """Take what the log holds by now, without waiting for its news. Raises `Unavailable`."""
        try:
            while entries := await self._topics.read(self._view.topic, self._view.position, limit=PAGE):
                self._take(entries)
        except (PositionLost, UnknownEntry):
            return  # who follows finds the same, and begins anew

    async def _follow(self) -> None:
        async with self._topics.follow(self._view.topic, self._view.position) as follower:
            self._begun.set()
            self._changed()
            try:
                while True:
                    self._take(await follower.next())
                    await self._keep_base()
            finally:
                self._begun.clear()
                self._changed()

    def _take(self, entries: Sequence[Entry]) -> None:
        try:
            self._view.take(entries)
        finally:
            self._changed()

    # -- beginning ----------------------------------------------------------------------------------------------

    async def _enter(self, *, behind: bool) -> None:
        """Bring the view to a place from which the log can be followed. `behind`: its own place is none."""
        view = self._view
        head = (await self._topics.head(view.topic)).position
        if view.position.epoch == head.epoch and not behind:
            return
        found = await self._beginning(head)
        if found is None and view.position.epoch == head.epoch:
            await self._clock.sleep(RETRY_SECONDS)  # behind, and nobody has left a newer base yet
        elif found is None and view.is_worth_keeping:
            await self._reseed(head)
        elif found is None:
            view.begin(Position(head.epoch, 0))
        else:
            await self._load(*found)

    async def _beginning(self, head: Position) -> tuple[Mapping[str, Any], Position | None] | None:
        """The newest snapshot of this epoch that is ahead of us: the base beside the log, or what it began from."""
        here = self._view.position
        base = await self._topics.snapshot(self._base_topic)
        if base is not None:
            at = _place(base[1])
            if at.epoch == head.epoch and (here.epoch != at.epoch or at.seq > here.seq):
                return base[1], None
        seed = await self._topics.snapshot(self._view.topic)
        if seed is not None and seed[0].epoch == head.epoch and here.epoch != head.epoch:
            return seed[1], seed[0]
        return None

    async def _load(self, body: Mapping[str, Any], at: Position | None) -> None:
        lacking = self._view.lacking(body)
        self._view.load(body, at=at)
        self._based_at = self._view.position
        self._owed.extend(lacking)
        self._was_reset()
        self._changed()

    async def _reseed(self, head: Position) -> None:
        """The data were lost, and the log has no beginning yet: ours, unless somebody else is faster."""
        view = self._view
        orphans = await self._topics.read(view.topic, Position(head.epoch, 0), limit=PAGE)
        log.warning("rooms.reseeding", topic=view.topic, position=str(view.position), orphans=len(orphans))
        await self._topics.reseed(view.topic, view.body(), head.epoch)
        await self._enter(behind=True)
        self._owed.extend(orphans)

    async def _pay(self) -> None:
        """Write the entries of a lost log that the new one lacks. What was decided there yields to what was decided
        since."""
        if not self._owed:
            return
        topic = self._view.topic
        ours = {_key(one) for one in self._owed}
        head = await self._topics.head(topic)
        try:
            since = await self._topics.read(topic, Position(head.position.epoch, 0), limit=PAGE)
            yields = any(one.state and _key(one) not in ours for one in since)
        except PositionLost:
            yields = True
        rev = head.rev
        while self._owed:
            one = self._owed[0]
            if one.kind != "room.opened" and not (one.state and yields):
                again = NewEntry(one.kind, one.body, one.state, one.version)
                try:
                    at = await self._topics.append(
                        topic, again, guard=rev if one.state else None, key=_key(one)
                    )
                    rev += one.state and at.seq > head.position.seq
                except GuardFailed:
                    yields = True
            self._owed.popleft()

    # -- the base -----------------------------------------------------------------------------------------------

    async def _keep_base(self) -> None:
        """Leave a newer base when the last one is old. Whoever comes first does it."""
        here = self._view.position
        if here.epoch == self._based_at.epoch and here.seq - self._based_at.seq < self._base_every:
            return
        if here.seq < self._base_every:
            return
        try:
            found = await self._topics.snapshot(self._base_topic)
            if found is None:
                old = (await self._topics.head(self._base_topic)).position.epoch
            else:
                old, at = found[0].epoch, _place(found[1])
                if at.epoch == here.epoch and here.seq - at.seq < self._base_every:
                    self._based_at = at
                    return
            here = self._view.position
            await self._topics.reseed(self._base_topic, self._view.body(), old)
            self._based_at = here
        except Unavailable:
            return  # the next entry tries again
        except Rejected as error:
            log.warning("rooms.no_base", topic=self._view.topic, code=error.code)
            self._based_at = here


def _key(one: Entry) -> str:
    return str(one.body.get("key", "")) or str(one.position)


def _place(body: Mapping[str, Any]) -> Position:
    """Where the log stood when a body was made."""
    held = body.get("room", body)
    return Position(held["epoch"], held["seq"])
