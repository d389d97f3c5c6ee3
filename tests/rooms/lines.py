"""A viewer's socket in memory: reads what is written, or does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


class MemoryLine:
    """Implements `rooms.delivery.line.Line`. Stalled, it keeps what is written as a transport does: its kernel takes
    the first `kernel` bytes, the rest is unsent until it reads again."""

    def __init__(self, *, kernel: int = 0) -> None:
        self.read = bytearray()
        self.writes = 0
        self.closed: tuple[int, str] | None = None
        self.is_stalled = False
        self.most_unsent = 0
        self._kernel, self._room = kernel, kernel
        self._unsent = bytearray()

    def write(self, frames: bytes) -> None:
        if self.closed is not None:
            return
        self.writes += 1
        if self.is_stalled:
            taken = min(self._room, len(frames))
            self._room -= taken
            self.read += frames[:taken]
            self._unsent += frames[taken:]
            self.most_unsent = max(self.most_unsent, len(self._unsent))
        else:
            self.read += frames

    @property
    def unsent(self) -> int:
        return len(self._unsent)

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def stall(self) -> None:
        if not self.is_stalled:
            self.is_stalled, self._room = True, self._kernel

    def resume(self) -> None:
        """Read all that was written, and from now on at once."""
        self.is_stalled = False
        self.read += self._unsent
        self._unsent.clear()

    # -- what was read ------------------------------------------------------------------------------------------

    def messages(self) -> list[dict[str, Any]]:
        """What has arrived so far, as the client sees it."""
        return [json.loads(payload) for payload in payloads(bytes(self.read))]

    def types(self) -> list[str]:
        return [one["type"] for one in self.messages()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The data of the messages of one type."""
        return [one["data"] for one in self.messages() if one["type"] == kind]

    def forget(self) -> None:
        """From here on."""
        self.read.clear()
        self.writes = 0


def payloads(data: bytes) -> Iterator[bytes]:
    """The text frames of a server, one after the other; a last one that is not whole yet is left out."""
    while len(data) >= 2:
        assert data[0] == 0x81, "a whole text frame"
        size, head = data[1], 2
        assert size < 128, "a server does not mask"
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[2:head], "big")
        if len(data) < head + size:
            return
        yield data[head : head + size]
        data = data[head + size :]
