"""What the rate limit headers of Helix say about the points of one token, remembered until they are filled up again.

`Ratelimit-Limit`, `Ratelimit-Remaining`, `Ratelimit-Reset` (Unix seconds). Each token has a bucket of its own; one
per user is kept here, since a refreshed token serves the same (client, user) bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.ports import Clock

LONGEST_WAIT_SECONDS = 75.0  # a bucket fills within a minute; more is a clock that is wrong
DEFAULT_WAIT_SECONDS = 5.0  # a 429 that does not say until when


@dataclass(slots=True)
class _Known:
    remaining: int
    reset_at: int  # UTC seconds
    limit: int = 0


class Buckets:
    """The known state of all buckets."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def wait_seconds(self, owner: str) -> float:
        """How long the bucket of `owner` is known to be empty; 0 when it is not."""
        known = self._known.get(owner)
        if known is None or known.remaining > 0:
            return 0.0
        return min(LONGEST_WAIT_SECONDS, max(0.0, known.reset_at - self._clock.now() / 1000))

    def learn(self, owner: str, headers: Mapping[str, str]) -> None:
        """Take over what an answer said. Answers overtake each other: of one filling, the lowest count is true."""
        remaining, reset_at = (
            header_number(headers, "Ratelimit-Remaining"),
            header_number(headers, "Ratelimit-Reset"),
        )
        if remaining is None or reset_at is None:
            return
        known = self._known.get(owner)
        if known is not None and reset_at <= known.reset_at and self._clock.now() / 1000 < known.reset_at:
            remaining = min(known.remaining, remaining)
            reset_at = known.reset_at
        limit = header_number(headers, "Ratelimit-Limit")
        self._known[owner] = _Known(remaining, reset_at, limit or (known.limit if known is not None else 0))

    def limit(self, owner: str) -> int:
        """How many points the bucket of `owner` holds when it is full; 0 when no answer has said so yet."""
        known = self._known.get(owner)
        return known.limit if known is not None else 0

    def until_reset(self, headers: Mapping[str, str]) -> float:
        """Seconds that a 429 asks to wait; a default when it does not say or its reset is over already."""
        reset_at = header_number(headers, "Ratelimit-Reset")
        if reset_at is None:
            return DEFAULT_WAIT_SECONDS
        return min(LONGEST_WAIT_SECONDS, max(1.0, reset_at - self._clock.now() / 1000))


def header_number(headers: Mapping[str, str], name: str) -> int | None:
    """A header that must be a short run of ASCII digits; anything else counts as missing."""
    value = headers.get(name, "").strip()
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        return None
    return int(value)
