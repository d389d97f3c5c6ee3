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

HOLD_MARGIN_SECONDS = 3.0
"""How long before its end a lease is not trusted any more: the clocks of two processes may be 2 s apart while they
have no common one, so that another process may see the end that much earlier."""

DOUBT_MS = 120_000
"""How long after a takeover something that the former holder began may still reach Twitch. No call of ours lasts that
long; what waits in a network that was cut may."""


class Work:
    """One row under one lease. Steps are durable before they return.

    Who was stopped for longer than its lease is kept from doing harm by three things: `note` is refused by the fence
    in the row, `hold` and `ensure_held` by the time of the lease, and changes of a session by the fence in the session
    (`domain.vip.fenced`).
    """

    def __init__(self, row: InboxRow, *, lease: Lease, inbox: Inbox, clock: Clock) -> None:
        self.row = row
        self.called_out = False
        self._lease = lease
        self._inbox = inbox
        self._clock = clock

    @property
    def fence(self) -> int:
        """The fence of the lease: later holders of the lane have a higher one."""
        return self._lease.fence

    @property
    def doubtful(self) -> bool:
        """Whether this lane was taken from a holder that did not give it back, so lately that it may still do harm."""
        since = self._lease.taken_over_at
        return since is not None and self._clock.now() - since < DOUBT_MS

    def settle_doubt(self) -> None:
        """What the former holder may have done has been put right; from now on a removal is a removal."""
        self._lease.taken_over_at = None

    @property
    def payload(self) -> dict[str, Any]:
        """The body as an object: EventSub's `{"subscription", "event"}` from either transport, or our own."""
        return payload_in(self.row)

    @property
    def event(self) -> dict[str, Any]:
        """The `event` of an EventSub notification; raises `Malformed`."""
        return event_in(self.row)

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
        self.ensure_held()
        self.called_out = True

    def ensure_held(self) -> None:
        """The same before a write that no fence guards."""
        if self._lease.lost or self._clock.monotonic() >= self._lease.deadline - HOLD_MARGIN_SECONDS:
            raise Fenced(f"The lease of lane {self._lease.lane} ran out.")


def payload_in(row: InboxRow) -> dict[str, Any]:
    """The body of a row as an object; raises `Malformed` or `ValueError`."""
    body = json.loads(row.raw)
    if isinstance(body, dict) and isinstance(body.get("metadata"), dict):
        body = body.get("payload")
    if not isinstance(body, dict):
        raise Malformed("The body is not an object.")
    return body


def event_in(row: InboxRow) -> dict[str, Any]:
    """The `event` of a notification; raises `Malformed` or `ValueError`."""
    event = payload_in(row).get("event")
    if not isinstance(event, dict):
        raise Malformed("The notification carries no event.")
    return event


Handle = Callable[[Work], Awaitable[str]]
"""Handles a row and returns one word for what came of it (`granted`, `ignored` …). See `handlers/worker.py` for
what it may raise."""


class GiveUp(Protocol):
    """Called once when a row is given up, before it is marked dead."""

    async def __call__(self, work: Work, error: Exception) -> None: ...


Overtaken = Callable[[Work], Awaitable[None]]
"""Called when a handler lost its lane after it had called out: what it did there may have come too late."""


@dataclass(frozen=True, slots=True)
class Handler:
    """One line of the table: what handles a kind of row, how often it is tried, what happens if that fails or if the
    lane was taken over in the middle."""

    handle: Handle
    retry: RetryPolicy
    give_up: GiveUp | None = None
    overtaken: Overtaken | None = None
