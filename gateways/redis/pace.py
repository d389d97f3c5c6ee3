"""The pace of a fleet: one window per key in Redis, in its time. Without Redis each process goes by its own.

A key is a list of the moments at which somebody was let through, oldest first. Should the clock of Redis go back, they
count as of now: the pace is then kept too strictly for one window, not for as long as the clock went back.
"""

from __future__ import annotations

import asyncio
import math

import structlog

from domain.errors import CuelightError
from gateways.pace import MemoryPace, Pace
from gateways.redis.link import RedisBroken, RedisDown, RedisLink, Script

PATIENCE_SECONDS = 1.0  # a grant must not wait for a Redis that hangs
AWAY_SECONDS = 2.0  # then it is asked again

# KEYS: the window. ARGV: limit, length in microseconds. Answers 0, or the microseconds to wait.
_TAKE = Script(
    """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local length = tonumber(ARGV[2])
local last = tonumber(redis.call('LINDEX', KEYS[1], -1) or '0')
if last > now then
  for i, moment in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    redis.call('LSET', KEYS[1], i - 1, string.format('%.0f', moment - (last - now)))
  end
end
local oldest = tonumber(redis.call('LINDEX', KEYS[1], 0) or '0')
while oldest > 0 and now - oldest >= length do
  redis.call('LPOP', KEYS[1])
  oldest = tonumber(redis.call('LINDEX', KEYS[1], 0) or '0')
end
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return math.max(1, oldest + length - now)
end
redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(length / 1000) + 1000))
return 0
"""
)

log = structlog.get_logger("pace")


class RedisPace:
    """Implements `Pace`. `fallback` decides while Redis does not answer, and lends its clock.

    It is told of all that this process did, so that an outage begins with what is known. What was let through during
    an outage is not told to Redis: for the rest of that window the others may be too fast, which Twitch then refuses.
    """

    def __init__(
        self, *, link: RedisLink, fallback: MemoryPace, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._link, self._fallback, self._clock = link, fallback, fallback.clock
        self._patience_seconds = patience_seconds
        self._away_until: float | None = None

    async def take(self, key: str, *, limit: int, window_seconds: float) -> float:
        if self._is_away():
            return await self._fallback.take(key, limit=limit, window_seconds=window_seconds)
        try:
            async with asyncio.timeout(self._patience_seconds):
                wait: int = await self._link.run(
                    _TAKE, [self._key(key)], (limit, math.ceil(window_seconds * 1_000_000))
                )
        except (RedisDown, RedisBroken, TimeoutError) as error:
            self._lost(error)
            return await self._fallback.take(key, limit=limit, window_seconds=window_seconds)
        self._back()
        if wait == 0:
            await self._fallback.take(key, limit=limit, window_seconds=window_seconds)
        return wait / 1_000_000

    async def give_back(self, key: str) -> None:
        await self._fallback.give_back(key)
        if self._away_until is not None:
            return
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._link.command("RPOP", self._key(key))
        except (RedisDown, RedisBroken, TimeoutError) as error:
            self._lost(error)

    def _key(self, key: str) -> str:
        return self._link.key("pace", key)

    def _is_away(self) -> bool:
        return self._away_until is not None and self._clock.monotonic() < self._away_until

    def _lost(self, error: Exception) -> None:
        if self._away_until is None:
            code = error.code if isinstance(error, CuelightError) else "redis.slow"
            log.warning("pace.alone", code=code)
        self._away_until = self._clock.monotonic() + AWAY_SECONDS

    def _back(self) -> None:
        if self._away_until is not None:
            log.info("pace.shared_again")
            self._away_until = None


_conforms: type[Pace] = RedisPace
