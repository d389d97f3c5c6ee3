"""Who is written to next. What is told to many goes out in parts, a part in each turn of the loop, so that a room of
thousands does not stand in the way of the others.

Messages that must be kept go out in the order in which they were put here. The state of the film goes before chat that
is on its way, never before another message with a state in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rooms.delivery.outbox import Kind
from rooms.delivery.viewer import Viewer

AT_ONCE = 500
"""So many viewers are written to in one turn of the loop (a few milliseconds)."""


@dataclass(slots=True)
class Job:
    """`frames` by role (`people.Role`): b"" for nothing. Or `each` is called with each viewer, `share` of them in a
    turn. `is_firm`: nothing goes before it. `begun`: monotonic seconds, if its end is of interest."""

    viewers: Sequence[Viewer]
    frames: Sequence[bytes] = ()
    kind: Kind = Kind.KEEP
    key: str = ""
    each: Callable[[Viewer], None] | None = None
    share: int = AT_ONCE
    is_firm: bool = False
    begun: float = 0.0
    place: int = 0

    def work(self) -> bool:
        """Write to the next viewers; True while there are more."""
        part = self.viewers[self.place : self.place + self.share]
        self.place += self.share
        if self.each is not None:
            for viewer in part:
                self.each(viewer)
        else:
            frames, kind, key = self.frames, self.kind, self.key
            for viewer in part:
                frame = frames[viewer.role]
                if frame:
                    viewer.send(frame, kind, key)
        return self.place < len(self.viewers)


class Broadcast:
    """`done` is told of each job that is finished."""

    def __init__(self, *, done: Callable[[Job], None]) -> None:
        self._jobs: deque[Job] = deque()
        self._done = done

    @property
    def is_busy(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._jobs)

    def put(self, job: Job, *, overtakes: bool = False) -> None:
        """Send it: its first part now, if nothing is before it. `overtakes`: it goes before all but what is firm."""
        place = len(self._jobs)
        while overtakes and place and not self._jobs[place - 1].is_firm:
            place -= 1
        self._jobs.insert(place, job)
        if place == 0:
            self.work()

    def work(self) -> bool:
        """One part of the first job; True while anything is left."""
        if self._jobs and not self._jobs[0].work():
            self._done(self._jobs.popleft())
        return bool(self._jobs)
