"""The signals of a fleet: one Redis channel for all, heard on a connection of its own that is made again for ever.

Redis forgets a message that nobody hears, and a subscriber that lost its connection is not told what it missed. So each
time that we are subscribed (again), every listener is told to look at everything. A connection may also be dead
without a word, or hang on a server that nobody publishes to any more: we send a sign of life to ourselves, on the way
that signals take, and begin anew when it does not come.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import structlog
from redis.exceptions import RedisError

from domain.errors import CuelightError
from domain.ports import Clock
from gateways.redis.link import RedisBroken, RedisDown, RedisLink, translated
from gateways.signals.contracts import Listener, Signals
from gateways.signals.outbox import Message, Outbox, Signal, decode

LIFE_SECONDS = 3.0  # between two signs of life
SILENCE_SECONDS = 8.0  # two of them are missing, and some patience
READ_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
SUBSCRIBE_SECONDS = 5.0
CLOSE_SECONDS = 1.0
IDLE_SECONDS = 15.0
MOST_BYTES = 1_000_000  # ten times what we send

log = structlog.get_logger("signals")


class RedisSignals:
    """Implements `Signals`. Somebody has to keep `run()` going; what is sent before waits for it.

    `owner`: this process, so that it does not hear itself. `silence_seconds`: without a sign of life for so long,
    the connection is given up.
    """

    def __init__(
        self,
        *,
        link: RedisLink,
        owner: str,
        clock: Clock,
        random: Random,
        life_seconds: float = LIFE_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._link, self._owner, self._clock, self._random = link, owner, clock, random
        self._life_seconds, self._silence_seconds = life_seconds, silence_seconds
        self._channel = link.key("signals")
        self._own_channel = link.key("signals", owner)
        self._listeners: dict[str, list[Listener]] = {}
        self._outbox = Outbox()
        self._more = asyncio.Event()
        self._closed = False
        self._failures = 0
        self._heard_at = 0.0

    def send(self, name: str, text: str = "") -> None:
        if self._closed:
            return
        self._outbox.put(name, text)
        self._more.set()

    def listen(self, name: str, listener: Listener) -> None:
        self._listeners.setdefault(name, []).append(listener)

    async def run(self) -> None:
        """Send and hear, until cancelled. What is wrong with Redis does not end it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish(), name="signals.publish")
            group.create_task(self._live(), name="signals.live")
            group.create_task(self._subscribe(), name="signals.subscribe")

    async def close(self) -> None:
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                while batch := self._outbox.take():
                    await self._tell(batch)
        except (RedisDown, RedisBroken, TimeoutError) as error:
            log.info("signals.unsent", why=type(error).__name__)

    # -- out ----------------------------------------------------------------------------------------------------

    async def _publish(self) -> None:
        while True:
            await self._clock.wait(self._more, IDLE_SECONDS)
            self._more.clear()
            failures = 0
            while not self._closed and (batch := self._outbox.take()):
                try:
                    await self._tell(batch)
                except (RedisDown, RedisBroken):  # the subscriber says that Redis is away, once
                    self._outbox.put_back(batch)
                    failures += 1
                    await self._pause(failures)
                _heed_cancellation()

    async def _live(self) -> None:
        while True:
            await self._clock.sleep(self._life_seconds)
            if self._closed:  # so may the link be
                continue
            try:
                await self._link.command("PUBLISH", self._own_channel, Message(self._owner).encode())
            except (RedisDown, RedisBroken) as error:  # the silence that follows is acted upon
                log.debug("signals.no_sign_of_life", code=error.code)
            _heed_cancellation()

    async def _tell(self, batch: list[Signal]) -> None:
        await self._link.command("PUBLISH", self._channel, Message(self._owner, tuple(batch)).encode())

    # -- in -----------------------------------------------------------------------------------------------------

    async def _subscribe(self) -> None:
        while True:
            try:
                await self._hear()
            except (RedisError, OSError, TimeoutError) as error:
                self._lost(translated(error))
            except (RedisDown, RedisBroken) as error:
                self._lost(error)
            await self._pause(self._failures)

    async def _hear(self) -> None:
        """Subscribe and hear until something is wrong, which is raised."""
        client = self._link.client(timeout_seconds=None)  # reads and the beginning have limits of their own
        try:
            async with client.pubsub() as subscriber:
                self._heard_at = self._clock.monotonic()
                async with asyncio.timeout(SUBSCRIBE_SECONDS):
                    await subscriber.subscribe(self._channel, self._own_channel)
                while True:
                    message = await subscriber.get_message(timeout=min(READ_SECONDS, self._silence_seconds))
                    if message is not None:
                        self._heard(message)
                    elif self._clock.monotonic() - self._heard_at >= self._silence_seconds:
                        raise RedisDown("A subscription to Redis is silent.")
        finally:
            await client.aclose()

    def _heard(self, message: dict[str, Any]) -> None:
        self._heard_at = self._clock.monotonic()
        about_us_all = message["channel"] == self._channel.encode()
        if message["type"] == "subscribe" and about_us_all:  # also when the driver did it by itself
            if self._failures:
                log.info("signals.back", failures=self._failures)
            self._failures = 0
            for name in self._listeners:
                self._call(name, "")
        elif message["type"] == "message" and about_us_all and len(message["data"]) <= MOST_BYTES:
            told = decode(message["data"])
            if told is None:
                log.warning("signals.unreadable", bytes=len(message["data"]))
            elif told.owner != self._owner:
                for name, text in told.signals:
                    self._call(name, text)

    def _call(self, name: str, text: str) -> None:
        for listener in self._listeners.get(name, ()):
            try:
                listener(text)
            except Exception as error:  # one that fails must not make the others deaf
                log.error("signals.listener_failed", name=name, exc_info=error)

    def _lost(self, error: CuelightError) -> None:
        self._failures += 1
        if self._failures == 1:
            log.warning("signals.lost", code=error.code, why=error.message)

    async def _pause(self, failures: int) -> None:
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 10))
        await self._clock.sleep(self._random.uniform(longest / 2, longest))


def _heed_cancellation() -> None:
    """The driver sends within `asyncio.wait_for`, which before Python 3.12 may swallow a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


_conforms: type[Signals] = RedisSignals
