"""Topics inside one process: a ring of entries per topic, bounded in every direction.

Bounds, all settable: entries and bytes per topic, bytes and topics over all, remembered keys per topic. Beyond the
bounds of one topic its oldest entries go; beyond the bounds over all, the topics that were idle longest and that
nobody follows go first, then the oldest entries of the largest topic. A topic that went comes back under a new epoch,
so that a reader of the old one is told (`PositionLost`) and never misled.

Bytes are counted as the length of the body in JSON plus a flat `OVERHEAD_BYTES` for the objects around it.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from domain.ports import Clock
from gateways.topics.contracts import Entry, Follower, Head, NewEntry, Position, Topics
from gateways.topics.rules import (
    BATCH,
    check_key,
    check_name,
    closed,
    encode,
    guard_failed,
    lost,
    random_epoch,
)

OVERHEAD_BYTES = 400
KEY_OVERHEAD_BYTES = 200


class _Topic:
    """The ring of one topic. `entries[start:]` is what is kept; `base` is the seq before its first entry."""

    __slots__ = (
        "base", "base_snapshot", "bytes", "costs", "entries", "epoch", "followers", "keys", "rev", "start",
    )  # fmt: skip

    def __init__(self, epoch: str) -> None:
        self.followers: set[_MemoryFollower] = set()
        self.begin(epoch)

    def begin(self, epoch: str) -> None:
        """Forget everything but the followers."""
        self.epoch = epoch
        self.rev = 0
        self.base = 0
        self.start = 0
        self.entries: list[Entry | None] = []
        self.costs: list[int] = []
        self.bytes = OVERHEAD_BYTES
        self.keys: OrderedDict[str, Position] = OrderedDict()
        self.base_snapshot: str | None = None

    @property
    def seq(self) -> int:
        return self.base + len(self.entries) - self.start

    @property
    def kept(self) -> int:
        return len(self.entries) - self.start

    @property
    def head(self) -> Position:
        return Position(self.epoch, self.seq)

    def add(self, entry: Entry, cost: int) -> None:
        self.entries.append(entry)
        self.costs.append(cost)
        self.bytes += cost
        self.rev += entry.state

    def drop_oldest(self) -> None:
        self.bytes -= self.costs[self.start]
        self.entries[self.start] = None
        self.start += 1
        self.base += 1
        if self.start > 64 and self.start * 2 > len(self.entries):
            del self.entries[: self.start], self.costs[: self.start]
            self.start = 0

    def remember(self, key: str, position: Position, most: int) -> None:
        self.keys[key] = position
        self.bytes += len(key) + KEY_OVERHEAD_BYTES
        while len(self.keys) > most:
            gone, _ = self.keys.popitem(last=False)
            self.bytes -= len(gone) + KEY_OVERHEAD_BYTES

    def after(self, position: Position, limit: int) -> list[Entry]:
        if position.epoch != self.epoch or not self.base <= position.seq <= self.seq:
            raise lost()
        first = self.start + position.seq - self.base
        return [entry for entry in self.entries[first : first + limit] if entry is not None]


class MemoryTopics:
    """Implements `gateways.topics.contracts.Topics`. The bodies that readers get are shared: do not change them."""

    def __init__(
        self,
        *,
        clock: Clock,
        max_entries: int = 1000,
        max_bytes: int = 1 << 20,
        max_total_bytes: int = 64 << 20,
        max_topics: int = 10_000,
        max_body_bytes: int = 64 << 10,
        max_keys: int = 2000,
        new_epoch: Callable[[], str] = random_epoch,
    ) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._max_total_bytes = max_total_bytes
        self._max_topics = max_topics
        self._max_body_bytes = max_body_bytes
        self._max_keys = max_keys
        self._new_epoch = new_epoch
        self._topics: OrderedDict[str, _Topic] = OrderedDict()
        self._total_bytes = 0
        self._closed = False

    @property
    def total_bytes(self) -> int:
        """What all topics hold now, by the count described above."""
        return self._total_bytes

    @property
    def topic_count(self) -> int:
        """How many topics are held now."""
        return len(self._topics)

    async def append(
        self, topic: str, entry: NewEntry, *, guard: int | None = None, key: str | None = None
    ) -> Position:
        """See the contract. Everything happens in one turn of the loop: racing appends cannot interleave."""
        self._check_open()
        if key is not None:
            check_key(key)
        text = encode(entry.body, most=self._max_body_bytes)
        here = self._open(topic)
        before = here.bytes
        if key is not None and key in here.keys:
            return here.keys[key]
        if guard is not None and guard != here.rev:
            raise guard_failed(here.rev, guard)
        position = Position(here.epoch, here.seq + 1)
        stored = Entry(position, self._clock.now(), entry.kind, json.loads(text), entry.state, entry.version)
        here.add(stored, len(text) + OVERHEAD_BYTES)
        if key is not None:
            here.remember(key, position, self._max_keys)
        while here.kept > 1 and (here.kept > self._max_entries or here.bytes > self._max_bytes):
            here.drop_oldest()
        self._total_bytes += here.bytes - before
        self._shrink(here)
        self._wake(here)
        return position

    async def read(self, topic: str, after: Position, *, limit: int = 500) -> list[Entry]:
        """See the contract. A topic that nobody wrote or asked for has no positions at all."""
        self._check_open()
        here = self._topics.get(topic)
        if here is None:
            raise lost()
        self._topics.move_to_end(topic)
        return here.after(after, max(1, limit))

    async def head(self, topic: str) -> Head:
        """See the contract."""
        self._check_open()
        here = self._open(topic)
        return Head(here.head, here.rev)

    @asynccontextmanager
    async def follow(self, topic: str, after: Position | None = None) -> AsyncIterator[Follower]:
        """See the contract. A topic that is followed is never evicted."""
        self._check_open()
        here = self._open(topic)
        follower = _MemoryFollower(self._clock, here, after or here.head)
        here.after(follower.position, 1)
        here.followers.add(follower)
        try:
            yield follower
        finally:
            here.followers.discard(follower)

    async def reseed(self, topic: str, snapshot: dict[str, Any], old_epoch: str) -> Position:
        """See the contract. Keys of the old epoch are forgotten: their positions would point into nothing."""
        self._check_open()
        text = encode(snapshot, most=self._max_bytes)
        here = self._open(topic)
        if here.epoch != old_epoch:
            return here.head
        before = here.bytes
        while (epoch := self._new_epoch()) == old_epoch:
            continue
        here.begin(epoch)
        here.base_snapshot = text
        here.bytes += len(text)
        self._total_bytes += here.bytes - before
        self._shrink(here)
        self._wake(here)
        return here.head

    async def snapshot(self, topic: str) -> tuple[Position, dict[str, Any]] | None:
        """See the contract."""
        self._check_open()
        here = self._topics.get(topic)
        if here is None or here.base_snapshot is None:
            return None
        return Position(here.epoch, 0), json.loads(here.base_snapshot)

    async def close(self) -> None:
        """See the contract. Calling it again does nothing."""
        self._closed = True
        for here in self._topics.values():
            for follower in here.followers:
                follower.closed = True
                follower.wake.set()

    def _check_open(self) -> None:
        if self._closed:
            raise closed()

    def _open(self, name: str) -> _Topic:
        here = self._topics.get(name)
        if here is None:
            check_name(name)
            here = self._topics[name] = _Topic(self._new_epoch())
            self._total_bytes += here.bytes
            self._shrink(here)
        self._topics.move_to_end(name)
        return here

    def _shrink(self, keep: _Topic) -> None:
        """Come back under the bounds over all topics; `keep` stays, and its newest entry with it."""
        if len(self._topics) <= self._max_topics and self._total_bytes <= self._max_total_bytes:
            return
        for name, here in list(self._topics.items()):  # least recently used first
            if here is not keep and not here.followers:
                del self._topics[name]
                self._total_bytes -= here.bytes
                if len(self._topics) <= self._max_topics and self._total_bytes <= self._max_total_bytes:
                    return
        while self._total_bytes > self._max_total_bytes:
            largest = max((one for one in self._topics.values() if one.kept > 1), key=_size, default=None)
            if largest is None:
                return
            before = largest.bytes
            largest.drop_oldest()
            self._total_bytes += largest.bytes - before

    def _wake(self, here: _Topic) -> None:
        for follower in here.followers:
            follower.wake.set()


class _MemoryFollower:
    def __init__(self, clock: Clock, topic: _Topic, position: Position) -> None:
        self._clock = clock
        self._topic = topic
        self._position = position
        self.wake = asyncio.Event()
        self.closed = False

    @property
    def position(self) -> Position:
        return self._position

    async def next(self, *, timeout_seconds: float | None = None) -> list[Entry]:
        while True:
            if self.closed:
                raise closed()
            self.wake.clear()
            entries = self._topic.after(self._position, BATCH)
            if entries:
                self._position = entries[-1].position
                return entries
            if timeout_seconds is None:
                await self.wake.wait()
            elif not await self._clock.wait(self.wake, timeout_seconds):
                return []


def _size(topic: _Topic) -> int:
    return topic.bytes


_conforms: type[Topics] = MemoryTopics
