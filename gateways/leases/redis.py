"""The leases of a fleet, kept by Redis and its time: a key per name that runs out by itself.

A lease is the text `fence:serial:owner`. The fence is the time of Redis in microseconds, or one more than the last that
was given: so fences go on rising when Redis forgot everything. The serial counts the requests of this process:
a release that was stuck on its way takes back nothing that was taken after it was sent.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from domain.ports import Clock
from gateways.leases.contracts import Held, Leases
from gateways.redis.link import Argument, RedisLink, Script

NAMES_PER_CALL = 500  # other commands wait while a script runs; this many take Redis a few milliseconds

# KEYS: the last fence, then a key per name. ARGV: owner, ttl in ms, serial. Answers the fence of each, "" if another's.
# Numbers are written out by %.0f: Lua would round those of this size.
_ACQUIRE = Script(
    """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = false
local fences = {}
for i = 2, #KEYS do
  local held = redis.call('GET', KEYS[i])
  local left = tonumber(ARGV[2])
  local serial = tonumber(ARGV[3])
  local fence = ''
  if held then
    local known, before, owner = string.match(held, '^(%d+):(%d+):(.*)$')
    if owner == ARGV[1] then
      fence = known
      serial = math.max(serial, before)
      left = math.max(left, redis.call('PTTL', KEYS[i]))
    end
  else
    last = math.max((last or tonumber(redis.call('GET', KEYS[1]) or '0')) + 1, now)
    fence = string.format('%.0f', last)
  end
  if fence ~= '' then
    local lease = string.format('%s:%.0f:%s', fence, serial, ARGV[1])
    redis.call('SET', KEYS[i], lease, 'PX', string.format('%.0f', left))
  end
  fences[i - 1] = fence
end
if last then
  redis.call('SET', KEYS[1], string.format('%.0f', last))
end
return fences
"""
)

# KEYS: a key per name. ARGV: owner, ttl in ms. Answers the fence of each, "" if it is not ours. Never shortens one.
_RENEW = Script(
    """
local fences = {}
for i = 1, #KEYS do
  local fence, owner = string.match(redis.call('GET', KEYS[i]) or '', '^(%d+):%d+:(.*)$')
  fences[i] = ''
  if owner == ARGV[1] then
    fences[i] = fence
    if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[2]) then
      redis.call('PEXPIRE', KEYS[i], ARGV[2])
    end
  end
end
return fences
"""
)

# KEYS: a key per name. ARGV: owner, serial. Only what was taken before this release was sent.
_RELEASE = Script(
    """
for i = 1, #KEYS do
  local serial, owner = string.match(redis.call('GET', KEYS[i]) or '', '^%d+:(%d+):(.*)$')
  if owner == ARGV[1] and tonumber(serial) <= tonumber(ARGV[2]) then
    redis.call('DEL', KEYS[i])
  end
end
"""
)

# KEYS: the group, a sorted set of owners by the time at which they are gone. ARGV: owner, ttl in ms.
_MUSTER = Script(
    """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""
)


class RedisLeases:
    """Implements `Leases`. `owner` must be of one process alone, for the one time that it runs.

    Raises `RedisDown` and `RedisBroken`; a call of many names may then have had its effect on some of them.
    """

    def __init__(self, *, link: RedisLink, clock: Clock) -> None:
        self._link, self._clock = link, clock
        self._serials = itertools.count(1)

    async def acquire(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        serial = next(self._serials)
        first = (self._link.key("{leases}", "fence"),)
        return await self._take(_ACQUIRE, names, owner, ttl_seconds, first=first, more=(serial,))

    async def renew(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        return await self._take(_RENEW, names, owner, ttl_seconds)

    async def release(self, names: Sequence[str], *, owner: str) -> None:
        serial = next(self._serials)
        for some in _chunks(names):
            await self._link.run(_RELEASE, self._keys(some), (owner, serial))

    async def holders(self, names: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for some in _chunks(names):
            kept: list[bytes | None] = await self._link.command("MGET", *self._keys(some))
            found |= {name: _owner(lease) for name, lease in zip(some, kept, strict=True) if lease}
        return found

    async def muster(self, group: str, *, owner: str, ttl_seconds: float) -> list[str]:
        answer: list[bytes] = await self._link.run(
            _MUSTER, [self._link.key("{leases}", "group", group)], (owner, _milliseconds(ttl_seconds))
        )
        return sorted(member.decode() for member in answer)

    async def leave(self, group: str, *, owner: str) -> None:
        await self._link.command("ZREM", self._link.key("{leases}", "group", group), owner)

    async def _take(
        self,
        script: Script,
        names: Sequence[str],
        owner: str,
        ttl_seconds: float,
        *,
        first: tuple[str, ...] = (),
        more: tuple[Argument, ...] = (),
    ) -> dict[str, Held]:
        held: dict[str, Held] = {}
        for some in _chunks(names):
            # From before it was sent: the holder never believes in more than Redis gives.
            deadline = self._clock.monotonic() + ttl_seconds
            arguments = (owner, _milliseconds(ttl_seconds), *more)
            fences: list[Any] = await self._link.run(script, [*first, *self._keys(some)], arguments)
            for name, fence in zip(some, fences, strict=True):
                if fence:
                    held[name] = Held(name, int(fence), deadline)
        return held

    def _keys(self, names: Sequence[str]) -> list[str]:
        return [self._link.key("{leases}", "held", name) for name in names]


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), NAMES_PER_CALL):
        yield names[start : start + NAMES_PER_CALL]


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1000)


def _owner(lease: bytes) -> str:
    return lease.decode().split(":", 2)[2]


_conforms: type[Leases] = RedisLeases
