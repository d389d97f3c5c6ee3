"""A viewer's socket, as a room sees it."""

from __future__ import annotations

from typing import Protocol


class Line(Protocol):
    """All on the loop's thread, and nothing waits: who is slow is found by `unsent`, and is the room's own business."""

    def write(self, frames: bytes) -> None:
        """Send whole WebSocket frames, ready made (`frames.py`). After the end of the connection: nothing."""
        ...

    @property
    def unsent(self) -> int:
        """Bytes that were written and that the kernel has not taken yet."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close after what was written. Drops nothing by itself; twice is harmless."""
        ...
