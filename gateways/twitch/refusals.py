"""Calls that Twitch refuses although there are points left: a limit of that call alone, of which it tells nothing else.

The limits of adding and removing VIPs are sliding windows, in which a place is free again after a moment; but the
window may also be full for long, of what others do. So the wait is short, and grows while Twitch goes on refusing.
Until it is over, nobody tries the same call for the same channel: the answer is known, and each try costs a point.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from domain.ports import Clock
from gateways.twitch.outcomes import Call

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 10.0  # the window of the VIP limits; other calls do not say theirs
JITTER_SECONDS = 0.5
FORGET_SECONDS = 60.0  # a refusal this long after the last one is a new story
_SWEEP_ABOVE = 1000


@dataclass(slots=True)
class _Refused:
    wait: float
    until: float


class Refusals:
    """What is known of such refusals, for each call and channel."""

    def __init__(self, *, clock: Clock, random: Random) -> None:
        self._clock, self._random = clock, random
        self._known: dict[tuple[Call, str], _Refused] = {}

    def wait_seconds(self, call: Call, channel_id: str) -> float:
        """How long this call is not worth trying; 0 when it is."""
        known = self._known.get((call, channel_id))
        left = known.until - self._clock.monotonic() if known is not None else 0.0
        return left + self._jitter() if left > 0 else 0.0

    def refused(self, call: Call, channel_id: str) -> float:
        """Twitch refused; returns the seconds to wait. What was sent before the last refusal came back adds nothing."""
        now = self._clock.monotonic()
        known = self._known.get((call, channel_id))
        if known is None or now - known.until > FORGET_SECONDS:
            self._sweep(now)
            known = self._known[call, channel_id] = _Refused(FIRST_WAIT_SECONDS, now + FIRST_WAIT_SECONDS)
        elif now >= known.until:
            known.wait = min(LONGEST_WAIT_SECONDS, 2 * known.wait)
            known.until = now + known.wait
        return known.until - now + self._jitter()

    def accepted(self, call: Call, channel_id: str) -> None:
        """Twitch let it through: the next refusal begins with the short wait."""
        self._known.pop((call, channel_id), None)

    @property
    def known(self) -> int:
        """How many calls and channels are remembered."""
        return len(self._known)

    def _sweep(self, now: float) -> None:
        if len(self._known) >= _SWEEP_ABOVE:
            self._known = {
                key: known for key, known in self._known.items() if now - known.until <= FORGET_SECONDS
            }

    def _jitter(self) -> float:
        return self._random.uniform(0.0, JITTER_SECONDS)
