"""Whether Redis is known to be down, so that nobody waits for it in vain."""

from __future__ import annotations

from random import Random

from domain.ports import Clock

PAUSE_SECONDS = 1.0
PROBE_SECONDS = 3.0  # a probe that was not heard of for so long never left


class Breaker:
    """Closed: calls go through. Open after a failure: they are refused for half a second to a second, then one goes
    through as a probe while the others are refused, and its outcome decides. A success from anywhere closes it."""

    def __init__(self, *, clock: Clock, random: Random) -> None:
        self._clock, self._random = clock, random
        self._refuses_until: float | None = None

    @property
    def closed(self) -> bool:
        """Whether Redis is believed to be up."""
        return self._refuses_until is None

    def admits(self) -> bool:
        """Whether a call may be tried now. Who is let through while it is not closed is the probe."""
        if self._refuses_until is None:
            return True
        now = self._clock.monotonic()
        if now < self._refuses_until:
            return False
        self._refuses_until = now + PROBE_SECONDS
        return True

    def failed(self) -> None:
        """A call found Redis down."""
        self._refuses_until = self._clock.monotonic() + PAUSE_SECONDS * self._random.uniform(0.5, 1.0)

    def succeeded(self) -> None:
        """A call found Redis up."""
        self._refuses_until = None
