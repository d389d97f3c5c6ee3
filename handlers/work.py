"""What a handler holds while it works on a row: the row, its steps, and the right to go on."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain import inbox as transitions
from domain.events import Malformed
from domain.inbox import Fenced, InboxRow
from domain.ports import Clock
from domain.retry import RetryPolicy
from storage.inbox import Inbox
from storage.lanes import Lease


class Work:
    """One row under one lease. Steps are durable before they return."""

    def __init__(self, row: InboxRow, *, lease: Lease, inbox: Inbox, clock: Clock) -> None:
        self.row = row
        self._lease = lease
        self._inbox = inbox
        self._clock = clock

    @property
    def payload(self) -> dict[str, Any]:
        """The body as an object: EventSub's `{"subscription", "event"}` from either transport, or our own."""
        body = json.loads(self.row.raw)
        if isinstance(body, dict) and isinstance(body.get("metadata"), dict):
            body = body.get("payload")
        if not isinstance(body, dict):
            raise Malformed("The body is not an object.")
        return body

    @property
    def event(self) -> dict[str, Any]:
        """The `event` of an EventSub notification; raises `Malformed`."""
        event = self.payload.get("event")
        if not isinstance(event, dict):
            raise Malformed("The notification carries no event.")
        return event

    def noted(self, step: str) -> dict[str, Any] | None:
        """What an earlier attempt wrote down for a step."""
        return self.row.steps.get(step)

    async def note(self, step: str, data: Mapping[str, Any]) -> None:
        """Write a step down. Raises `Fenced` if the lane was taken over."""
        fence = self._lease.fence
        self.row = await self._inbox.change(
            self.row.id, lambda row: transitions.noted(row, fence=fence, step=step, data=data)
        )

    def hold(self) -> None:
        """Call right before each call out: raises `Fenced` unless the lease still holds by monotonic time."""
        if self._clock.monotonic() >= self._lease.deadline - 1.0:
            raise Fenced(f"The lease of lane {self._lease.lane} ran out.")


Handle = Callable[[Work], Awaitable[str]]
"""Handles a row and returns one word for what came of it (`granted`, `ignored` …). See `handlers/worker.py` for
what it may raise."""


class GiveUp(Protocol):
    """Called once when a row is given up, before it is marked dead."""

    async def __call__(self, work: Work, error: Exception) -> None: ...


@dataclass(frozen=True, slots=True)
class Handler:
    """One line of the table: what handles a kind of row, how often it is tried, what happens if that fails."""

    handle: Handle
    retry: RetryPolicy
    give_up: GiveUp | None = None
