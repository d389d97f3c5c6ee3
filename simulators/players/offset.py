"""The room's time, told from a clock of one's own that is wrong by an unknown offset and runs a little fast or slow.

A probe has four stamps: sent and received on our clock, arrived and answered on the room's. The true offset lies within
half the delay of the probe, whatever the network did, and moves by at most `PPM` of the time since. So each kept probe
is an interval that holds the truth, and so is what they have in common; an early one and a late one tell how fast our
clock can run at most and at least. The estimate is a line through the quickest probes, or the best probe while there
are too few, kept where it cannot be wrong by more than the best probe's bound.

Units: our clock in seconds (monotonic), the room's in microseconds, offsets (room minus ours) in seconds.
Sources: RFC 5905 §8 and §10 (four stamps, least delay, dispersion that grows with age).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

KEPT = 64
PPM = 100e-6
"""What a clock is taken to be off by, in seconds per second."""

STEEPEST = 200e-6
WANDERS = 2e-6
"""How much the speed of a clock changes with the warmth of a room, about."""

STAMP_SECONDS = 1e-6
QUICK, QUICK_SECONDS = 6, 60.0
"""A line needs so many quick probes over so long."""

SLEW = 0.005
"""Seconds per second: while a film plays, its clock must not jump."""

STEP_SECONDS = 0.100
SUSPENDED_SECONDS = 2.0
BURST, BURST_SECONDS = 8, (0.100, 0.250)
HURRY, HURRY_SECONDS = 4, 1.0
CALM_SECONDS = (8.0, 12.0)


@dataclass(frozen=True, slots=True)
class Probe:
    """One exchange. `offset` is relative to the origin of the clock that keeps it."""

    sent: float
    received: float
    offset: float
    delay: float

    @property
    def at(self) -> float:
        return (self.sent + self.received) / 2


class RoomClock:
    """Samples in, room time out. `resolution` (s) is that of our clock, which makes each probe so much less certain.

    Instants are handed in and do not go back.
    """

    def __init__(self, *, resolution: float = 0.0) -> None:
        self._resolution = resolution
        self._probes: deque[Probe] = deque(maxlen=KEPT)
        self._clock_id: str | None = None
        self._origin = 0
        self._taken = 0
        self._beat: float | None = None
        self._woke = -math.inf
        # The estimate since the last probe: a line from (_at, _value), within [_floor, _ceiling]; `_behind` is how far
        # the offset in use was from it then.
        self._at = self._value = self._slope = self._behind = 0.0
        self._floor = self._ceiling = 0.0
        self._slowest, self._fastest = -PPM, PPM
        self._best: Probe | None = None

    @property
    def ready(self) -> bool:
        """Whether there was a probe at all."""
        return self._best is not None

    @property
    def clock_id(self) -> str | None:
        """Which clock of the room the probes were of."""
        return self._clock_id

    @property
    def speeds(self) -> tuple[float, float]:
        """The least and the greatest speed (seconds per second) at which the offset can move, as far as is known."""
        return self._slowest, self._fastest

    def beat(self, local: float) -> bool:
        """To be called several times a second. True after a suspension, across which no probe counts."""
        slept = self._beat is not None and local - self._beat > SUSPENDED_SECONDS
        self._beat = local
        if slept:
            self._woke = local
        return slept

    def add(self, *, sent: float, arrived: int, answered: int, received: float, clock_id: str) -> bool:
        """Take in a probe; False if it is worth nothing: a negative delay, or asleep on the way."""
        delay = (received - sent) - (answered - arrived) / 1e6
        if (
            received < sent
            or answered < arrived
            or delay < -self._resolution - STAMP_SECONDS
            or sent < self._woke <= received
        ):
            return False
        if self._beat is not None and sent <= self._beat and received - self._beat > SUSPENDED_SECONDS:
            return False
        anew = clock_id != self._clock_id
        if anew:
            self._probes.clear()
            self._clock_id, self._origin, self._taken = clock_id, arrived, 0
        before = 0.0 if anew else self.offset(received)
        middle = ((arrived - self._origin) + (answered - self._origin)) / 2e6
        probe = Probe(sent, received, middle - (sent + received) / 2, max(0.0, delay))
        if any(self._contradict(probe, other) for other in self._probes):
            self._probes.clear()  # our clock stood still or jumped: what was measured before it is of another clock
        self._probes.append(probe)
        self._taken += 1
        self._estimate(received)
        # Nobody plays by the clock of the first moments, so there it may jump.
        behind = before - self.estimate(received)
        self._behind = 0.0 if self._taken <= BURST or abs(behind) > STEP_SECONDS else behind
        return True

    def estimate(self, local: float) -> float:
        """What is known best: never wrong by more than the best probe's `RTT/2 + age * PPM` (and the resolution)."""
        passed = local - self._at
        floor = self._floor - (PPM - self._fastest) * passed
        ceiling = self._ceiling + (PPM + self._slowest) * passed
        return min(max(self._value + self._slope * passed, floor), ceiling)

    def offset(self, local: float) -> float:
        """The offset in use, which follows the estimate without jumps."""
        left = max(0.0, abs(self._behind) - SLEW * max(0.0, local - self._at))
        return self.estimate(local) + math.copysign(left, self._behind)

    def room(self, local: float) -> int:
        """Microseconds of room time. Raises `ValueError` before the first probe."""
        if self._best is None:
            raise ValueError("the room's clock has not been asked yet")
        return self._origin + round((local + self.offset(local)) * 1e6)

    def local(self, room: int, near: float) -> float:
        """When our clock will show (or showed) an instant of the room, by the offset in use at `near`."""
        return (room - self._origin) / 1e6 - self.offset(near)

    def bound(self, local: float) -> float:
        """Seconds by which `room` may be wrong: half the best delay, its age, and what is still being slewed."""
        if self._best is None:
            return math.inf
        return self._wide(self._best, local, PPM) + abs(self.offset(local) - self.estimate(local))

    def _wide(self, probe: Probe, local: float, ppm: float) -> float:
        return probe.delay / 2 + self._resolution + max(0.0, local - probe.sent) * ppm

    def _contradict(self, new: Probe, old: Probe) -> bool:
        apart = self._wide(old, new.received, STEEPEST) + self._wide(new, new.received, STEEPEST)
        return abs(new.offset - old.offset) > apart

    def _estimate(self, now: float) -> None:
        best = min(self._probes, key=lambda probe: probe.delay / 2 + (now - probe.sent) * PPM)
        bound = self._wide(best, now, PPM)
        fitted = fit(quickest(self._probes))
        self._slowest, self._fastest = (-PPM, PPM) if fitted is None else self._speeds()
        low, high = -math.inf, math.inf
        for probe in self._probes:
            age, wide = now - probe.received, self._wide(probe, probe.received, PPM)
            low = max(low, probe.offset - wide + self._slowest * age)
            high = min(high, probe.offset + wide + self._fastest * age)
        # The truth is in [low, high]: from anywhere in [high - bound, low + bound] it is at most `bound` away. A clock
        # worse than PPM can leave no such place.
        self._floor, self._ceiling = (high - bound, low + bound) if low <= high else (-math.inf, math.inf)
        self._best, self._at = best, now
        if fitted is None:
            self._value, self._slope = best.offset, 0.0
        else:
            middle, value, self._slope = fitted
            self._value = value + self._slope * (now - middle)

    def _speeds(self) -> tuple[float, float]:
        """The least and the greatest speed at which the offset can move, if it moves evenly, whatever the delays."""
        least, most = -PPM, PPM
        probes = list(self._probes)
        half = len(probes) // 2
        for early, late in product(quickest(probes[:half]), quickest(probes[half:])):
            passed, moved = late.received - early.received, late.offset - early.offset
            slack = self._wide(early, early.received, PPM) + self._wide(late, late.received, PPM)
            if passed > 0:
                least, most = max(least, (moved - slack) / passed), min(most, (moved + slack) / passed)
        if least > most:  # it does not move evenly
            return -PPM, PPM
        return max(least - WANDERS, -PPM), min(most + WANDERS, PPM)


def quickest(probes: Sequence[Probe] | deque[Probe]) -> list[Probe]:
    """The quickest quarter, but as many as a line needs; of equals the newest."""
    return sorted(probes, key=lambda probe: (probe.delay, -probe.received))[: max(QUICK, len(probes) // 4)]


def fit(probes: Sequence[Probe]) -> tuple[float, float, float] | None:
    """Least squares: an instant, the offset there and its slope; None if the probes are too few or too close."""
    if len(probes) < QUICK:
        return None
    times = [probe.at for probe in probes]
    if max(times) - min(times) < QUICK_SECONDS:
        return None
    middle = sum(times) / len(times)
    value = sum(probe.offset for probe in probes) / len(probes)
    across = sum((probe.at - middle) * (probe.offset - value) for probe in probes)
    slope = across / sum((at - middle) ** 2 for at in times)
    return middle, value, min(max(slope, -STEEPEST), STEEPEST)


class Probing:
    """When to ask: a burst at first, then now and then, and soon again after a change. `chance` gives 0 to 1."""

    def __init__(self, chance: Callable[[], float], *, now: float) -> None:
        self._chance = chance
        self._left = BURST
        self.due = now

    def asked(self, now: float) -> None:
        """A probe was sent: the next one is due later."""
        self._left = max(0, self._left - 1)
        low, high = BURST_SECONDS if self._left else CALM_SECONDS
        self.due = now + low + (high - low) * self._chance()

    def hurry(self, now: float, *, after: float = HURRY_SECONDS) -> None:
        """The machine woke, the tab came to the front, the network or the room's clock changed."""
        self._left = max(self._left, HURRY)
        self.due = min(self.due, now + after)
