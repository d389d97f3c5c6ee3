"""Message ids seen lately: the first of two guards against an event that is delivered twice."""

from __future__ import annotations

from collections import OrderedDict

# Twitch: messages older than ten minutes are replays, so that is how long an id has to be remembered.
MEMORY_SECONDS = 600.0
MEMORY_IDS = 2048


class Recent:
    """Message ids of the last ten minutes, at most `MEMORY_IDS` of them; behind it the inbox knows them for days."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: OrderedDict[str, float] = OrderedDict()

    def add(self, message_id: str, now: float) -> bool:
        """Whether the id is new."""
        while self._ids:
            oldest = next(iter(self._ids.items()))
            if now - oldest[1] <= MEMORY_SECONDS and len(self._ids) < MEMORY_IDS:
                break
            del self._ids[oldest[0]]
        if message_id in self._ids:
            return False
        self._ids[message_id] = now
        return True
