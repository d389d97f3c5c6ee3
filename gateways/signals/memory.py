"""The signals of a process that is alone: there is nobody to tell."""

from __future__ import annotations

from gateways.signals.contracts import Listener, Signals


class MemorySignals:
    """Implements `Signals`. What is sent is dropped; a listener hears nothing, as no other process can say anything."""

    def send(self, name: str, text: str = "") -> None:
        """Nobody hears it."""

    def listen(self, name: str, listener: Listener) -> None:
        """Nothing will come."""

    async def close(self) -> None:
        """Nothing waits."""


_conforms: type[Signals] = MemorySignals
