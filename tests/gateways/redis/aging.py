"""Time that passes for what Redis holds, without waiting for it: everything is made older instead.

That needs to know how times are written (remaining time of keys, scores of groups, moments of a pace); the tests of the
contracts need not, and use windows so long that the moments which a test really takes do not matter.
"""

from __future__ import annotations

from gateways.redis.link import RedisLink, Script

_AGE = Script(
    """
local older = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', ARGV[2])) do
  local left = redis.call('PTTL', key)
  local kind = redis.call('TYPE', key).ok
  if left >= 0 and left <= older then
    redis.call('DEL', key)
  else
    if left >= 0 then
      redis.call('PEXPIRE', key, left - older)
    end
    if kind == 'zset' then
      for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        redis.call('ZINCRBY', key, -older, member)
      end
    elseif kind == 'list' then
      for i, moment in ipairs(redis.call('LRANGE', key, 0, -1)) do
        redis.call('LSET', key, i - 1, string.format('%.0f', moment - older * 1000))
      end
    end
  end
end
"""
)


async def age(link: RedisLink, seconds: float) -> None:
    """What the link's prefix holds is `seconds` older."""
    await link.run(_AGE, [], (round(seconds * 1000), link.key("*")))
