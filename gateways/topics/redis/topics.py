"""`Topics` on Redis: what one process of a fleet appends, all of them follow.

    append ─ writer (pipeline, script) ─▶ Redis: log, news ─▶ subscriber ─▶ feed (ring) ─▶ followers
                                             └────── pages, heads ──────▶

The log is the truth; pub/sub only says that there is something, and brings it along as a short cut. A process holds the
newest entries of each topic that somebody follows here, so that many followers cost one read.

An append whose outcome is unknown (Redis went away meanwhile) raises `RedisDown`. With a `key` it may simply be
repeated; without one, it is for the caller to decide whether missing or twice is worse.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from domain.errors import Unavailable
from domain.ports import Clock, Metrics, Tasks
from gateways.redis.link import RedisDown, RedisLink
from gateways.topics.contracts import Entry, Follower, Head, NewEntry, Position, PositionLost, Topics
from gateways.topics.redis.breaker import Breaker
from gateways.topics.redis.feed import Feed, State
from gateways.topics.redis.scripts import Bounds, options, payload
from gateways.topics.redis.subscriber import CHECK_SECONDS, PROBE_SECONDS, Subscriber
from gateways.topics.redis.writer import Stand, Writer
from gateways.topics.rules import BATCH, check_key, check_name, closed, encode, lost, random_epoch

ENTER_SECONDS = 4.0
RETRY_SECONDS = 1.0


class RedisTopics:
    """Implements `gateways.topics.contracts.Topics`. The bodies that readers get are shared: do not change them.

    `follow_runs`: a restart of Redis, or another server in its place, ends every epoch, as writes that it acknowledged
    may be gone. Switch it off only behind a proxy that spreads connections over several servers.
    """

    def __init__(
        self,
        *,
        link: RedisLink,
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
        random: Random,
        max_entries: int = 1000,
        max_bytes: int = 1 << 20,
        max_total_bytes: int = 64 << 20,
        max_body_bytes: int = 64 << 10,
        max_keys: int = 2000,
        probe_seconds: float = PROBE_SECONDS,
        check_seconds: float = CHECK_SECONDS,
        follow_runs: bool = True,
        new_epoch: Callable[[], str] = random_epoch,
    ) -> None:
        self._clock, self._max_body_bytes, self._max_bytes = clock, max_body_bytes, max_bytes
        self._closed = False
        bounds = Bounds(max_entries, max_bytes, max_keys)
        self._breaker = Breaker(clock=clock, random=random)
        self._writer = Writer(
            link=link, clock=clock, metrics=metrics, tasks=tasks, breaker=self._breaker, bounds=bounds,
            new_epoch=new_epoch, follow_runs=follow_runs,
        )  # fmt: skip
        self._subscriber = Subscriber(
            link=link, clock=clock, metrics=metrics, tasks=tasks, random=random, writer=self._writer,
            breaker=self._breaker, bounds=bounds, max_total_bytes=max_total_bytes,
            probe_seconds=probe_seconds, check_seconds=check_seconds,
        )  # fmt: skip

    @property
    def connected(self) -> bool:
        """Whether appends go through and, where anything is followed, news come in."""
        return self._breaker.closed and (self._subscriber.connected or not self._subscriber.started)

    @property
    def detail(self) -> str:
        """How it is, in words, for the health page."""
        return self._subscriber.detail if self._breaker.closed else "Redis does not answer"

    @property
    def total_bytes(self) -> int:
        """What this process holds of all followed topics, roughly."""
        return self._subscriber.total_bytes

    async def append(
        self, topic: str, entry: NewEntry, *, guard: int | None = None, key: str | None = None
    ) -> Position:
        """See the contract, and above for an unknown outcome. Raises `RedisDown` within about 2 s, at once while Redis
        is known to be down."""
        self._check_open()
        check_name(topic)
        if key is not None:
            check_key(key)
        body = encode(entry.body, most=self._max_body_bytes)
        return await self._writer.append(
            topic,
            payload(entry.kind, entry.state, entry.version, body),
            options=options(entry.state, guard, key),
            guard=guard,
        )

    async def read(self, topic: str, after: Position, *, limit: int = 500) -> list[Entry]:
        """See the contract. Raises `RedisDown`."""
        self._check_open()
        page = await self._writer.read(topic, after.seq, max(1, limit))
        if page.epoch != after.epoch or not page.base <= after.seq <= page.seq:
            raise lost()
        if after.seq < page.seq and not page.continues(after.seq):
            raise lost()
        return page.entries

    async def head(self, topic: str) -> Head:
        """See the contract. Raises `RedisDown`."""
        return (await self._stand(topic)).head

    @asynccontextmanager
    async def follow(self, topic: str, after: Position | None = None) -> AsyncIterator[Follower]:
        """See the contract. Raises `RedisDown` when it cannot be entered; a follower waits for Redis to return."""
        self._check_open()
        check_name(topic)
        feed = self._subscriber.feed(topic)
        follower = _RedisFollower(self, self._clock, feed)
        feed.wakes.add(follower.wake)
        try:
            stand = await self._entered(feed, follower.wake)
            here = stand.head.position
            if after is not None and (after.epoch != here.epoch or not stand.base <= after.seq <= here.seq):
                raise lost()
            follower.begin(after or here)
            yield follower
        finally:
            feed.wakes.discard(follower.wake)
            self._subscriber.left(feed)

    async def reseed(self, topic: str, snapshot: dict[str, Any], old_epoch: str) -> Position:
        """See the contract. Keys of the old epoch are forgotten. Raises `RedisDown`; repeating it is harmless."""
        self._check_open()
        check_name(topic)
        return await self._writer.reseed(topic, encode(snapshot, most=self._max_bytes), old_epoch)

    async def snapshot(self, topic: str) -> tuple[Position, dict[str, Any]] | None:
        """See the contract. Raises `RedisDown`."""
        self._check_open()
        found = await self._writer.snapshot(topic)
        return None if found is None else (Position(found[0], 0), json.loads(found[1]))

    async def close(self) -> None:
        """See the contract. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        for wake in self._subscriber.wakes():
            wake.set()
        await self._subscriber.close()
        await self._writer.close()

    # -- for followers ------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raises `Unavailable` after the end."""
        if self._closed:
            raise closed()

    _check_open = check_open

    async def history(self, feed: Feed, position: Position) -> list[Entry]:
        """Entries that are older than the feed's ring. The first who asks fills the ring for all; who comes when it
        is full, or behind, reads for itself. Raises `PositionLost` and `Unavailable`."""
        async with feed.reading:
            found = feed.after(position, BATCH)
            if found is not None:
                return found
            if not feed.warm:
                await self._warm(feed)
                found = feed.after(position, BATCH)
                if found is not None:
                    return found
        return await self.read(feed.topic, position, limit=BATCH)

    async def _warm(self, feed: Feed) -> None:
        """Fill the ring with what the log holds before it."""
        feed.warm = True
        first = await self._writer.read(feed.topic, 0, 1)
        seq, until = first.base, feed.base
        pages = []
        while seq < until:
            page = await self._writer.read(feed.topic, seq, BATCH)
            if not page.continues(seq):
                return
            pages.append(page)
            seq = page.entries[-1].position.seq
        for page in reversed(pages):
            feed.prepended(page)
        self._subscriber.bound()

    async def _stand(self, topic: str) -> Stand:
        self._check_open()
        check_name(topic)
        return await self._writer.stand(topic)

    async def _entered(self, feed: Feed, wake: asyncio.Event) -> Stand:
        """Where the topic stands, once its feed is subscribed and in the same epoch: nothing after that is missed."""
        deadline = self._clock.monotonic() + ENTER_SECONDS
        while True:
            wake.clear()
            stand = await self._stand(feed.topic)
            if feed.epoch == stand.head.position.epoch and feed.state is not State.SUSPECT:
                return stand
            self._subscriber.doubt(feed)
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise RedisDown("The news of Redis are not heard at the moment.", retry_after_seconds=1.0)
            await self._clock.wait(wake, left)


class _RedisFollower:
    def __init__(self, topics: RedisTopics, clock: Clock, feed: Feed) -> None:
        self._topics, self._clock, self._feed = topics, clock, feed
        self._position = Position("", 0)
        self.wake = asyncio.Event()

    @property
    def position(self) -> Position:
        return self._position

    def begin(self, position: Position) -> None:
        self._position = position

    async def next(self, *, timeout_seconds: float | None = None) -> list[Entry]:
        deadline = None if timeout_seconds is None else self._clock.monotonic() + timeout_seconds
        while True:
            self._topics.check_open()
            self.wake.clear()
            most = None
            entries = self._feed.after(self._position, BATCH)
            if entries is None:
                try:
                    entries = await self._topics.history(self._feed, self._position)
                except PositionLost:
                    raise
                except Unavailable:
                    self._topics.check_open()
                    entries, most = [], RETRY_SECONDS  # Redis is away: it comes back, or the time runs out
            if entries:
                self._position = entries[-1].position
                return entries
            if not await self._wait(deadline, most):
                return []

    async def _wait(self, deadline: float | None, most: float | None) -> bool:
        """Wait to be woken, at most `most` seconds. False: the time is up."""
        left = None if deadline is None else deadline - self._clock.monotonic()
        if left is not None and left <= 0:
            return False
        if left is None and most is None:
            await self.wake.wait()
            return True
        some = min(one for one in (left, most) if one is not None)
        return await self._clock.wait(self.wake, some) or some != left


_conforms: type[Topics] = RedisTopics
