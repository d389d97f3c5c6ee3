"""A queue in which channels take turns: whoever has ten thousand lanes waiting delays the others by one lane at a time.

Within a channel it is first come, first served. Lanes that belong to no channel are a turn of their own each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator


def channel_of(lane: str) -> str:
    """What takes a turn: the channel of a lane (`vip:<channel>:<viewer>`, `stream:<channel>`), else the lane."""
    kind, _, rest = lane.partition(":")
    channel = rest.partition(":")[0]
    return channel if channel.isdigit() else f"{kind}:{rest}"


class FairQueue:
    """As far as a deque is needed. Empty channels are forgotten, so it grows with what waits and no further."""

    def __init__(self) -> None:
        self._turns: deque[str] = deque()  # each channel with something waiting, once
        self._lanes: dict[str, deque[str]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        for channel in self._turns:
            yield from self._lanes[channel]

    def append(self, lane: str) -> None:
        channel = channel_of(lane)
        waiting = self._lanes.get(channel)
        if waiting is None:
            waiting = self._lanes[channel] = deque()
            self._turns.append(channel)
        waiting.append(lane)
        self._count += 1

    def popleft(self) -> str:
        """The next lane. Raises `IndexError` when there is none."""
        channel = self._turns.popleft()
        waiting = self._lanes[channel]
        lane = waiting.popleft()
        self._count -= 1
        if waiting:
            self._turns.append(channel)
        else:
            del self._lanes[channel]
        return lane

    def clear(self) -> None:
        self._turns.clear()
        self._lanes.clear()
        self._count = 0
