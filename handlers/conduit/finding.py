"""Which conduit is ours: the one that we remember, one that nobody else serves, or a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import structlog

from domain.errors import Rejected
from gateways.twitch.conduit_plan import (
    MOST_CONDUITS,
    SHARD_DISABLED,
    Candidate,
    RemoteConduit,
    RemoteShard,
    choose,
    remembered,
)
from gateways.twitch.contracts import RemoteSubscription

log = structlog.get_logger("conduit")


class ConduitPort(Protocol):
    """The part of `helix_conduits.ConduitCalls` that is needed here and by the keeper; its promises are there."""

    async def conduits(self) -> list[RemoteConduit]: ...

    async def create(self, shards: int) -> RemoteConduit: ...

    async def resize(self, conduit_id: str, shards: int) -> RemoteConduit: ...

    async def delete(self, conduit_id: str) -> bool: ...

    async def shards(self, conduit_id: str) -> list[RemoteShard]: ...

    def subscriptions(self, *, user_id: str = "") -> AsyncIterator[list[RemoteSubscription]]: ...


class TooManyConduits(Rejected):
    """The application has five conduits, and none of them is ours."""

    code = "conduit.too_many"


async def our_conduit(calls: ConduitPort, known_id: str, *, shards: int) -> RemoteConduit:
    """Find it or make it, with so many shards. Raises `TooManyConduits`, and what the calls raise.

    One that was made and not heard of (the answer was lost) is found by the next try: nothing hangs on it.
    """
    conduits = await calls.conduits()
    conduit = remembered(known_id, conduits)
    if conduit is not None:
        return conduit
    conduit = choose(await _candidates(calls, conduits))
    if conduit is not None:
        log.info("conduit.taken_over", conduit=conduit.id, shards=conduit.shards)
        return conduit
    if len(conduits) >= MOST_CONDUITS:
        raise TooManyConduits(
            f"This application has {len(conduits)} conduits, more are not allowed, and none is ours.",
            advice="Delete one that nobody uses: DELETE /helix/eventsub/conduits?id=…",
        )
    conduit = await calls.create(shards)
    log.info("conduit.made", conduit=conduit.id, shards=conduit.shards)
    return conduit


async def _candidates(calls: ConduitPort, conduits: list[RemoteConduit]) -> list[Candidate]:
    if not conduits:
        return []
    hanging = dict.fromkeys((conduit.id for conduit in conduits), 0)
    marked = set()
    async for rows in calls.subscriptions():
        for row in rows:
            if row.conduit_id in hanging:
                hanging[row.conduit_id] += 1
            if row.type == SHARD_DISABLED and row.condition.get("conduit_id") == row.conduit_id:
                marked.add(row.conduit_id)
    return [
        Candidate(
            conduit,
            marked=conduit.id in marked,
            subscriptions=hanging[conduit.id],
            enabled=sum(shard.enabled for shard in await calls.shards(conduit.id)),
        )
        for conduit in conduits
    ]
