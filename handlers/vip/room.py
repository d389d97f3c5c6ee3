"""Room for VIPs: takes slots and gives them back, lets in who waited, makes the oldest go, has rewards paused.

Whatever changes the slots of a channel goes through `Room`, so that what follows from a change follows from every one
of them: who is next is let in, the rewards that pause while it is full hear of it, the page shows the list. What
follows are rows; one that a crash swallowed is queued again by `Waiting.look` and by reconciliation.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from domain import slots as moves
from domain.channel import Channel, Viewer
from domain.inbox import Delivery
from domain.ports import Checkpoint, Clock
from domain.redemption import event_of
from domain.slots import Slots
from domain.vip import Ended, VipSession, VipStatus
from handlers.intake import Intake
from handlers.vip.lanes import lane_of, rewards_lane
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions
from storage.slots import SlotsOf
from storage.viewers import Viewers

NO_COOLDOWN = frozenset({Ended.REDEMPTION_CANCELLED, Ended.BECAME_MODERATOR, Ended.PROTECTED})
"""Ends after which a viewer need not wait for his next VIP: he had none of it, or it goes on."""

Show = Callable[[Slots], Awaitable[None]]


class Room:
    """The slots of all channels. `show` is told of each change that the page can see."""

    def __init__(
        self,
        *,
        slots: SlotsOf,
        channels: Channels,
        sessions: Sessions,
        redemptions: Redemptions,
        viewers: Viewers,
        intake: Intake,
        show: Show,
        clock: Clock,
        checkpoint: Checkpoint,
    ) -> None:
        self._slots, self._channels, self._sessions = slots, channels, sessions
        self._redemptions, self._viewers, self._intake = redemptions, viewers, intake
        self._show, self._clock, self._checkpoint = show, clock, checkpoint

    async def of(self, channel_id: str) -> Slots:
        """The slots of a channel as they are now."""
        return await self._slots.get(channel_id)

    async def reserve(self, channel: Channel, *, viewer_id: str, session_id: str, asks: bool = False) -> bool:
        """Take a slot for a session that is about to begin, before Twitch is asked for the VIP. False: there is none,
        or others have waited for it. To be followed by `taken`, `no_slot` or `release`. `asks`: also where Twitch said
        lately that it has none."""
        limits, now = channel.settings.limits, self._clock.now()
        slots = await self.change(
            channel,
            lambda held: moves.reserve(
                held, viewer_id=viewer_id, session_id=session_id, limits=limits, now=now, asks=asks
            ),
        )
        hold = slots.hold_of(viewer_id)
        return hold is not None and hold.session_id == session_id

    async def taken(self, session: VipSession) -> None:
        """A session of ours has begun, or was extended: it holds a slot from now on, whatever the cap says."""
        slots = await self._slots.get(session.channel_id)
        hold = slots.hold_of(session.viewer_id)
        reserved = hold is not None and hold.session_id == session.id and not hold.admitted_at
        if reserved and all(wait.viewer_id != session.viewer_id for wait in slots.waiting):
            return  # no write
        channel = await self._channels.get(session.channel_id)
        if channel is not None:
            now, viewer_id, session_id = self._clock.now(), session.viewer_id, session.id
            await self.change(
                channel,
                lambda held: moves.taken(held, viewer_id=viewer_id, session_id=session_id, now=now),
            )

    async def no_slot(self, channel: Channel, *, viewer_id: str, session_id: str) -> None:
        """Twitch has no slot (409) for what was reserved."""
        now = self._clock.now()
        await self.change(
            channel,
            lambda held: moves.refused(held, viewer_id=viewer_id, session_id=session_id, now=now),
        )

    async def release(self, channel_id: str, *, viewer_id: str, session_id: str) -> None:
        """What was reserved will not begin."""
        channel = await self._channels.get(channel_id)
        if channel is not None:
            await self.change(
                channel, lambda held: moves.release(held, viewer_id=viewer_id, session_id=session_id)
            )

    async def left(self, session: VipSession) -> None:
        """A session of ours is over, whatever the cause: its slot is free, and the cooldown of its viewer begins.
        Repeating it changes nothing more."""
        if session.ended_because not in NO_COOLDOWN and session.ended_at is not None:
            viewer = Viewer(session.viewer_id, session.viewer_login, session.viewer_name)
            ended_at = session.ended_at
            await self._viewers.change(
                session.channel_id,
                viewer,
                lambda held: replace(held, last_vip_ended_at=max(held.last_vip_ended_at, ended_at)),
            )
        channel = await self._channels.get(session.channel_id)
        if channel is not None:
            viewer_id, session_id = session.viewer_id, session.id
            await self.change(
                channel,
                lambda held: moves.freed(moves.release(held, viewer_id=viewer_id, session_id=session_id)),
            )

    async def freed(self, channel_id: str) -> None:
        """What Twitch said last of its slots counts no more: a VIP that is not ours was removed, say."""
        slots = await self._slots.get(channel_id)
        channel = await self._channels.get(channel_id) if slots.full_since else None
        if channel is not None:
            await self.change(channel, moves.freed)

    async def change(self, channel: Channel, fn: Callable[[Slots], Slots]) -> Slots:
        """Change the slots of a channel by functions of `domain.slots`, then do what follows. Returns what they are."""
        limits, now = channel.settings.limits, self._clock.now()
        before, after = await self._slots.change(
            channel.id, lambda held: moves.settled(fn(held), limits, now, lets_in=not channel.paused)
        )
        if after != before:
            await self._follow(channel, before, after)
        return after

    async def _follow(self, channel: Channel, before: Slots, after: Slots) -> None:
        let_in = moves.admitted(before, after)
        if let_in:
            self._checkpoint("slots.freed")
        for wait in let_in:
            hold = after.hold_of(wait.viewer_id)
            if hold is not None:
                await self.admit(channel.id, wait.redemption_id, hold.admission)
        if after.changes != before.changes:
            await self.tell_rewards(channel, run=f"{after.id}:{after.changes}")
        # Without a cap nobody looks at how many are held: that is what the list of VIPs is for.
        counts = channel.settings.limits.cap > 0 and len(after.held) != len(before.held)
        if counts or (before.waiting, before.told_full) != (after.waiting, after.told_full):
            await self._show(after)

    async def admit(self, channel_id: str, redemption_id: str, number: int) -> None:
        """Queue a redemption that waited no more; `number` tells admissions of the same one apart."""
        redemption = await self._redemptions.get(redemption_id)
        if redemption is None or redemption.settled:
            return
        await self._intake.accept(
            Delivery(
                source="slots",
                message_id=f"{redemption_id}:{number}",
                kind="redemption.admitted",
                lane=lane_of(channel_id, redemption.viewer_id),
                channel_id=channel_id,
                raw=json.dumps({"event": event_of(redemption)}).encode(),
            )
        )

    async def tell_rewards(self, channel: Channel, *, run: str) -> None:
        """Queue that the channel became full, or is not any more, if that is news to one of its rewards. `run` names
        the occasion."""
        full = (await self._slots.get(channel.id)).told_full
        if any((reward.pauses_when_full and full) is not reward.paused_by_us for reward in channel.rewards):
            await self._intake.accept(
                Delivery(
                    source="slots",
                    message_id=run,
                    kind="reward.pause",
                    lane=rewards_lane(channel.id),
                    channel_id=channel.id,
                    raw=json.dumps({"full": full}).encode(),
                    first_counts=True,  # what counts is whether it is full when the row is handled
                )
            )

    async def who_may_go(self, channel_id: str) -> list[str]:
        """The sessions of a channel, the one that was granted first in front; those of protected viewers are not among
        them."""
        protected = await self._viewers.protected(channel_id)
        sessions = [
            session
            for session in await self._sessions.active(channel_id)
            if session.viewer_id not in protected
        ]
        return [session.id for session in sorted(sessions, key=lambda each: (each.granted_at, each.id))]

    async def send_off(self, channel_id: str, redemption_id: str) -> None:
        """Queue the end of the session that has to go for a waiting redemption."""
        leaving = moves.leaving_for(await self._slots.get(channel_id), redemption_id)
        session = None if leaving is None else await self._sessions.get(leaving.session_id)
        if leaving is None or session is None:
            return
        if session.status is not VipStatus.ACTIVE:
            await self.left(session)  # it ended by itself in the same moment
            return
        await self._intake.accept(
            Delivery(
                source="slots",
                message_id=f"{session.id}:{redemption_id}:{leaving.number}",
                kind="vip.make_room",
                lane=lane_of(channel_id, session.viewer_id),
                channel_id=channel_id,
                raw=json.dumps({"session_id": session.id, "for": redemption_id}).encode(),
            ),
            again=True,
        )
