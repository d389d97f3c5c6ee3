"""Redemptions that have to do with the channel's watch party: one opens it, one adds to its queue.

As with VIPs (`handlers/vip/redeem.py`), every step may be the last before a crash. The room is chosen, and noted,
before anything is written there; what is written there has a key that follows from the redemption, so that a second
attempt finds the first; the points are taken for good last of all. Whatever cannot be done gives them back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from domain.channel import Channel, Reward, RewardAction
from domain.decisions import Refund, Settled, early
from domain.errors import Broken, Unavailable
from domain.ports import Checkpoint
from domain.redemption import Redemption, Refusal
from domain.redemption import RedemptionStatus as Status
from domain.viewer import Listed
from gateways.twitch.contracts import Helix
from handlers.party.from_twitch import FromTwitch, item_of
from handlers.party.standing import of_twitch
from handlers.vip.settle import Settlement
from handlers.vip.tell import Teller
from handlers.work import Work
from rooms.names import room_id as new_room_id
from storage.viewers import Viewers

PUBLIC: Mapping[str, Any] = {"isPublic": True, "vipOnly": False}
"""What a viewer pays for who opens the party: that everybody may come in."""

MOST_STEPS = 4  # received, done, fulfilled, told

log = structlog.get_logger(__name__)


class PartyRewards:
    """Carries such a redemption to its end. `party` is `None` where this installation has no watch parties: then the
    points go back."""

    def __init__(
        self,
        *,
        party: FromTwitch | None,
        viewers: Viewers,
        helix: Helix,
        settlement: Settlement,
        teller: Teller,
        checkpoint: Checkpoint,
        room_id: Callable[[], str] = new_room_id,
    ) -> None:
        self._party, self._viewers, self._helix = party, viewers, helix
        self._take_back = taking_back(party)
        self._settlement, self._teller = settlement, teller
        self._checkpoint, self._room_id = checkpoint, room_id

    async def redeemed(self, work: Work, redemption: Redemption, channel: Channel, reward: Reward) -> str:
        """Handle a redemption of such a reward. Returns its status at the end."""
        for _ in range(MOST_STEPS):
            decision = early(redemption)
            if isinstance(decision, Settled):
                await self._teller.tell(redemption)
                return redemption.status.value
            if isinstance(decision, Refund):
                redemption = await self._settlement.refund(work, redemption, decision.reason)
                await self._take_back(redemption)
            elif redemption.status is Status.GRANTED:
                redemption = await self._settlement.fulfil(work, redemption)
            else:
                redemption = await self._do(work, redemption, channel, reward)
        raise Broken(f"Redemption {redemption.id} does not settle.", code="redemption.loop")

    async def _do(self, work: Work, redemption: Redemption, channel: Channel, reward: Reward) -> Redemption:
        refusal = await self._try(work, redemption, channel, reward)
        if refusal is not None:
            return await self._settlement.refund(work, redemption, refusal)
        self._checkpoint("party.written")
        outcome = "opened" if reward.action is RewardAction.PARTY_OPEN else "queued"
        redemption = await self._settlement.move(work, redemption, Status.GRANTED, outcome=outcome)
        self._checkpoint("party.recorded")
        return redemption

    async def _try(
        self, work: Work, redemption: Redemption, channel: Channel, reward: Reward
    ) -> Refusal | None:
        record = await self._viewers.get(channel.id, redemption.viewer_id)
        if record.listed is Listed.BLOCK:
            return Refusal.PARTY_BARRED
        if self._party is None:
            return Refusal.NO_PARTY
        if reward.action is RewardAction.PARTY_OPEN:
            return await self._open(work, self._party, redemption, channel)
        return await self._add(work, self._party, redemption, channel)

    async def _open(
        self, work: Work, party: FromTwitch, redemption: Redemption, channel: Channel
    ) -> Refusal | None:
        room = await self._chosen(work, party, channel.id) or await self._choose(work, self._room_id())
        work.hold()
        return await party.open(
            channel,
            room_id=room,
            key=_key(redemption),
            settings=PUBLIC,
            by=of_twitch(redemption.viewer_id),
        )

    async def _add(
        self, work: Work, party: FromTwitch, redemption: Redemption, channel: Channel
    ) -> Refusal | None:
        viewer = redemption.viewer
        subject = of_twitch(viewer.id)
        item = item_of(redemption.user_input, id=item_id(redemption), by_name=viewer.shown, subject=subject)
        if item is None:
            return Refusal.PARTY_ADDRESS
        room = await self._chosen(work, party, channel.id)
        if room is None:
            return Refusal.NO_PARTY

        async def is_vip() -> bool:
            return await self._helix.is_vip(channel.id, viewer.id) or await self._helix.is_moderator(
                channel.id, viewer.id
            )

        work.hold()
        return await party.add(room, item, subject=subject, key=_key(redemption), is_vip=is_vip)

    async def _chosen(self, work: Work, party: FromTwitch, channel_id: str) -> str | None:
        """The room that an earlier attempt chose, or the channel's party."""
        noted = work.noted("party")
        if noted is not None:
            return str(noted["room_id"])
        current = await party.current(channel_id)
        return None if current is None else await self._choose(work, current.id)

    async def _choose(self, work: Work, room_id: str) -> str:
        await work.note("party", {"room_id": room_id})
        self._checkpoint("party.intended")
        return room_id


def taking_back(party: FromTwitch | None) -> Callable[[Redemption], Awaitable[None]]:
    """What is done where points went back: what they paid for is not played any more, if it was not yet. A party that
    was opened stays open, since others are in it."""

    async def take_back(redemption: Redemption) -> None:
        if party is None:
            return
        try:
            key = f"{_key(redemption)}:back"
            await party.take_back(redemption.channel_id, item_id(redemption), key=key)
        except Unavailable as error:  # nobody is to wait for his points because of it
            log.warning("party.not_taken_back", redemption=redemption.id, code=error.code)

    return take_back


def item_id(redemption: Redemption) -> str:
    """The item of the queue that a redemption pays for."""
    return f"tw-{redemption.id}"


def _key(redemption: Redemption) -> str:
    return f"twitch:{redemption.id}"
