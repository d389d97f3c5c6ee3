"""The two kinds of limit: the points bucket of Helix and plain "N per window" rules."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field


@dataclass
class PointsBucket:
    """A bucket of `size` points which refills evenly within `window_s`. Size 0 means: no bucket."""

    size: int
    window_s: float
    _points: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._points = float(self.size)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Spend a point; False when none is left."""
        if self.size == 0:
            return True
        self._refill()
        if self._points < 1:
            return False
        self._points -= 1
        return True

    def headers(self) -> dict[str, str]:
        """`Ratelimit-*`; Reset is the Unix second at which the bucket is full again."""
        if self.size == 0:
            return {}
        self._refill()
        missing = self.size - self._points
        full_at = time.time() + missing * self.window_s / self.size
        return {
            "Ratelimit-Limit": str(self.size),
            "Ratelimit-Remaining": str(int(self._points)),
            "Ratelimit-Reset": str(math.ceil(full_at)),
        }

    def _refill(self) -> None:
        now = time.monotonic()
        self._points = min(self.size, self._points + (now - self._at) * self.size / self.window_s)
        self._at = now


@dataclass
class Window:
    """At most `count` within any `seconds`. Count 0 means: no limit."""

    count: int
    seconds: float
    _taken: deque[float] = field(default_factory=deque)

    def full(self) -> bool:
        now = time.monotonic()
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        return self.count > 0 and len(self._taken) >= self.count

    def take(self) -> None:
        self._taken.append(time.monotonic())
