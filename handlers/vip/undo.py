"""Taking back the time of a redemption that a moderator cancelled in Twitch's queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.audit import SYSTEM, Action, Actor, AuditRecord, streamer
from domain.events import redemption_event
from domain.ports import Clock
from domain.redemption import Redemption, received
from domain.redemption import RedemptionStatus as Status
from domain.vip import Ended, VipSession, VipStatus, fenced, shortened
from handlers.vip.announce import Announcer
from handlers.vip.endings import Endings
from handlers.vip.tell import Teller
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions


async def nothing(redemption: Redemption) -> None:
    """Where there are no watch parties, nothing was added to one."""


class Undo:
    """Ends the VIP of a cancelled redemption, or takes its share of the time away. `take_back` does so with what it has
    added to the queue of a watch party."""

    def __init__(
        self,
        *,
        channels: Channels,
        redemptions: Redemptions,
        sessions: Sessions,
        endings: Endings,
        announcer: Announcer,
        teller: Teller,
        clock: Clock,
        take_back: Callable[[Redemption], Awaitable[None]] = nothing,
    ) -> None:
        self._take_back_item = take_back
        self._channels, self._redemptions, self._sessions = channels, redemptions, sessions
        self._endings, self._announcer, self._teller, self._clock = endings, announcer, teller, clock

    async def undo(self, work: Work, redemption: Redemption) -> None:
        """For what was cancelled in the queue. Repeating it after a crash completes it and changes nothing more."""
        if redemption.outcome == "queued":
            await self._take_back_item(redemption)
        session = await self._sessions.get(redemption.session_id) if redemption.session_id else None
        if session is not None:
            actor = streamer(redemption.channel_id)
            await self._take_back(work, redemption, session, actor=actor, cause="queue")

    async def undo_given_up(self, work: Work, redemption: Redemption) -> bool:
        """For what is given up half-made: its time may be in a session without the redemption knowing of it. Returns
        whether the viewer has an open session, whoever's redemption it came from."""
        session = await self._sessions.open_for(redemption.channel_id, redemption.viewer_id)
        if session is not None:
            await self._take_back(work, redemption, session, actor=SYSTEM, cause="redemption")
        return session is not None

    async def _take_back(
        self, work: Work, redemption: Redemption, session: VipSession, *, actor: Actor, cause: str
    ) -> None:
        if session.status is not VipStatus.ACTIVE:
            return
        begun = work.noted("shorten") is not None  # cut off perhaps before it was told
        if session.has(redemption.id):
            shorter = shortened(session, cause=redemption.id)
            if not shorter.grants or shorter.expires_at <= self._clock.now():
                because = Ended.REDEMPTION_CANCELLED
                await self._endings.end(work, session, because, actor=actor, cause=cause, remove=True)
                return
        elif not begun:
            return
        if not begun:
            await work.note("shorten", {"session_id": session.id})
        fence = work.fence
        session = await self._sessions.change(
            session.id, lambda held: shortened(fenced(held, fence), cause=redemption.id)
        )
        self._teller.session_changed()
        await self._announcer.announce(
            AuditRecord(
                id=f"{redemption.id}:shortened",
                channel_id=redemption.channel_id,
                at=self._clock.now(),
                action=Action.SHORTENED,
                actor=actor,
                cause=cause,
                viewer=redemption.viewer,
                detail={"redemption_id": redemption.id, "expires_at": session.expires_at},
            ),
            session=session,
        )

    async def updated(self, work: Work) -> str:
        """Handle `redemption.updated`: only a cancellation that is not our own refund matters."""
        event = redemption_event(work.event)
        if event.status != "canceled":
            return "not_cancelled"
        await self._endings.resume(work)
        redemption = await self._redemptions.get(event.id)
        if redemption is None:
            channel = await self._channels.get(event.channel_id)
            if channel is None or channel.reward(event.reward_id) is None:
                return "not_ours"
            # Cancelled before we heard of it: remember, so that the late notice of it grants nothing.
            redemption = await self._redemptions.begin(received(event, now=self._clock.now()))
        if redemption.status in (Status.REFUNDING, Status.REFUNDED, Status.ALARMED):
            return "our_refund"
        if redemption.status is not Status.CANCELLED:
            await self._undo_and_move(work, redemption)
        redemption = await self._redemptions.get(event.id) or redemption
        await self._teller.tell(redemption)
        return "cancelled"

    async def _undo_and_move(self, work: Work, redemption: Redemption) -> None:
        await self.undo(work, redemption)
        work.ensure_held()
        await self._redemptions.move(redemption.id, Status.CANCELLED, now=self._clock.now())
