"""One time for all processes: that of Redis, and how far our monotonic clock is from it.

The question takes a while there and a while back, and nobody knows how the time was spent between the two. If it is
taken as half and half, the error is at most half of the round trip. So of the last samples the one with the shortest
round trip is believed (NTP's clock filter, RFC 5905 §10), and more so the younger it is, as clocks drift.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from domain.ports import Clock
from gateways.redis.link import RedisBroken, RedisLink

SAMPLES = 8
DRIFT = (
    0.0002  # two clocks that count seconds differ by at most this part: quartz and NTP's slewing, generously
)
SLEW = 0.5  # how fast time goes on while it is ahead
_ROUNDING_MS = 0.01  # microseconds of Redis, and floats of this size


class Sample(NamedTuple):
    """`sent` and `received`: our monotonic seconds around the question. `redis_ms`: UTC ms, with a fraction."""

    sent: float
    redis_ms: float
    received: float


class RedisTime:
    """Asks Redis for its time."""

    def __init__(self, *, link: RedisLink, clock: Clock) -> None:
        self._link, self._clock = link, clock

    async def sample(self) -> Sample:
        """Raises `RedisDown` and `RedisBroken`."""
        sent = self._clock.monotonic()
        answer = await self._link.command("TIME")
        received = self._clock.monotonic()
        try:
            seconds, microseconds = answer
            return Sample(sent, int(seconds) * 1000 + int(microseconds) / 1000, received)
        except (TypeError, ValueError):
            raise RedisBroken("Redis gave a time that is none.") from None

    async def run_id(self) -> str:
        """The id of the server's process: another one after a restart or a failover; "" if it does not tell. Raises
        `RedisDown` and `RedisBroken`."""
        answer = await self._link.command("INFO", "server")
        return str(answer.get("run_id", "")) if isinstance(answer, dict) else ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """`zero_ms`: what Redis showed when our monotonic clock stood at 0; true within `doubt_ms` at the moment `at`."""

    at: float
    zero_ms: float
    doubt_ms: float

    def doubt_at(self, monotonic: float) -> float:
        return self.doubt_ms + DRIFT * 1000 * abs(monotonic - self.at)

    def contradicts(self, other: _Reading) -> bool:
        """They cannot both be true of the same two clocks: one of these was set, or stood still."""
        return abs(self.zero_ms - other.zero_ms) > self.doubt_ms + other.doubt_at(self.at)


class Offset:
    """Redis time from our monotonic clock, by the best of the last samples. Pure.

    What it told never goes back: when it turns out to be ahead, it goes on at half speed until the truth has caught
    up. Forward it jumps.
    """

    def __init__(self) -> None:
        self._readings: deque[_Reading] = deque(maxlen=SAMPLES)
        self._told_at = 0.0
        self._told_ms: float | None = None

    def add(self, sent: float, redis_ms: float, received: float) -> None:
        """Learn from one sample, in the order in which they were received."""
        middle = (sent + received) / 2
        trip = max(0.0, received - sent)
        # Half of the way, and what the two clocks may drift apart on it.
        doubt = trip * (500 + 1000 * DRIFT) + _ROUNDING_MS
        new = _Reading(received, redis_ms - middle * 1000, doubt)
        if any(new.contradicts(old) for old in self._readings):
            self._readings.clear()
        self._readings.append(new)

    def now_ms(self, monotonic: float) -> int | None:
        """UTC milliseconds by Redis; none before the first sample."""
        best = self._best(monotonic)
        if best is None:
            return None
        now = best.zero_ms + monotonic * 1000
        if self._told_ms is not None:
            passed = max(0.0, monotonic - self._told_at)
            now = max(now, self._told_ms + passed * 1000 * SLEW)
        self._told_ms, self._told_at = now, max(monotonic, self._told_at)
        return int(now)

    def bound_ms(self, monotonic: float) -> float | None:
        """By how much the believed time may be wrong; none before the first sample. While it is slewing, more."""
        best = self._best(monotonic)
        return None if best is None else best.doubt_at(monotonic)

    def _best(self, monotonic: float) -> _Reading | None:
        return min(self._readings, key=lambda reading: reading.doubt_at(monotonic), default=None)
