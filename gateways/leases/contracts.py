"""Leases: the right to do what only one process may do at a time, and the list of the processes that are alive.

Names in use: `socket:<channel>` (the EventSub session of a channel), `refresh:<user>` (a token refresh), `task:<name>`
(what one process does for all: validation, retention). One suite (`tests/gateways/leases/`) holds every engine to it.

A lease is kept by time of the engine (Redis time where there is Redis), so that the clocks of the processes do not
matter. Who holds one believes in it by its own monotonic time, counted from before the request was sent: the true
lease may only be longer than what its holder believes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Held:
    """A lease in our hands. `fence` grows each time that the name changes hands. `deadline`: monotonic seconds, up to
    which nobody else can have it."""

    name: str
    fence: int
    deadline: float


class Leases(Protocol):
    """Every method may raise `Unavailable`; then nothing is known of what it did. Names are taken many at a time."""

    async def acquire(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        """Take every name that is free, or extend it where it is the owner's already. Returns those it holds now.

        Taking one that the owner holds keeps its fence; taking a free one gives it a fence that is higher than any
        that was given for this name before, also after the engine lost its data.
        """
        ...

    async def renew(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        """Extend those that the owner still holds, and return them. What is missing in the answer is lost. Neither
        this nor `acquire` shortens a lease that was taken for longer."""
        ...

    async def release(self, names: Sequence[str], *, owner: str) -> None:
        """Give back those that the owner holds; others are left alone. One that was stuck on its way takes back
        nothing that was taken after it."""
        ...

    async def holders(self, names: Sequence[str]) -> dict[str, str]:
        """The owner of each name that is held."""
        ...

    async def muster(self, group: str, *, owner: str, ttl_seconds: float) -> list[str]:
        """Sign in to a group for a while; returns all its live owners, this one among them, sorted."""
        ...

    async def leave(self, group: str, *, owner: str) -> None:
        """Sign out of a group at once."""
        ...
