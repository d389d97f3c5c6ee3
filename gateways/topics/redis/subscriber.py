"""Hears the news of every topic that is followed in this process, and finds out when it did not hear them.

One connection, which subscribes to what is wanted and is made again for ever. Each new one puts every feed in doubt;
the confirmation of its subscription (not before: there would be a hole) has its head checked. Heads are checked every
few seconds too, since a topic without news shows no gap. And the subscriber sends itself a message now and then, on
the way that appends take: when it does not come back, the connection is dead without a word, or hangs on another server
than the one that is written to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import structlog

from domain.errors import CuelightError
from domain.ports import Clock, Metrics, Tasks
from gateways.redis.link import RedisBroken, RedisDown, RedisLink
from gateways.topics.redis.breaker import Breaker
from gateways.topics.redis.feed import Account, Feed, State
from gateways.topics.redis.scripts import Bounds, Keys, News
from gateways.topics.redis.wire import Wire
from gateways.topics.redis.writer import Writer
from gateways.topics.rules import random_epoch

PROBE_SECONDS = 5.0
PROBE_LIMIT_SECONDS = 2.0
CHECK_SECONDS = 5.0  # and up to twice that
LINGER_SECONDS = 30.0  # a topic that nobody follows is kept for those who come right back
LONGEST_PAUSE_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
STEADY_SECONDS = 5.0  # a connection that held so long begins again with the first pause
SUBSCRIBED_AT_ONCE = 512
PAGE = 200
PAGES_AT_ONCE = 8
CLOSE_SECONDS = 2.0

log = structlog.get_logger("topics")


class Subscriber:
    """`feeds` are the topics that are followed. `detail` says in words how it is."""

    def __init__(
        self,
        *,
        link: RedisLink,
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
        random: Random,
        writer: Writer,
        breaker: Breaker,
        bounds: Bounds,
        max_total_bytes: int,
        probe_seconds: float = PROBE_SECONDS,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._link, self._clock, self._metrics, self._tasks = link, clock, metrics, tasks
        self._random, self._writer, self._breaker, self._bounds = random, writer, breaker, bounds
        self._max_total_bytes = max_total_bytes
        self._probe_seconds, self._check_seconds = probe_seconds, check_seconds
        self._probe_channel = link.key("topic", "probe", random_epoch()).encode()
        self._probed = asyncio.Event()
        self._account = Account()
        self._channels: dict[bytes, Feed] = {}
        self._asked: set[bytes] = set()  # channels that this connection was asked to subscribe
        self._confirmed: set[bytes] = set()  # and those that it did
        self._wanted = asyncio.Event()
        self._check = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        self.detail = "nothing is followed yet"

    @property
    def started(self) -> bool:
        """Whether anything was ever followed."""
        return self._task is not None

    @property
    def total_bytes(self) -> int:
        """What the rings of all followed topics hold."""
        return self._account.bytes

    def feed(self, topic: str) -> Feed:
        """The feed of a topic, which is subscribed from now on."""
        channel = Keys.of(self._link, topic).channel
        feed = self._channels.get(channel)
        if feed is None:
            feed = self._channels[channel] = Feed(
                topic,
                max_entries=self._bounds.entries,
                max_bytes=self._bounds.bytes,
                account=self._account,
            )
            self._wanted.set()
            self._check.set()
        feed.idle_since = None
        if self._task is None or self._task.done():
            self._task = self._tasks.spawn(self._run(), name="topics:subscriber")
        return feed

    def left(self, feed: Feed) -> None:
        """A follower is gone."""
        if not feed.wakes:
            feed.idle_since = self._clock.monotonic()

    def doubt(self, feed: Feed) -> None:
        """Have the head of a topic checked soon."""
        feed.doubt()
        self._check.set()

    def bound(self) -> None:
        """Give back from the largest ring until all together are within the bound."""
        while self._account.bytes > self._max_total_bytes:
            largest = max(self._channels.values(), key=lambda feed: feed.bytes, default=None)
            if largest is None or not largest.kept:
                return
            largest.shrink()

    def wakes(self) -> Iterator[asyncio.Event]:
        """The events of all followers."""
        for feed in self._channels.values():
            yield from feed.wakes

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
        self.connected, self.detail = False, "closed"

    # -- the connection -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._session()
            except CuelightError as error:
                why = str(error)
            except Exception as error:  # whatever it was, a new connection is the remedy
                log.exception("topics.subscription_broke")
                self._metrics.count("errors_total", where="topics")
                why = type(error).__name__
            failures = 1 if self._clock.monotonic() - began > STEADY_SECONDS else failures + 1
            if not self.connected and failures > 1:
                self._breaker.failed()  # lost, and it cannot be made again
            if failures == 1:
                log.warning("topics.subscription_lost", why=why)
            self._metrics.count("topics_reconnects_total")
            self._set(False, why)
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10))
            await self._clock.sleep(self._random.uniform(0.0, longest))

    async def _session(self) -> None:
        """From connecting to the first thing that is wrong, which is raised."""
        self._asked.clear()
        self._confirmed.clear()
        for feed in self._channels.values():
            feed.renewed()
        wire = Wire(self._link)
        try:
            await wire.open()
            await wire.send("SUBSCRIBE", self._probe_channel)
            self._wanted.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear(wire), name="topics.hear")
                group.create_task(self._subscribe(wire), name="topics.subscribe")
                group.create_task(self._probe(), name="topics.probe")
                group.create_task(self._check_heads(), name="topics.check")
        except ExceptionGroup as several:
            raise _first(several) from several
        finally:
            await wire.close()

    async def _subscribe(self, wire: Wire) -> None:
        """Have the connection subscribe to what is wanted, and to nothing else."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            for word, channels in (
                ("UNSUBSCRIBE", self._asked - self._channels.keys()),
                ("SUBSCRIBE", self._channels.keys() - self._asked),
            ):
                left = iter(channels)
                while some := list(islice(left, SUBSCRIBED_AT_ONCE)):
                    if word == "SUBSCRIBE":
                        self._asked.update(some)
                    else:
                        self._asked.difference_update(some)
                        self._confirmed.difference_update(some)
                    await wire.send(word, *some)

    async def _hear(self, wire: Wire) -> None:
        while True:
            kind, channel, data = await self._message(wire)
            if kind == b"message":
                self._heard(channel, data)
            elif kind == b"subscribe" and channel == self._probe_channel:
                self._breaker.succeeded()
                self._set(True, "connected")
                self._probed.set()
            elif kind == b"subscribe" and channel in self._asked:
                self._confirmed.add(channel)
                self._check.set()

    async def _message(self, wire: Wire) -> tuple[bytes, bytes, Any]:
        message = await wire.receive()
        if not isinstance(message, list) or len(message) != 3:
            raise RedisBroken("Redis sent a subscriber what is no message.")
        kind, channel, data = message
        return kind, channel, data

    def _heard(self, channel: bytes, data: bytes) -> None:
        feed = self._channels.get(channel)
        if feed is None:
            if channel == self._probe_channel:
                self._probed.set()
            return
        try:
            feed.heard(News.parse(data))
        except ValueError:  # somebody else publishes on our channels
            log.warning("topics.strange_message", topic=feed.topic)
            feed.doubt()
        if feed.state is not State.LIVE:
            self._check.set()
        self.bound()

    async def _probe(self) -> None:
        """Raises when our own message does not come back."""
        while True:
            self._probed.clear()
            await self._clock.sleep(self._probe_seconds)
            self._probed.clear()
            await self._writer.publish(self._probe_channel.decode(), "?")
            if not await self._clock.wait(self._probed, PROBE_LIMIT_SECONDS):
                raise RedisDown("The subscription does not hear what we say.")

    # -- doubt and certainty ------------------------------------------------------------------------------------

    async def _check_heads(self) -> None:
        """Raises when the heads cannot be had: then the connection is worth nothing either."""
        while True:
            pause = self._check_seconds * self._random.uniform(1.0, 2.0)
            if not await self._clock.wait(self._check, pause):
                self._forget_idle()
                for feed in self._channels.values():
                    feed.doubt()
            self._check.clear()
            feeds = [feed for channel, feed in self._channels.items() if channel in self._confirmed]
            await self._judge([feed for feed in feeds if feed.state is State.SUSPECT])
            behind = [feed for feed in feeds if feed.state is State.CATCHUP]
            for some in range(0, len(behind), PAGES_AT_ONCE):
                async with asyncio.TaskGroup() as group:
                    for feed in behind[some : some + PAGES_AT_ONCE]:
                        group.create_task(self._catch_up(feed))
            self.bound()
            if any(feed.state is not State.LIVE for feed in feeds):
                self._check.set()

    async def _judge(self, feeds: list[Feed]) -> None:
        for some in range(0, len(feeds), SUBSCRIBED_AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for feed in feeds[some : some + SUBSCRIBED_AT_ONCE]:
                    group.create_task(self._judge_one(feed))

    async def _judge_one(self, feed: Feed) -> None:
        asked = feed.position
        if asked is not None:
            self._writer.saw(feed.topic, asked)
        resets = feed.resets
        feed.judged(asked, (await self._writer.stand(feed.topic)).head)
        if feed.resets > resets:
            self._metrics.count("topics_resets_total")

    async def _catch_up(self, feed: Feed) -> None:
        resets, missing = feed.resets, feed.state is State.CATCHUP
        while feed.state is State.CATCHUP:
            feed.filled(await self._writer.read(feed.topic, feed.last, PAGE))
        if feed.resets > resets:
            self._metrics.count("topics_resets_total")
        elif missing:
            self._metrics.count("topics_gaps_filled_total")

    def _forget_idle(self) -> None:
        now = self._clock.monotonic()
        for channel, feed in list(self._channels.items()):
            if feed.idle_since is not None and now - feed.idle_since > LINGER_SECONDS:
                feed.clear()
                del self._channels[channel]
                self._wanted.set()

    def _set(self, connected: bool, detail: str) -> None:
        self.connected, self.detail = connected, detail
        self._metrics.gauge("topics_connected", connected)


def _first(several: ExceptionGroup[Exception]) -> Exception:
    """One of the errors that ended a session; ours rather than another, so that nothing foreign hides behind it."""
    leaves = [_first(error) if isinstance(error, ExceptionGroup) else error for error in several.exceptions]
    return next((error for error in leaves if not isinstance(error, CuelightError)), leaves[0])
