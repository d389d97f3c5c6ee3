"""The three scripts that a topic in Redis lives by, what goes into them and how to read what comes out.

A topic is four keys, which share a slot: `meta` (a hash: epoch, seq, rev, base, bytes …), `stream` (the entries, id
`seq-bytes`, where `bytes` is how many the epoch had seen before this entry), `known` (the remembered keys, by seq) and
`base` (the snapshot that the epoch began from, after a line with the epoch).

Every script that may write **opens** the topic first: it begins a new epoch, at `seq` 0, where the old one is not there
or cannot be trusted:

- meta is missing (new, expired, evicted, FLUSHALL);
- the stream or the remembered keys are not as many as meta says (Redis evicted one of the keys);
- another server process wrote it (restart, failover): writes that it acknowledged may be gone, even where later ones
  have taken their numbers since, so no `seq` tells;
- it stands before a place that the caller has seen in the same epoch (data were put back).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from gateways.redis.link import Argument, RedisLink, Script
from gateways.topics.contracts import Entry, Position

TTL_MS = 7 * 24 * 3600 * 1000
TOUCH_MS = 3600 * 1000  # how often the time to live is set anew
ENTRY_OVERHEAD_BYTES = 100
_NEVER = 10**14  # a rev that no topic reaches
MOST_MESSAGE_BYTES = 128 << 10  # a longer batch is announced without its entries

_OPEN = """
local meta, stream, known, base_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local channel, run, seen_epoch, seen_seq, ttl = ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)
local m = redis.call('HMGET', meta, 'epoch', 'seq', 'rev', 'base', 'bytes', 'floor', 'keys', 'run', 'touched')
local epoch, seq, rev, base = m[1], tonumber(m[2]), tonumber(m[3]), tonumber(m[4])
local bytes, floor, keys, touched = tonumber(m[5]), tonumber(m[6]), tonumber(m[7]), tonumber(m[9])
local began = false
local function begin(new)
  redis.call('DEL', stream, known, base_key)
  epoch, seq, rev, base, bytes, floor, keys, touched = new, 0, 0, 0, 0, 0, 0, 0
  began = true
end
if not epoch
  or (run ~= '' and m[8] ~= '' and m[8] ~= run)
  or (seen_epoch == epoch and seen_seq > seq)
  or redis.call('XLEN', stream) ~= seq - base
  or (keys > 0 and redis.call('ZCARD', known) ~= keys) then
  begin(ARGV[2])
end
if run == '' then run = m[8] or '' end
local function save()
  local touch = at - touched > TOUCH_MS
  if touch then touched = at end
  redis.call('HSET', meta, 'epoch', epoch, 'seq', seq, 'rev', rev, 'base', base, 'bytes', bytes, 'floor', floor,
    'keys', keys, 'run', run, 'touched', touched)
  if touch then
    for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end
  end
end
"""


def _opening(text: str) -> Script:
    text = (_OPEN + text).replace("TOUCH_MS", str(TOUCH_MS))
    return Script(text.replace("ENTRY_OVERHEAD_BYTES", str(ENTRY_OVERHEAD_BYTES)))


# Entries follow ARGV[10]: a payload each, which begins with a quotation mark; before it, where needed, its options
# `state guard : key`. The reply is epoch, seq, rev, base, and for each entry its seq, or -1 - rev (its guard failed).
APPEND = _opening("""
local max_entries, max_bytes, max_keys = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local most = tonumber(ARGV[10])
local before, keys_before = seq, keys
local head = '[' .. string.format('%.0f', at) .. ','
local reply, out, size = {epoch, 0, 0, 0}, {}, 0
local i, n = 11, #ARGV
while i <= n do
  local word = ARGV[i]
  local state, guard, key = false, '', ''
  if string.byte(word) ~= 34 then
    state, guard, key = string.match(word, '^(.)(%d*):(.*)$')
    state = state == '1'
    i = i + 1
    word = ARGV[i]
  end
  local first = key ~= '' and keys > 0 and redis.call('ZSCORE', known, key)
  if first then
    reply[#reply + 1] = tonumber(first)
  elseif guard ~= '' and tonumber(guard) ~= rev then
    reply[#reply + 1] = -1 - rev
  else
    local entry = head .. word
    seq = seq + 1
    redis.call('XADD', stream, seq .. '-' .. bytes, 'e', entry)
    bytes = bytes + #entry + ENTRY_OVERHEAD_BYTES
    size = size + #entry
    out[#out + 1] = entry
    if state then rev = rev + 1 end
    if key ~= '' then
      redis.call('ZADD', known, seq, key)
      keys = keys + 1
    end
    reply[#reply + 1] = seq
  end
  i = i + 1
end
if seq - base > max_entries then
  local gone = redis.call('XTRIM', stream, 'MAXLEN', '~', max_entries)
  if gone > 0 then
    base = base + gone
    floor = tonumber(string.match(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1], '%-(%d+)$'))
  end
end
if bytes - floor > max_bytes then
  local wanted = bytes - max_bytes * 0.875
  while floor < wanted and seq - base > 1 do
    local page = redis.call('XRANGE', stream, '-', '+', 'COUNT', 64)
    for _, row in ipairs(page) do
      local number, here = string.match(row[1], '^(%d+)%-(%d+)$')
      base, floor = tonumber(number) - 1, tonumber(here)
      if floor >= wanted or base == seq - 1 then break end
    end
    redis.call('XTRIM', stream, 'MINID', '=', (base + 1) .. '-0')
  end
end
if keys > max_keys then
  redis.call('ZREMRANGEBYRANK', known, 0, keys - max_keys - 1)
  keys = max_keys
end
if (before == 0 and seq > 0) or (keys_before == 0 and keys > 0) then touched = 0 end
if began or seq > before then
  save()
  local told = ''
  if size <= most then told = table.concat(out, ',') end
  redis.call('PUBLISH', channel, '["' .. epoch .. '",' .. seq .. ',[' .. told .. ']]')
elseif at - touched > TOUCH_MS then
  save()
end
reply[1], reply[2], reply[3], reply[4] = epoch, seq, rev, base
return reply
""")

# ARGV[7]: the epoch that shall end, ARGV[8]: the snapshot. The reply is epoch and seq.
RESEED = _opening("""
if epoch == ARGV[7] then
  begin(ARGV[2])
  redis.call('SET', base_key, epoch .. '\\n' .. ARGV[8])
end
if began then
  save()
  redis.call('PUBLISH', channel, '["' .. epoch .. '",0,[]]')
end
return {epoch, seq}
""")

# KEYS: meta, stream. ARGV: after which seq, how many. The reply is epoch, seq, base, the first seq read, payloads.
READ = Script("""
local m = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'base')
if not m[1] then return {'', 0, 0, 0} end
local rows = redis.call('XRANGE', KEYS[2], (ARGV[1] + 1) .. '-0', '+', 'COUNT', ARGV[2])
local reply = {m[1], tonumber(m[2]), tonumber(m[3]), 0}
for i, row in ipairs(rows) do reply[i + 4] = row[2][2] end
if rows[1] then reply[4] = tonumber(string.match(rows[1][1], '^(%d+)')) end
return reply
""")

# KEYS: meta, base. The reply is the epoch and the snapshot, each perhaps missing.
SNAPSHOT = Script("return {redis.call('HGET', KEYS[1], 'epoch'), redis.call('GET', KEYS[2])}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a topic keeps: entries (a hundred more may stay), bytes with some overhead each, keys."""

    entries: int
    bytes: int
    keys: int


class Keys(NamedTuple):
    """The keys of a topic, in the order of the scripts, and its channel."""

    meta: bytes
    stream: bytes
    known: bytes
    base: bytes
    channel: bytes

    @classmethod
    def of(cls, link: RedisLink, topic: str) -> Keys:
        """All but the channel are in the slot of the topic's name."""
        slot = f"{{{topic}}}"
        names = (link.key("topic", slot, part) for part in ("meta", "log", "keys", "base", "news"))
        return cls(*(name.encode("utf-8", "surrogatepass") for name in names))


class Opening(NamedTuple):
    """What every writing script is told: the epoch to begin if one has to be begun, the run of the server that we
    are connected to ("" if it does not say), and the farthest place of this topic that we know."""

    new_epoch: str
    run: str
    seen: Position | None

    def args(self, keys: Keys) -> list[Argument]:
        """ARGV 1 to 6."""
        epoch, seq = (self.seen.epoch, self.seen.seq) if self.seen else ("", 0)
        return [keys.channel, self.new_epoch, self.run, epoch, seq, TTL_MS]


@lru_cache(maxsize=1024)
def _front(kind: str, state: bool, version: int) -> str:
    return f"{json.dumps(kind)},{int(state)},{version},"


def payload(kind: str, state: bool, version: int, body: str) -> bytes:
    """What is stored of an entry, but for the time in front of it. `body` is JSON."""
    text = f"{_front(kind, state, version)}{body}]"
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON may hold and UTF-8 may not
        return json.dumps(json.loads(f"[{text}"))[1:].encode()


def options(state: bool, guard: int | None, key: str | None) -> bytes | None:
    """What stands before a payload that is not plain."""
    if not state and guard is None and key is None:
        return None
    number = "" if guard is None else guard if guard >= 0 else _NEVER
    text = f"{int(state)}{number}:{key or ''}"
    return text.encode("utf-8", "surrogatepass")


def append_args(keys: Keys, opening: Opening, bounds: Bounds, words: Sequence[Argument]) -> list[Argument]:
    """Keys and arguments of `APPEND`, ready to follow its digest or text."""
    limits = (bounds.entries, bounds.bytes, bounds.keys, MOST_MESSAGE_BYTES)
    return [4, *keys[:4], *opening.args(keys), *limits, *words]


def entries(epoch: str, first: int, rows: Sequence[Any]) -> list[Entry]:
    """Entries from decoded rows `[at, kind, state, version, body]`, of which the first has the number `first`."""
    return [
        Entry(Position(epoch, seq), at, kind, body, bool(state), version)
        for seq, (at, kind, state, version, body) in enumerate(rows, first)
    ]


@dataclass(frozen=True, slots=True)
class News:
    """A message on a topic's channel: the newest place, and the entries that led there (perhaps none)."""

    epoch: str
    seq: int
    entries: list[Entry]
    size: int

    @classmethod
    def parse(cls, data: bytes) -> News:
        """Raises `ValueError` for what is none of our messages."""
        try:
            epoch, seq, rows = json.loads(data)
            return cls(epoch, seq, entries(epoch, seq - len(rows) + 1, rows), len(data))
        except (TypeError, KeyError, RecursionError) as error:
            raise ValueError("not a message of a topic") from error


@dataclass(frozen=True, slots=True)
class Page:
    """Entries that were read from the stream, and where the topic stood at that moment. No epoch: no topic."""

    epoch: str
    seq: int
    base: int
    entries: list[Entry]
    size: int

    def continues(self, seq: int) -> bool:
        """Whether the entry after `seq` is the first one here."""
        return bool(self.entries) and self.entries[0].position.seq == seq + 1

    @classmethod
    def parse(cls, reply: Sequence[Any]) -> Page:
        """Read the reply of `READ`."""
        name, seq, base, first, *rows = reply
        epoch = name.decode()
        found = entries(epoch, first, [json.loads(row) for row in rows])
        return cls(epoch, seq, base, found, sum(map(len, rows)))
