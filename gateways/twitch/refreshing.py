"""One process at a time refreshes the token of a user: the turn is a lease.

Two at once do harm where Twitch gives a new refresh token with the access token: the second is told that the grant is
dead. So who does not get the turn waits, and looks now and then whether there is anything left to do. While nobody can
say whose turn it is (Redis is away), everybody goes on: a refresh too many is better than none.
"""

from __future__ import annotations

from random import Random
from types import TracebackType

import structlog

from domain.errors import Broken, Unavailable
from domain.ports import Clock
from gateways.leases.contracts import Leases
from gateways.twitch.contracts import Waiting

TURN_SECONDS = 15.0  # of a process that dies with it in its hands, at most
CALL_SECONDS = 10.0  # of these, what Twitch may take to answer
PATIENCE_SECONDS = 10.0
SHORTEST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.2

log = structlog.get_logger(__name__)


class RefreshTurns:
    """The turns of this process, which is `owner`. That it asks once at a time for each user is its own care."""

    def __init__(self, *, leases: Leases, owner: str, clock: Clock, random: Random) -> None:
        self._leases, self._owner, self._clock, self._random = leases, owner, clock, random

    def of(self, user_id: str) -> Turn:
        """Use it as a context: at its end the turn is given back."""
        return Turn(
            f"refresh:{user_id}",
            leases=self._leases,
            owner=self._owner,
            clock=self._clock,
            random=self._random,
        )


class Turn:
    """One wait for the turn, and the turn itself."""

    def __init__(self, name: str, *, leases: Leases, owner: str, clock: Clock, random: Random) -> None:
        self._name = name
        self._leases, self._owner, self._clock, self._random = leases, owner, clock, random
        self._patient_until: float | None = None
        self._deadline: float | None = None
        self._alone = False
        self._kept = False

    async def __aenter__(self) -> Turn:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._deadline is None or self._kept:
            return
        try:
            await self._leases.release([self._name], owner=self._owner)
        except (Unavailable, Broken) as failure:  # it runs out by itself
            log.info("twitch.turn_not_given_back", turn=self._name, code=failure.code)

    async def take(self) -> bool:
        """Ask for the turn; true when it is ours. Each time but the first, a moment is waited before.

        Raises `Waiting` after `PATIENCE_SECONDS`.
        """
        now = self._clock.monotonic()
        if self._patient_until is None:
            self._patient_until = now + PATIENCE_SECONDS
        elif now >= self._patient_until:
            raise Waiting("Another process is refreshing this token.", retry_after_seconds=1.0)
        else:
            await self._clock.sleep(self._random.uniform(SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
        try:
            held = await self._leases.acquire([self._name], owner=self._owner, ttl_seconds=TURN_SECONDS)
        except (Unavailable, Broken) as failure:
            log.warning("twitch.refresh_without_turn", turn=self._name, code=failure.code)
            self._alone = True
            return True
        self._alone = False
        if self._name in held:
            self._deadline = held[self._name].deadline
        return self._name in held

    def time_left(self) -> bool:
        """Whether Twitch's answer will come within our turn. A process that was stopped may have lost it."""
        if self._alone:
            return True
        return self._deadline is not None and self._clock.monotonic() + CALL_SECONDS <= self._deadline

    def keep(self) -> None:
        """Do not give it back: something is left to do, which another process would spoil. It runs out by itself."""
        self._kept = True
