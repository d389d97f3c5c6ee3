"""When each viewer is pinged: each every 15 s, never all at once."""

from __future__ import annotations

from rooms.delivery.viewer import Viewer

EVERY_SECONDS = 15.0
SLOTS = 60
_PER_SECOND = SLOTS / EVERY_SECONDS


class Rounds:
    """A round of 15 s in 60 slots; each viewer has a place in the emptiest. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._slots: list[dict[Viewer, None]] = [{} for _ in range(SLOTS)]
        self._done = 0  # the slot up to which all were pinged, counted from the beginning of time

    def add(self, viewer: Viewer, *, now: float) -> None:
        """From now on, for the first time in up to 15 s."""
        here = int(now * _PER_SECOND)
        if not any(self._slots):
            self._done = here
        ahead = range(here + SLOTS - 1, here - 1, -1)  # of equal ones the farthest
        chosen = min(ahead, key=lambda slot: len(self._slots[slot % SLOTS])) % SLOTS
        viewer.bucket = chosen
        self._slots[chosen][viewer] = None

    def remove(self, viewer: Viewer) -> None:
        """No more. Harmless twice."""
        self._slots[viewer.bucket].pop(viewer, None)

    def due(self, now: float) -> list[Viewer]:
        """Who is to be pinged now."""
        here = int(now * _PER_SECOND)
        slots = range(max(self._done + 1, here - SLOTS + 1), here + 1)
        self._done = max(self._done, here)
        return [viewer for slot in slots for viewer in self._slots[slot % SLOTS]]

    def next_at(self) -> float | None:
        """When somebody is; None if there is nobody."""
        for slot in range(self._done + 1, self._done + SLOTS + 1):
            if self._slots[slot % SLOTS]:
                return slot / _PER_SECOND
        return None
