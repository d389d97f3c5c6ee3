"""What was told lately and must not be missed: from it a client that comes back gets what it lacks."""

from __future__ import annotations

from collections import deque

from rooms.delivery.messages import Message

MOST_MESSAGES = 512
LONGEST_SECONDS = 600.0
MOST_BYTES = 128 * 1024
"""More is not sent again: half of what may wait for a viewer, who would be too slow at once. A reset is shorter."""


class Told:
    """The latest messages that were kept, of one epoch. `begin` whenever the log is another one."""

    def __init__(self, *, epoch: str = "", kept: int = 0) -> None:
        self.begin(epoch=epoch, kept=kept)

    def begin(self, *, epoch: str, kept: int) -> None:
        """From here on; what was told of another log is forgotten."""
        self._epoch, self._start = epoch, kept
        self._messages: deque[tuple[float, Message]] = deque()

    @property
    def epoch(self) -> str:
        return self._epoch

    @property
    def kept(self) -> int:
        """The place of the last one."""
        return self._messages[-1][1].seq if self._messages else self._start

    def add(self, message: Message, *, now: float) -> None:
        """The next one, told at monotonic time `now`."""
        self._messages.append((now, message))
        while len(self._messages) > MOST_MESSAGES or now - self._messages[0][0] > LONGEST_SECONDS:
            self._start = self._messages.popleft()[1].seq

    def since(self, epoch: str, seq: int, *, now: float) -> list[Message] | None:
        """What a client lacks that has all up to `seq`, in order; None if that is not known here any more, or too much
        to be sent again."""
        while self._messages and now - self._messages[0][0] > LONGEST_SECONDS:
            self._start = self._messages.popleft()[1].seq
        if epoch != self._epoch or seq < self._start:
            return None
        found: list[Message] = []
        size = 0
        for _, message in reversed(self._messages):
            if message.seq <= seq:
                break
            size += len(message.member)
            if size > MOST_BYTES:
                return None
            found.append(message)
        return found[::-1]
