"""Signals between the processes of a test."""

from __future__ import annotations

from gateways.signals.contracts import Listener


class Bus:
    """Carries signals between the processes of a test, at once."""

    def __init__(self) -> None:
        self.ends: list[BusEnd] = []


class BusEnd:
    """Implements `Signals` for one of them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.listeners: dict[str, list[Listener]] = {}
        bus.ends.append(self)

    def send(self, name: str, text: str = "") -> None:
        for end in self._bus.ends:
            for listener in end.listeners.get(name, []) if end is not self else []:
                listener(text)

    def listen(self, name: str, listener: Listener) -> None:
        self.listeners.setdefault(name, []).append(listener)

    async def close(self) -> None:
        self._bus.ends.remove(self)
