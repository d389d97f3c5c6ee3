"""What all viewers of this process together may keep waiting, in bytes. Who keeps most waiting goes first."""

from __future__ import annotations

import asyncio
import heapq
from typing import Protocol

from domain.ports import Clock, Metrics

PROCESS_BYTES = 128 * 1024 * 1024
RELIEF = 0.9
"""Making room makes some for later too: looking for the worst costs a look at all who wait."""


class Waiter(Protocol):
    """A viewer for whom something waits (`viewer.py`)."""

    @property
    def waiting_bytes(self) -> int: ...

    def pump(self, now: float) -> None:
        """Look whether its line is free again."""
        ...

    def give_up(self) -> None:
        """Let go of it and of what waits for it: it is too slow."""
        ...


class Budget:
    """`held`: bytes of frames that wait, or were handed to a line that has not taken them. Frames that several viewers
    wait for are counted for each, so the memory is less. `waiting`: who, in the order in which they began to wait."""

    def __init__(self, *, clock: Clock, metrics: Metrics, most_bytes: int = PROCESS_BYTES) -> None:
        self.most_bytes = most_bytes
        self.held = 0
        self.waiting: dict[Waiter, None] = {}
        self.somebody = asyncio.Event()
        self._clock, self._metrics = clock, metrics

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()

    def take(self, waiter: Waiter, size: int) -> None:
        """So many bytes more wait for somebody. When it is too much for all, the worst are given up: perhaps this
        one."""
        self.waiting[waiter] = None
        self.somebody.set()
        self.held += size
        if self.held > self.most_bytes:
            self._relieve()

    def give(self, size: int) -> None:
        """So many bytes less wait."""
        self.held -= size

    def done(self, waiter: Waiter) -> None:
        """Nothing waits for this one any more. Harmless if nothing did."""
        self.waiting.pop(waiter, None)
        if not self.waiting:
            self.somebody.clear()

    def gone_slow(self) -> None:
        """A viewer was given up."""
        self._metrics.count("party_sent_away_total", reason="slow")

    def _relieve(self) -> None:
        goal = int(self.most_bytes * RELIEF)
        worst = heapq.nlargest(len(self.waiting), self.waiting, key=lambda one: one.waiting_bytes)
        for waiter in worst:
            if self.held <= goal:
                return
            waiter.give_up()
