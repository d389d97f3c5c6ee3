"""The shards of a conduit, one WebSocket session each: `Monitor` keeps the sessions, `Attacher` makes them shards.

A session has to be attached within ten seconds of its welcome. After a hand-over Twitch may give it another id; whether
the shard went along is looked up, and only where it did not is it attached again (docs/facts/twitch.md).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from domain.errors import NotFound, Unavailable
from domain.ports import Clock
from gateways.twitch.conduit_plan import Refusal, RemoteShard
from gateways.twitch.contracts import LoginNeeded
from gateways.twitch.subscriber import Settler
from gateways.twitch.subscriptions import Wanted

log = structlog.get_logger("conduit")

PENDING_BYTES = 8 * 1024 * 1024
"""Notifications of a shard that the inbox does not take at the moment: about 8,000 of them."""
AT_ONCE = 32
"""Notifications of a shard that are stored side by side: the store joins them in one commit."""
ATTEMPTS = 12
HURRIED_SECONDS = 0.75
ANEW_SECONDS = 1.0
NOT_OURS_SECONDS = 3.0


class AttachCalls(Protocol):
    """The part of `helix_conduits.ConduitCalls` that is needed here."""

    async def attach(self, conduit_id: str, shard_id: str, session_id: str) -> Refusal | None: ...

    async def shards(self, conduit_id: str) -> list[RemoteShard]: ...


class NotAttached(Unavailable):
    """This session cannot be a shard now; another one may."""

    code = "conduit.not_attached"


class Attacher:
    """Implements `Settler` for one shard. Names of shards are Twitch's: "0" upwards.

    Args:
        conduit_id: which conduit is ours at the moment, "" while there is none.
        ours: whether the lease of the shard is ours beyond doubt; a frozen process must not take back what another one
            serves by now.
    """

    def __init__(
        self,
        *,
        shard_id: str,
        conduit_id: Callable[[], str],
        ours: Callable[[], bool],
        calls: AttachCalls,
        clock: Clock,
        random: random.Random,
    ) -> None:
        self._shard_id, self._conduit_id, self._ours = shard_id, conduit_id, ours
        self._calls, self._clock, self._random = calls, clock, random
        self.dropped: tuple[Wanted, ...] = ()

    async def settle(
        self,
        wanted: Sequence[Wanted],
        session_id: str,
        *,
        on_first: Callable[[], None],
        on_complete: Callable[[], None],
        on_wait: Callable[[int], None],
    ) -> None:
        """Attach the session. Raises `NotAttached` where only another session helps, and what is not foreseen."""
        for attempt in range(ATTEMPTS):
            conduit_id = self._conduit_id()
            if not conduit_id or not self._ours():
                raise NotAttached("The shard is not ours to attach.", retry_after_seconds=NOT_OURS_SECONDS)
            try:
                refusal = await self._calls.attach(conduit_id, self._shard_id, session_id)
            except NotFound as error:  # the conduit is gone, and another one may be on its way
                raise NotAttached(error.message, retry_after_seconds=NOT_OURS_SECONDS) from error
            except LoginNeeded as error:  # the application's own token: no streamer can help
                raise NotAttached(error.message, retry_after_seconds=error.retry_after_seconds) from error
            except Unavailable as error:
                log.info("conduit.attach_again", shard=self._shard_id, code=error.code, error=str(error))
                # The window is open for ten seconds: rather ask too often than miss it.
                pause = max(0.1, min(HURRIED_SECONDS, error.retry_after_seconds))
                await self._clock.sleep(pause + self._random.uniform(0.0, 0.25) * min(1, attempt))
                continue
            if refusal is not None:
                log.warning(
                    "conduit.not_attached",
                    shard=self._shard_id,
                    code=refusal.code,
                    reason=refusal.message,
                )
                raise NotAttached(refusal.message, retry_after_seconds=ANEW_SECONDS)
            on_first()
            on_complete()
            log.info("conduit.attached", conduit=conduit_id, shard=self._shard_id)
            return
        raise NotAttached("Twitch takes no shards at the moment.", retry_after_seconds=ANEW_SECONDS)

    async def check(self) -> None:
        """A session that was closed as unused came too late with its attaching: nothing to ask."""

    async def moved(self, session_id: str) -> bool:
        """Whether the shard went along with its session. Raises what the call raises."""
        shards = await self._calls.shards(self._conduit_id())
        return any(
            shard.id == self._shard_id and shard.enabled and shard.session_id == session_id
            for shard in shards
        )


_conforms: type[Settler] = Attacher
