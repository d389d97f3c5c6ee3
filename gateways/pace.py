"""How often something may be done: so many times per window, for each key. The contract, and the one for one process.

Keys in use: `vip.add:<channel>`, `vip.remove:<channel>`, `chat:<channel>:<sender>`. A rate limit of ours is the same
question: `rate:<what>:<who>`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from domain.ports import Clock

_SWEEP_EVERY = 1024  # takes between two looks for keys that nobody uses any more
_ROUNDING_SECONDS = 1e-6  # who waits exactly as long as he was told is let through


class Pace(Protocol):
    """A sliding window: within any `window_seconds`, at most `limit` takes of one key are granted."""

    async def take(self, key: str, *, limit: int, window_seconds: float) -> float:
        """Ask to go now. 0 means go, and is counted; else the seconds until it is worth asking again (> 0).

        A refusal is not counted. A key must always come with the same limit and window. Never raises: an engine that
        is shared goes on alone while it cannot reach the others.
        """
        ...

    async def give_back(self, key: str) -> None:
        """The newest take of this key came to nothing (Twitch did not count it either): it counts no more."""
        ...


@dataclass(slots=True)
class _Window:
    seconds: float
    taken: deque[float] = field(default_factory=deque)


class MemoryPace:
    """The pace of one process, in its memory. A restart forgets it."""

    def __init__(self, *, clock: Clock) -> None:
        self.clock = clock
        self._windows: dict[str, _Window] = {}
        self._until_sweep = _SWEEP_EVERY

    async def take(self, key: str, *, limit: int, window_seconds: float) -> float:
        now = self.clock.monotonic()
        self._sweep(now)
        window = self._windows.setdefault(key, _Window(window_seconds))
        _forget(window, now)
        if len(window.taken) < limit:
            window.taken.append(now)
            return 0.0
        return max(_ROUNDING_SECONDS, window.taken[0] + window_seconds - now)

    async def give_back(self, key: str) -> None:
        window = self._windows.get(key)
        if window is not None and window.taken:
            window.taken.pop()

    @property
    def keys(self) -> int:
        """How many keys are remembered."""
        return len(self._windows)

    def _sweep(self, now: float) -> None:
        self._until_sweep -= 1
        if self._until_sweep > 0:
            return
        self._until_sweep = max(_SWEEP_EVERY, len(self._windows))
        for key, window in list(self._windows.items()):
            _forget(window, now)
            if not window.taken:
                del self._windows[key]


def _forget(window: _Window, now: float) -> None:
    while window.taken and now - window.taken[0] >= window.seconds - _ROUNDING_SECONDS:
        window.taken.popleft()


_conforms: type[Pace] = MemoryPace
