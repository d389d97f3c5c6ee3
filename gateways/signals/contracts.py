"""Signals: hints from process to process that something is worth a look. At most once, never relied upon.

Whoever listens also looks by itself now and then (1 to 15 seconds): a lost signal costs time, nothing else.

Names in use: `lanes` (a lane is due: its name), `channels` (a channel was added or removed: its id), `sessions` (a VIP
session began or its end moved: its id), `login` (a user's grant is alive again: the user id), `restart` (a channel's
EventSub session shall begin anew: its id), `logins` (somebody's session of a browser ended, or what he may do changed:
the user id).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Listener = Callable[[str], None]
"""Called with the text of each signal, or with "" after a time in which some may have been missed. Must not wait."""


class Signals(Protocol):
    """The signals of one process."""

    def send(self, name: str, text: str = "") -> None:
        """Tell all other processes (not this one). Never waits and never fails; what cannot be sent is dropped."""
        ...

    def listen(self, name: str, listener: Listener) -> None:
        """Be told of each signal of this name. Call it before the signals are started."""
        ...

    async def close(self) -> None:
        """Send what waits (for a moment), then end."""
        ...
