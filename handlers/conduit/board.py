"""The record of how EventSub comes in (`domain.transport`), as this process knows it, and how it tells the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from domain.errors import Unavailable
from domain.ports import Clock
from domain.transport import Transport, Way, aimed, with_gap
from gateways.signals.contracts import Signals
from storage.transports import Transports

log = structlog.get_logger("conduit")

ROUND_SECONDS = 3.0
SIGNAL = "transport"


class Board:
    """`open` first, then `run` as a task. `listen` before both: listeners are told each change and must not wait."""

    def __init__(self, *, transports: Transports, signals: Signals, clock: Clock) -> None:
        self._transports, self._signals, self._clock = transports, signals, clock
        self._current: Transport | None = None
        self._listeners: list[Callable[[Transport], None]] = []
        self._look = asyncio.Event()
        signals.listen(SIGNAL, lambda text: self._look.set())

    @property
    def now(self) -> Transport:
        """As it was when we last looked: at most some seconds ago."""
        assert self._current is not None
        return self._current

    def listen(self, listener: Callable[[Transport], None]) -> None:
        self._listeners.append(listener)

    async def open(self, target: Way) -> None:
        """Say where this process was told to go. Raises `Unavailable`."""
        before = await self._transports.get()
        now = self._clock.now()
        self._current = await self._transports.change(lambda held: aimed(held, target, now=now))
        if before.target is not target:
            log.info("transport.target", was=before.target, now=target, in_force=before.in_force)
            self._signals.send(SIGNAL)

    async def change(self, fn: Callable[[Transport], Transport]) -> Transport:
        """Apply a transition of `domain.transport` and tell everybody. Raises `Unavailable`."""
        after = await self._transports.change(fn)
        if self._take(after):
            self._signals.send(SIGNAL)
        return after

    async def gap(self) -> None:
        """Events may have been lost: every channel will be reconciled. Raises `Unavailable`."""
        await self.change(with_gap)

    async def run(self) -> None:
        """Keep up with what other processes change, until cancelled."""
        while True:
            self._look.clear()
            try:
                self._take(await self._transports.get())
            except Unavailable as error:
                log.info("transport.not_read", code=error.code)
            await self._clock.wait(self._look, ROUND_SECONDS)

    def _take(self, fresh: Transport) -> bool:
        if fresh == self._current:
            return False
        before, self._current = self._current, fresh
        if before is not None and (before.in_force, before.target) != (fresh.in_force, fresh.target):
            log.info("transport.changed", in_force=fresh.in_force, target=fresh.target)
        for listener in self._listeners:
            listener(fresh)
        return True
