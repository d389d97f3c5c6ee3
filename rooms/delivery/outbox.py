"""What waits for one viewer who does not read as fast as we write: frames that must be kept, in order, and of each
thing that is told as a whole only the newest.

Pure. Most viewers never have one: it is made when a frame finds the line busy.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """How a frame is treated when it cannot be written at once."""

    KEEP = "keep"  # waits, in order
    STATE = "state"  # waits, unless a newer one of its key takes its place
    DROP = "drop"  # is lost


class Outbox:
    """`size`: bytes that wait. A frame may be several that were joined; it is never cut."""

    __slots__ = ("_frames", "_next", "size")

    def __init__(self) -> None:
        # The order of a dict is that of its insertions. What must be kept has a number as its key.
        self._frames: dict[int | str, tuple[bytes, float]] = {}
        self._next = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: bytes, kind: Kind, key: str, *, now: float) -> None:
        """Take a frame in, at monotonic time `now`. The newest state comes after what was said before it, and has
        waited for as long as the one that it replaces."""
        if kind is Kind.DROP:
            return
        name: int | str = key
        if kind is Kind.KEEP:
            name = self._next = self._next + 1
        older = self._frames.pop(name, None)
        if older is not None:
            self.size -= len(older[0])
            now = older[1]
        self._frames[name] = (frame, now)
        self.size += len(frame)

    def grows_by(self, frame: bytes, kind: Kind, key: str) -> int:
        """By how many bytes `add` would change the size."""
        if kind is Kind.DROP:
            return 0
        older = self._frames.get(key) if kind is Kind.STATE else None
        return len(frame) - (0 if older is None else len(older[0]))

    def oldest(self) -> float:
        """Since when the one that has waited longest waits. Raises `ValueError` if nothing does."""
        # What must be kept is in the order of time; of the others there are few.
        first = True
        found = float("inf")
        for name, (_, at) in self._frames.items():
            if first or isinstance(name, str):
                found = min(found, at)
            first = False
        if first:
            raise ValueError("Nothing waits.")
        return found

    def take(self, most: int) -> bytes:
        """Remove the first frames, joined: at most `most` bytes, but at least one frame."""
        chosen: list[int | str] = []
        size = 0
        for name, (frame, _) in self._frames.items():
            if chosen and size + len(frame) > most:
                break
            chosen.append(name)
            size += len(frame)
        joined = b"".join([self._frames.pop(name)[0] for name in chosen])
        self.size -= size
        return joined
