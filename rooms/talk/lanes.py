"""What one viewer asks for, one after the other, beside the reading: the film before everything else.

Bounded. There is a task only while something waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from domain.errors import Unavailable
from domain.ports import Tasks

MOST = 64

Deed = Callable[[], Awaitable[None]]


class Lanes:
    """Deeds must not raise. `film` ones overtake others that wait, never the one that is being done."""

    __slots__ = ("_film", "_others", "_tasks", "_working")

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._film: deque[Deed] | None = None  # most viewers ask for nothing most of the time
        self._others: deque[Deed] | None = None
        self._working = False

    def __len__(self) -> int:
        return len(self._film or ()) + len(self._others or ())

    def put(self, deed: Deed, *, film: bool = False) -> None:
        """Do this in its turn. Raises `Unavailable` (`party.busy`) when too many wait already."""
        if len(self) >= MOST:
            raise Unavailable(
                "Too much of what you asked for is still to be done.",
                code="party.busy",
                advice="Wait for the answers.",
                retry_after_seconds=0.5,
            )
        self._add(deed, film=film)

    def finish(self, deed: Deed) -> None:
        """Forget what waits, and do this last."""
        self.forget()
        self._add(deed, film=True)

    def forget(self) -> None:
        """Forget what waits."""
        self._film = self._others = None

    def _add(self, deed: Deed, *, film: bool) -> None:
        if film:
            self._film = self._film or deque()
            self._film.append(deed)
        else:
            self._others = self._others or deque()
            self._others.append(deed)
        if not self._working:
            self._working = True
            self._tasks.spawn(self._work(), name="party:lane")

    async def _work(self) -> None:
        try:
            while lane := self._film or self._others:
                await lane.popleft()()
        finally:
            self._working = False
            self.forget()
