"""The clock and the network of one viewer, on virtual time.

True time (seconds) is known to the bench alone; the viewer has a clock that is off and runs fast or slow, and hears of
the room through a delay line in each direction that keeps the order, as TCP does, so that one lost packet holds up all
behind it. Everything is drawn from the generator that is handed in: the same seed, the same evening.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

LARGEST_OFFSET = 5.0
WORST_SKEW = 100e-6
RESOLUTIONS = (0.0001, 0.001)
"""Browsers round `performance.now()` to something between."""


@dataclass(frozen=True, slots=True)
class VirtualClock:
    """`offset` in seconds at true time 0, `skew` in seconds per second, `resolution` in seconds."""

    offset: float = 0.0
    skew: float = 0.0
    resolution: float = 0.0

    def at(self, true: float) -> float:
        """What it shows."""
        shown = true * (1.0 + self.skew) + self.offset
        return shown if self.resolution == 0.0 else math.floor(shown / self.resolution) * self.resolution


def any_clock(random: Random) -> VirtualClock:
    """As clocks are (reference §6.1)."""
    return VirtualClock(
        offset=random.uniform(-LARGEST_OFFSET, LARGEST_OFFSET),
        skew=random.uniform(-WORST_SKEW, WORST_SKEW),
        resolution=random.uniform(*RESOLUTIONS),
    )


@dataclass(frozen=True, slots=True)
class Path:
    """One direction. A message takes `base_ms` and a jitter whose median is `jitter_ms` (log-normal, `spread`). A share
    `busy` of the time is a burst, in which it takes up to `busy_ms` more, and a share `lost` waits for `resend_ms`."""

    base_ms: float
    jitter_ms: float = 0.0
    spread: float = 1.0
    busy: float = 0.0
    busy_ms: float = 0.0
    lost: float = 0.0
    resend_ms: float = 200.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of connection. `up` is from the viewer to the room."""

    up: Path
    down: Path


PROFILES: Mapping[str, Profile] = {
    "fibre": Profile(
        up=Path(5, 0.3, busy=0.02, busy_ms=20, lost=0.0005),
        down=Path(5, 0.3, busy=0.02, busy_ms=20, lost=0.0005),
    ),
    "wifi": Profile(
        up=Path(15, 2, busy=0.05, busy_ms=80, lost=0.003),
        down=Path(15, 2, busy=0.05, busy_ms=80, lost=0.003),
    ),
    "mobile": Profile(
        up=Path(45, 12, busy=0.08, busy_ms=250, lost=0.01),
        down=Path(35, 10, busy=0.08, busy_ms=250, lost=0.01),
    ),
    # Somebody uploads holiday films meanwhile: half the difference of the ways is not to be seen from either end.
    "loaded uplink": Profile(
        up=Path(60, 10, busy=0.15, busy_ms=150, lost=0.005),
        down=Path(20, 2, busy=0.02, busy_ms=40, lost=0.002),
    ),
}

BURST_SECONDS = 0.5


class DelayLine:
    """One direction of one connection."""

    def __init__(self, path: Path, random: Random) -> None:
        self._path = path
        self._random = random
        self._last = 0.0
        self._busy = (-1, False)

    def arrives(self, sent: float) -> float:
        """When a message sent at this true time is there. Nothing overtakes."""
        path, random = self._path, self._random
        ms = path.base_ms
        if path.jitter_ms:
            ms += path.jitter_ms * random.lognormvariate(0.0, path.spread)
        if self._bursting(sent):
            ms += path.busy_ms * random.random()
        if path.lost and random.random() < path.lost:
            ms += path.resend_ms
        self._last = max(self._last, sent + ms / 1000)
        return self._last

    def _bursting(self, sent: float) -> bool:
        if not self._path.busy:
            return False
        turn = int(sent / BURST_SECONDS)
        if turn != self._busy[0]:
            self._busy = (turn, self._random.random() < self._path.busy)
        return self._busy[1]
