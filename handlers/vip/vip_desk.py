"""What a streamer or a moderator does to VIPs: grant, extend, revoke, protect, take somebody off the waiting list.

Nothing is changed here. Each becomes a row in the lane of its viewer (`handlers/vip/by_hand.py` carries it out) and an
`Operation` that tells what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.audit import Actor
from domain.errors import NotFound
from domain.redemption import Refusal, event_of
from handlers.vip.endings import lane_of
from handlers.vip.live_bodies import actor_body, viewer_body
from handlers.vip.operations import Operation, Operations, Request
from handlers.vip.reconcile import reconciliation_of
from handlers.vip.who import Who
from storage.redemptions import Redemptions
from storage.slots import SlotsOf


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, in which channel, and the `Idempotency-Key` of his request (empty: none)."""

    channel_id: str
    user_id: str
    actor: Actor
    key: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a viewer: the kind of row, and its fields beside `viewer` and `actor`. `written` is how the
    asker named the viewer: a login or an id."""

    kind: str
    written: str
    fields: Mapping[str, Any] = field(default_factory=dict)


class VipDesk:
    """Puts wishes into lanes."""

    def __init__(
        self,
        *,
        operations: Operations,
        who: Who,
        slots: SlotsOf,
        redemptions: Redemptions,
    ) -> None:
        self._operations, self._who = operations, who
        self._slots, self._redemptions = slots, redemptions

    async def ask(self, asker: Asker, wish: Wish) -> Operation:
        """Have a wish carried out. Raises `NotFound` (`vip.no_viewer`), `Conflict` (`idempotency.conflict`), and what
        Helix and the store raise before anything is stored."""
        request = _request(asker, wish.kind, {"viewer": wish.written, **wish.fields})
        before = await self._operations.repeated(request)
        if before is not None:
            return before
        viewer = await self._who.find(asker.channel_id, wish.written)
        return await self._operations.carry_out(
            request,
            kind=wish.kind,
            lane=lane_of(asker.channel_id, viewer.id),
            body={"viewer": viewer_body(viewer), **wish.fields, "actor": actor_body(asker.actor)},
        )

    async def let_go(self, asker: Asker, redemption_id: str) -> Operation:
        """Take a redemption off the waiting list and give its points back. Raises `NotFound` (`waiting.unknown`)."""
        request = _request(asker, "redemption.let_go", {"redemption_id": redemption_id})
        before = await self._operations.repeated(request)
        if before is not None:
            return before
        waits = (await self._slots.get(asker.channel_id)).wait_of(redemption_id)
        redemption = await self._redemptions.get(redemption_id)
        if waits is None or redemption is None:
            raise NotFound(
                "Nobody waits with this redemption.",
                code="waiting.unknown",
                advice="Load the waiting list again: it may have been that viewer's turn.",
            )
        return await self._operations.carry_out(
            request,
            kind="redemption.let_go",
            lane=lane_of(asker.channel_id, redemption.viewer_id),
            body={
                "event": event_of(redemption),
                "reason": Refusal.LEFT.value,
                "actor": actor_body(asker.actor),
            },
        )

    async def reconcile(self, asker: Asker) -> Operation:
        """Compare what we know with what Twitch knows, now."""
        request = _request(asker, "channel.reconcile", {})
        before = await self._operations.repeated(request)
        if before is not None:
            return before
        like = reconciliation_of(asker.channel_id, run="asked")
        return await self._operations.carry_out(
            request, kind=like.kind, lane=like.lane, body={"channel_id": asker.channel_id}
        )


def _request(asker: Asker, endpoint: str, asked: Mapping[str, Any]) -> Request:
    return Request(asker.channel_id, asker.user_id, endpoint, asker.key, asked)
