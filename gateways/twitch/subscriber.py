"""Brings the subscriptions of one session to what is wanted: carries out `subscriptions.plan` through Helix.

Two things press in opposite directions: Twitch closes a session without a subscription after ten seconds, and answers
429 while it still counts the sockets and subscriptions of a session that just died. So a refusal of one subscription
does not stop the others, leftovers are deleted in the same round, and rounds follow quickly until one exists.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import Conflict, Rejected, Unavailable
from domain.ports import Clock
from gateways.twitch.contracts import LoginNeeded, RemoteSubscription
from gateways.twitch.subscriptions import Plan, Wanted, plan

# While no subscription exists, so long between two rounds at most; four or five rounds fit the window.
HURRIED_SECONDS = 2.0
LONGEST_SECONDS = 60.0
# Leftovers count towards limits, but Twitch forgets them by itself in time.
DELETE_ROUNDS = 6


class SubscriptionCalls(Protocol):
    """The part of `contracts.Helix` that is needed here; promises and errors are written there."""

    async def subscribe(
        self,
        channel_id: str,
        type: str,
        version: str,
        condition: dict[str, str],
        transport: dict[str, str],
    ) -> RemoteSubscription: ...

    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]: ...

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool: ...


class Settler(Protocol):
    """What a session is for, once it is welcomed: a broadcaster's subscriptions (`Subscriber`), or a shard
    (`shards`)."""

    dropped: tuple[Wanted, ...]

    async def settle(
        self,
        wanted: Sequence[Wanted],
        session_id: str,
        *,
        on_first: Callable[[], None],
        on_complete: Callable[[], None],
        on_wait: Callable[[int], None],
    ) -> None:
        """Make the session serve. Raises `LoginNeeded` where nothing helps but a login, any other `Unavailable` where
        another session should be tried after its time, `Rejected` and `Broken` where that is of little use."""
        ...

    async def check(self) -> None:
        """The session was closed as unused: is there a reason to? Raises `LoginNeeded`, or what a call raises."""
        ...

    async def moved(self, session_id: str) -> bool:
        """The session goes on under this id: does it still serve? Raises what a call raises."""
        ...


@dataclass(slots=True)
class _Round:
    """What is left after a round. `why`: of the last refusal."""

    missing: int = 0
    leftovers: int = 0
    why: Unavailable | None = None


class Subscriber:
    """Works for one channel; any number of calls of `settle`, one at a time."""

    def __init__(
        self, *, channel_id: str, helix: SubscriptionCalls, clock: Clock, random: random.Random
    ) -> None:
        self._channel_id = channel_id
        self._helix = helix
        self._clock = clock
        self._random = random
        self.dropped: tuple[Wanted, ...] = ()
        """Optional subscriptions that the last `settle` could not make, for want of a scope."""

    async def settle(
        self,
        wanted: Sequence[Wanted],
        session_id: str,
        *,
        on_first: Callable[[], None],
        on_complete: Callable[[], None],
        on_wait: Callable[[int], None],
    ) -> None:
        """Work until everything wanted exists on `session_id` and leftovers are gone.

        `on_first`: one exists, the window is met. `on_complete`: all exist. `on_wait(round)`: some are refused for
        now, another round follows. Each refusal that says "not now" (`Waiting`, `TwitchDown`, any `Unavailable`) is
        tried again without end: cancel when the session is gone.

        Raises:
            LoginNeeded: the grant is dead, or a required subscription lacks its scope.
            Rejected, Broken: Twitch refuses a required subscription for good, or answers nonsense.
        """
        wishes = list(wanted)
        self.dropped = ()
        met = complete = False
        number = 0
        while True:
            number += 1
            state = _Round()
            try:
                actual = await self._helix.subscriptions(self._channel_id)
                todo = plan(wishes, actual, session_id)
                if todo.keep and not met:
                    met = True
                    on_first()
                met = await self._create(todo, wishes, session_id, state, met=met, on_first=on_first)
                if not state.missing and not complete:
                    complete = True
                    on_complete()
                await self._delete(todo, state)
            except LoginNeeded:
                raise
            except Unavailable as error:
                state.why = error
                state.missing += 0 if complete else 1
            if not state.missing and (not (state.leftovers or state.why) or number >= DELETE_ROUNDS):
                return
            if state.missing:
                on_wait(number)
            await self._clock.sleep(self._pause(number, state.why, met=met))

    async def check(self) -> None:
        """Any call tells whether the grant is good."""
        await self._helix.subscriptions(self._channel_id)

    async def moved(self, session_id: str) -> bool:
        """Subscriptions move along with their session."""
        return True

    async def _create(
        self,
        todo: Plan,
        wishes: list[Wanted],
        session_id: str,
        state: _Round,
        *,
        met: bool,
        on_first: Callable[[], None],
    ) -> bool:
        transport = {"method": "websocket", "session_id": session_id}
        for wish in todo.create:
            try:
                await self._helix.subscribe(
                    self._channel_id, wish.type, wish.version, dict(wish.condition), dict(transport)
                )
            except LoginNeeded as error:
                # Without named scopes it is the whole grant that is dead, optional or not.
                if not wish.optional or not error.scopes:
                    raise
                self._drop(wish, wishes)
                continue
            except Rejected as error:
                # A conflict says that it exists, though the list may not show it yet.
                if not isinstance(error, Conflict):
                    if not wish.optional:
                        raise
                    self._drop(wish, wishes)
                    continue
            except Unavailable as error:
                state.missing += 1
                state.why = error
                continue
            if not met:
                met = True
                on_first()
        return met

    def _drop(self, wish: Wanted, wishes: list[Wanted]) -> None:
        self.dropped = (*self.dropped, wish)
        wishes.remove(wish)

    async def _delete(self, todo: Plan, state: _Round) -> None:
        for subscription in todo.delete:
            try:
                await self._helix.unsubscribe(self._channel_id, subscription.id)
            except LoginNeeded:
                raise
            except Unavailable as error:
                state.leftovers += 1
                state.why = error

    def _pause(self, number: int, why: Unavailable | None, *, met: bool) -> float:
        jitter = self._random.uniform(0.0, min(LONGEST_SECONDS, 0.5 * 2.0 ** min(number, 10)))
        asked = why.retry_after_seconds if why else 0.0
        if met:
            return min(LONGEST_SECONDS, asked + jitter)
        return min(HURRIED_SECONDS, max(0.25, asked, jitter))


def subscribers(
    *, helix: SubscriptionCalls, clock: Clock, random: random.Random
) -> Callable[[str], Subscriber]:
    """For `Monitor`: a session of a channel is for the subscriptions of its broadcaster."""
    return lambda channel_id: Subscriber(channel_id=channel_id, helix=helix, clock=clock, random=random)


_conforms: type[Settler] = Subscriber
