"""The waiting list: who redeemed while no slot was free, in the order of the redemptions.

Whoever is on it stays unfulfilled on Twitch. He goes on when there is room (`redemption.admitted`), or is let go and
has his points back (`redemption.let_go`), always by a row in his own lane. What has to be looked at by the clock is
found in the slots of each channel, so any number of processes may look, also after a restart: the rows have the same
ids.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import partial

import structlog

from domain import slots as moves
from domain.channel import Channel
from domain.inbox import Delivery
from domain.ports import Checkpoint, Clock
from domain.redemption import Redemption, Refusal, event_of
from domain.redemption import RedemptionStatus as Status
from domain.slots import TWITCH_FULL_MS, Hold, Slots, Wait, WhenFull
from domain.vip import VipStatus
from handlers.intake import Intake
from handlers.vip.lanes import lane_of
from handlers.vip.room import Room
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions
from storage.slots import SlotsOf

log = structlog.get_logger(__name__)

ORPHAN_MS = 5 * 60_000
"""How old a slot has to be that neither a session nor a redemption claims, before it is given back."""


class Place(StrEnum):
    """Where a redemption is that found no room."""

    HOLDS = "holds"  # has a slot after all
    WAITS = "waits"
    NONE = "none"  # and will get none: the points go back


class Waiting:
    """The waiting lists of all channels."""

    def __init__(
        self,
        *,
        room: Room,
        slots: SlotsOf,
        channels: Channels,
        redemptions: Redemptions,
        sessions: Sessions,
        intake: Intake,
        clock: Clock,
        checkpoint: Checkpoint,
    ) -> None:
        self._room, self._slots, self._channels = room, slots, channels
        self._redemptions, self._sessions, self._intake = redemptions, sessions, intake
        self._clock, self._checkpoint = clock, checkpoint

    async def join(self, channel: Channel, redemption: Redemption, *, no_slot: bool) -> Place:
        """Do with a redemption that found no room what the streamer wishes. `no_slot`: Twitch has said so (409), so
        what was reserved is given back. Repeating it changes nothing more."""
        limits, now, viewer_id = channel.settings.limits, self._clock.now(), redemption.viewer_id
        oldest_out = limits.when_full is WhenFull.OLDEST_OUT
        oldest_first = await self._room.who_may_go(channel.id) if oldest_out else []

        def apply(slots: Slots) -> Slots:
            hold = slots.hold_of(viewer_id)
            wait = Wait(
                redemption_id=redemption.id,
                viewer_id=viewer_id,
                viewer_login=redemption.viewer_login,
                viewer_name=redemption.viewer_name,
                reward_id=redemption.reward_id,
                reward_title=redemption.reward_title,
                redeemed_at=redemption.redeemed_at,
                since=(hold.waited_since if hold is not None else 0) or now,
                stay=hold.admission if hold is not None else 0,
                sent_off=hold.sent_off if hold is not None else 0,
            )
            if no_slot:
                slots = moves.refused(slots, viewer_id=viewer_id, session_id=redemption.id, now=now)
            if limits.when_full is WhenFull.REFUND:
                return slots
            joined = moves.join(slots, wait)
            if oldest_out and moves.is_full(joined, limits, now):
                # Somebody goes for him once. Should the streamer take that slot by hand, not another one.
                if wait.sent_off:
                    return slots
                joined = moves.make_room(joined, redemption.id, oldest_first)
                return joined if moves.leaving_for(joined, redemption.id) is not None else slots
            return joined

        slots = await self._room.change(channel, apply)
        if slots.hold_of(viewer_id) is not None:
            return Place.HOLDS
        if slots.wait_of(redemption.id) is None:
            return Place.NONE
        self._checkpoint("slots.waiting")
        if oldest_out:
            await self._room.send_off(channel.id, redemption.id)
        return Place.WAITS

    async def position(self, redemption: Redemption) -> int:
        """The place of a redemption on its channel's list, from 1; 0: it is not on it."""
        return (await self._slots.get(redemption.channel_id)).position(redemption.id)

    async def leave(self, redemption: Redemption) -> bool:
        """Take a redemption off the list. False: its viewer holds a slot, so it is too late to leave."""
        channel = await self._channels.get(redemption.channel_id)
        if channel is None:
            return True
        redemption_id = redemption.id
        slots = await self._room.change(channel, lambda held: moves.leave(held, redemption_id))
        hold = slots.hold_of(redemption.viewer_id)
        return hold is None or hold.session_id != redemption_id

    async def settled(self, redemption: Redemption) -> None:
        """Nothing more will come of a redemption: it waits no more, and holds no slot unless there is a session. What a
        crash left behind ends here."""
        slots = await self._slots.get(redemption.channel_id)
        hold = slots.hold_of(redemption.viewer_id)
        holds = not redemption.outcome and hold is not None and hold.session_id == redemption.id
        if not holds and slots.wait_of(redemption.id) is None:
            return
        channel = await self._channels.get(redemption.channel_id)
        if channel is None:
            return
        redemption_id, viewer_id = redemption.id, redemption.viewer_id

        def apply(slots: Slots) -> Slots:
            slots = moves.leave(slots, redemption_id)
            if not holds:
                return slots
            return moves.release(slots, viewer_id=viewer_id, session_id=redemption_id)

        await self._room.change(channel, apply)

    async def let_go(self, redemption: Redemption, reason: Refusal) -> str:
        """Queue that a redemption has waited in vain. Returns the id of the row, the same for the same stay on the list
        and reason."""
        wait = (await self._slots.get(redemption.channel_id)).wait_of(redemption.id)
        delivery = Delivery(
            source="slots",
            message_id=f"{redemption.id}:{reason.value}:{wait.stay if wait is not None else 0}",
            kind="redemption.let_go",
            lane=lane_of(redemption.channel_id, redemption.viewer_id),
            channel_id=redemption.channel_id,
            raw=json.dumps({"event": event_of(redemption), "reason": reason.value}).encode(),
        )
        await self._intake.accept(delivery, again=True)
        return delivery.row_id

    async def let_all_go(self, channel_id: str, reason: Refusal) -> int:
        """The same for everybody on a channel's list (`STREAM_OVER`). Returns how many."""
        return await self._let_go((await self._slots.get(channel_id)).waiting, reason)

    async def _let_go(self, waits: tuple[Wait, ...], reason: Refusal) -> int:
        for wait in waits:
            redemption = await self._redemptions.get(wait.redemption_id)
            if redemption is not None:
                await self.let_go(redemption, reason)
        return len(waits)

    # By the clock

    async def look(self) -> int | None:
        """Look through all lists: let go who has waited too long, let in who fits, queue again what was lost. Returns
        when there is something to do next (UTC ms)."""
        dues: list[int] = []
        for slots in await self._slots.restless():
            channel = await self._channels.get(slots.id)
            if channel is not None:
                dues += await self._look(channel, slots)
        return min(dues, default=None)

    async def _look(self, channel: Channel, slots: Slots) -> list[int]:
        now, longest = self._clock.now(), channel.settings.limits.longest_wait_ms
        if channel.paused:
            await self._let_go(slots.waiting, Refusal.PAUSED)
            return []
        overdue = tuple(wait for wait in slots.waiting if wait.since + longest <= now)
        await self._let_go(overdue, Refusal.WAITED)
        for hold in slots.held:
            if hold.admitted_at:
                await self._room.admit(channel.id, hold.session_id, hold.admission)
        slots = await self._room.change(channel, lambda held: held)
        if channel.settings.limits.when_full is WhenFull.OLDEST_OUT and slots.waiting:
            slots = await self.cover(channel)
        dues = [wait.since + longest for wait in slots.waiting if wait.since + longest > now]
        if slots.full_since:
            dues.append(slots.full_since + TWITCH_FULL_MS)
        return dues

    async def cover(self, channel: Channel, *, spare: str = "") -> Slots:
        """See to it that for everybody who waits somebody goes, though not the session `spare`. Who is left over has
        his points back."""
        limits, now = channel.settings.limits, self._clock.now()
        oldest_first = await self._room.who_may_go(channel.id)

        def apply(slots: Slots) -> Slots:
            return moves.cover(moves.stays(slots, spare), limits, now, oldest_first)

        slots = await self._room.change(channel, apply)
        for leaving in slots.leaving:
            await self._room.send_off(channel.id, leaving.redemption_id)
        if moves.is_full(slots, limits, now):
            await self._let_go(moves.uncovered(slots), Refusal.SLOTS_FULL)
        return slots

    async def redemptions(self, channel_id: str) -> list[Redemption]:
        """Those that are on a channel's list, in order."""
        waits = (await self._slots.get(channel_id)).waiting
        found = [await self._redemptions.get(wait.redemption_id) for wait in waits]
        return [redemption for redemption in found if redemption is not None]

    async def mend(self, channel: Channel, *, run: str) -> int:
        """Compare the slots of a channel with its sessions and redemptions, and put right what a crash or a restored
        backup left behind. `run` names the occasion. Returns how many slots and places were put right."""
        mended = 0
        sessions = await self._sessions.active(channel.id)
        slots = await self._slots.get(channel.id)
        for session in sessions:
            hold = slots.hold_of(session.viewer_id)
            if hold is None or hold.session_id != session.id:
                await self._room.taken(session)
                mended += 1
        with_session = {session.viewer_id for session in sessions}
        for hold in slots.held:
            if hold.viewer_id not in with_session and await self._is_orphan(channel.id, hold):
                await self._room.release(channel.id, viewer_id=hold.viewer_id, session_id=hold.session_id)
                mended += 1
        for wait in slots.waiting:
            redemption = await self._redemptions.get(wait.redemption_id)
            if redemption is None or redemption.status not in (Status.RECEIVED, Status.WAITING):
                await self._room.change(channel, partial(moves.leave, redemption_id=wait.redemption_id))
                mended += 1
        for leaving in slots.leaving:
            going = await self._sessions.get(leaving.session_id)
            if going is None or going.status is not VipStatus.ACTIVE:
                await self._room.change(channel, partial(moves.stays, session_id=leaving.session_id))
                mended += 1
        await self._room.freed(channel.id)  # whoever compares wants to know it afresh
        await self._room.tell_rewards(channel, run=run)
        if mended:
            log.warning("slots.mended", channel=channel.id, places=mended)
        return mended

    async def _is_orphan(self, channel_id: str, hold: Hold) -> bool:
        redemption = await self._redemptions.get(hold.session_id)
        age = self._clock.now() - hold.since
        settled = age >= ORPHAN_MS if redemption is None else redemption.settled
        # Asked last: what was settled before this look and has no session now will have none.
        return settled and await self._sessions.open_for(channel_id, hold.viewer_id) is None
