"""Room time: one clock for all who serve a room, in integer microseconds.

Alone it is the monotonic clock of the process. In a fleet it is the time of Redis, which each process estimates from
its own monotonic clock: of the last samples the one with the shortest round trip is believed, the more so the younger
it is (`gateways/redis/time.py` says why). What is told moves towards what is believed by at most 500 ppm, so that no
player hears it, and never goes back. What lies farther off than 20 ms is a **step**: the clock is another one then,
with another `clock_id`, and whoever measured against the old one measures again.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import structlog

from domain.errors import Broken, Unavailable
from domain.ports import Clock
from gateways.redis.time import DRIFT, RedisTime

SAMPLES = 16
SLEW = 0.0005
STEP_US = 20_000
FIRST_SAMPLES = 5
SAMPLE_SECONDS = 2.0
_ROUNDING_US = 2.0

log = structlog.get_logger("rooms")


class RoomTime(Protocol):
    """What a room needs to know of time."""

    @property
    def clock_id(self) -> str:
        """Changes whenever the time has jumped; within one it never goes back."""
        ...

    def now(self) -> int:
        """Microseconds of room time."""
        ...

    def bound(self) -> float:
        """By how many microseconds `now` may be wrong, compared with the clock that all share."""
        ...


@dataclass(frozen=True, slots=True)
class _Reading:
    """`zero`: what the other clock showed when ours stood at 0 (µs, less the estimator's base); true within `doubt` at
    the moment `at` (our seconds)."""

    at: float
    zero: float
    doubt: float

    def doubt_at(self, monotonic: float) -> float:
        return self.doubt + DRIFT * 1e6 * abs(monotonic - self.at)

    def contradicts(self, other: _Reading) -> bool:
        return abs(self.zero - other.zero) > self.doubt + other.doubt_at(self.at)


class Estimator:
    """Another clock, from ours and samples of it. Pure. `steps` counts how often the time has jumped."""

    def __init__(self) -> None:
        self.steps = 0
        self._readings: deque[_Reading] = deque(maxlen=SAMPLES)
        self._base: int | None = None  # keeps the floats small: a microsecond of today is their last bit
        self._told: float | None = None  # what is told, less our own time and the base
        self._told_at = 0.0
        self._last = 0

    def add(self, sent: float, remote_us: int, received: float) -> bool:
        """Learn from a sample: our monotonic seconds around the question, and the answer in µs. In the order in which
        they were received. True: the time has jumped."""
        middle = (sent + received) / 2
        trip = max(0.0, received - sent)
        zero = remote_us - round(middle * 1e6)
        if self._base is None:
            self._base = zero
        exact = (remote_us - self._base) - middle * 1e6
        new = _Reading(received, exact, trip * 1e6 * (0.5 + DRIFT) + _ROUNDING_US)
        if any(new.contradicts(old) for old in self._readings):
            self._readings.clear()  # one of the two clocks was set, or stood still
        self._readings.append(new)
        if self._told is None or abs(self._best(received).zero - self._slewed(received)) <= STEP_US:
            return False
        self._jump()
        return True

    def forget(self) -> None:
        """The other clock is another one from now on (its server began anew)."""
        self._readings.clear()
        self._jump()

    def now(self, monotonic: float) -> int:
        """What the other clock shows, in µs. Needs one sample at least, and a time that does not go back."""
        self._told, self._told_at = self._slewed(monotonic), max(monotonic, self._told_at)
        assert self._base is not None
        self._last = max(self._last, self._base + int(self._told_at * 1e6 + self._told))
        return self._last

    def bound(self, monotonic: float) -> float:
        """By how many µs `now` may be wrong: the doubt of the best reading, and what is still being made good."""
        best = self._best(monotonic)
        return best.doubt_at(monotonic) + abs(best.zero - self._slewed(monotonic))

    @property
    def is_ready(self) -> bool:
        """Whether there is a sample."""
        return bool(self._readings)

    def _jump(self) -> None:
        self._told, self._last = None, 0
        self.steps += 1

    def _slewed(self, monotonic: float) -> float:
        believed = self._best(monotonic).zero
        if self._told is None:
            return believed
        most = max(0.0, monotonic - self._told_at) * 1e6 * SLEW
        return self._told + min(max(believed - self._told, -most), most)

    def _best(self, monotonic: float) -> _Reading:
        return min(self._readings, key=lambda reading: reading.doubt_at(monotonic))


class OwnTime:
    """Implements `RoomTime` for a process that is alone: its monotonic clock, which began at the wall's time. `name` is
    of this run alone, as what others measured before a restart is worth nothing after it."""

    def __init__(self, *, clock: Clock, name: str) -> None:
        self._clock, self._name = clock, name
        self._zero = clock.now() * 1000 - round(clock.monotonic() * 1e6)

    @property
    def clock_id(self) -> str:
        return self._name

    def now(self) -> int:
        return self._zero + round(self._clock.monotonic() * 1e6)

    def bound(self) -> float:
        return 0.0


class FleetTime:
    """Implements `RoomTime` for one process of a fleet. `start` before anybody asks; then `run` keeps it true. While
    Redis is away it goes on by itself, and the bound grows."""

    def __init__(self, *, clock: Clock, redis: RedisTime, name: str) -> None:
        self._clock, self._redis, self._name = clock, redis, name
        self._estimator = Estimator()
        self._run_id = ""

    @property
    def is_ready(self) -> bool:
        """Whether Redis has told its time. Until then ours stands in, under another name."""
        return self._estimator.is_ready

    @property
    def clock_id(self) -> str:
        return f"{self._name}.{self._estimator.steps if self.is_ready else 'own'}"

    def now(self) -> int:
        if not self.is_ready:
            return self._clock.now() * 1000
        return self._estimator.now(self._clock.monotonic())

    def bound(self) -> float:
        return self._estimator.bound(self._clock.monotonic()) if self.is_ready else math.inf

    async def start(self) -> None:
        """The first samples, at once. Raises `RedisDown` and `RedisBroken`."""
        for _ in range(FIRST_SAMPLES):
            await self.sample()

    async def run(self) -> None:
        """Sample for ever, until cancelled."""
        while True:
            await self._clock.sleep(SAMPLE_SECONDS)
            try:
                await self.sample()
            except (Unavailable, Broken) as error:
                log.debug("rooms.time.no_sample", code=error.code)

    async def sample(self) -> None:
        """One sample. Raises `RedisDown` and `RedisBroken`."""
        run_id = await self._redis.run_id()
        sent, redis_ms, received = await self._redis.sample()
        began_anew = self._run_id != "" and run_id not in ("", self._run_id)
        if began_anew:
            self._estimator.forget()
        self._run_id = run_id or self._run_id
        if self._estimator.add(sent, round(redis_ms * 1000), received) or began_anew:
            log.info("rooms.time.stepped", clock_id=self.clock_id)


_alone: type[RoomTime] = OwnTime
_together: type[RoomTime] = FleetTime
