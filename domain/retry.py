"""When to try again, or never: a retry is a value; somebody else carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter: attempt `n` waits between `floor_ms` and
    `min(cap_ms, base_ms * 2**(n-1))`.

    `max_attempts` counts the first try; `None` tries for ever. Full jitter spreads what failed together
    (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
    """

    max_attempts: int | None
    base_ms: int
    cap_ms: int
    floor_ms: int = 50

    def next_delay_ms(self, attempts: int, random: Random) -> int | None:
        """Milliseconds to wait after the `attempts`-th try failed (1 or more); `None` when it was the last."""
        if attempts < 1:
            raise ValueError("attempts counts from 1")
        if self.max_attempts is not None and attempts >= self.max_attempts:
            return None
        ceiling = min(self.cap_ms, self.base_ms * 2 ** min(attempts - 1, 32))
        return random.randint(min(self.floor_ms, ceiling), ceiling)


# A redemption that could not be decided within about ten minutes is given back rather than kept in limbo.
REDEMPTION = RetryPolicy(max_attempts=12, base_ms=250, cap_ms=60_000)
# What must happen some day (a removal, a refund) is tried for ever; the cap keeps it lively.
MUST_HAPPEN = RetryPolicy(max_attempts=None, base_ms=250, cap_ms=30_000)
# Notices: a few quick tries.
NOTICE = RetryPolicy(max_attempts=5, base_ms=500, cap_ms=10_000)
