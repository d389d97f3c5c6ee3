"""Alone, there is nobody to tell."""

from __future__ import annotations

from gateways.signals.memory import MemorySignals


async def test_one_does_not_hear_oneself() -> None:
    heard: list[str] = []
    signals = MemorySignals()
    signals.listen("lanes", heard.append)
    signals.send("lanes", "x")
    await signals.close()
    assert heard == []
