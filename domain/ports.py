"""The ports through which the rest of the program reaches the process it runs in.

`domain` only names them; `daemon` implements them; everything between is handed the ones it needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol


class Clock(Protocol):
    """The only source of time. Wall time decides expiry, monotonic time decides time-outs and leases."""

    def now(self) -> int:
        """Wall time in UTC milliseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for about `seconds` (at least one turn of the loop)."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for `event` at most `seconds`; true when it was set. Does not clear it."""
        ...


class Tasks(Protocol):
    """Every background task has a name and an owner, so that a dead one is news."""

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run `work` once, in the background. An exception that leaves it is logged and counted."""
        ...


class Metrics(Protocol):
    """Counters, gauges and histograms by declared name; an undeclared name raises `KeyError`."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...


class Checkpoint(Protocol):
    """A named place where a crash would be most instructive. A no-op but in the wiring of a kill test."""

    def __call__(self, name: str) -> None: ...


class NullMetrics:
    """Measures nothing."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...


def no_checkpoint(name: str) -> None:
    """The checkpoint of every real daemon: does nothing."""


# The places that a kill test may arm, in the order in which one redemption passes them.
CHECKPOINTS = (
    "webhook.accepted",  # request read, nothing verified
    "webhook.verified",  # signature and age are good, nothing stored
    "inbox.inserted",  # the row is durable, the 2xx is not sent
    "inbox.answered",  # handed to the lane, about to answer
    "worker.claimed",  # lane leased, attempt counted
    "slots.reserved",  # a slot is held, nothing else has happened
    "slots.waiting",  # on the waiting list, the redemption does not know it yet
    "slots.freed",  # a slot is free again and held for the next one, who has not been told
    "vip.intended",  # intent durable, Twitch not called
    "vip.granted",  # Twitch said yes, we have not written it down
    "vip.counted",  # the session holds the time, the redemption does not know it yet
    "vip.recorded",  # session durable, redemption not fulfilled
    "vip.fulfilled",  # Twitch fulfilled, we have not written it down
    "vip.refund_intended",  # intent durable, points not given back
    "vip.refunded",  # Twitch refunded, we have not written it down
    "party.intended",  # it is written down what shall happen in the party
    "party.written",  # it has happened there, we have not written it down
    "party.recorded",  # written down, not fulfilled yet
    "expiry.claimed",  # expiry row under way
    "expiry.removed",  # Twitch removed, we have not written it down
    "reconcile.listed",  # unfulfilled redemptions read, none queued
    "reconcile.queued",  # some queued, the pass is not finished
)
