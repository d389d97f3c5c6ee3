"""The way in: store once, then wake whoever works. Nobody is told "accepted" before the row is durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from domain.errors import Broken
from domain.inbox import Delivery, InboxRow, RowState
from domain.ports import Checkpoint, Metrics
from storage.inbox import Accepted, Inbox


class Poke(Protocol):
    """Tells the worker of this process that a lane has something to do. Never blocks, never fails."""

    def __call__(self, lane: str) -> None: ...


class Intake:
    """Accepts deliveries from every side: sockets, webhooks, the clock, people."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        poke: Poke,
        metrics: Metrics,
        checkpoint: Checkpoint,
        alarm: Callable[[InboxRow], None],
    ) -> None:
        self._inbox = inbox
        self._poke = poke
        self._metrics = metrics
        self._checkpoint = checkpoint
        self._alarm = alarm

    @property
    def inbox(self) -> Inbox:
        """Where the rows are."""
        return self._inbox

    async def accept(self, delivery: Delivery, *, again: bool = False) -> Accepted:
        """Store a delivery once and have it handled. When this returns, a crash loses nothing.

        Raises `StorageFull` or `StorageUnavailable`; then the sender has to try again. With `again`, a duplicate
        whose row was given up on sends that row round once more: for what must happen some day (an expiry).
        """
        result, row = await self._inbox.insert(delivery)
        if again and result == "duplicate" and row.state is RowState.DEAD:
            row = await self._send_round(row)
        self._metrics.count("inbox_accepted_total", source=delivery.source, result=result)
        self._checkpoint("inbox.inserted")
        if result == "conflict":
            self._alarm(row)
        elif row.state is RowState.OPEN:
            self._poke(row.lane)
        return result

    async def _send_round(self, row: InboxRow) -> InboxRow:
        try:
            return await self._inbox.redrive(row.id)
        except Broken:
            return await self._inbox.get(row.id)  # somebody else sent it round at the same moment
