"""How VIP sessions end: on time, by hand, by a cancelled redemption. Always in the viewer's lane."""

from __future__ import annotations

import json
from typing import Any

from domain.audit import SYSTEM, Action, Actor, AuditRecord, streamer
from domain.channel import Viewer
from domain.errors import Rejected
from domain.events import identifier, role_event
from domain.inbox import Delivery
from domain.ports import Checkpoint, Clock, Metrics
from domain.vip import Ended, VipSession, VipStatus, ended, fenced
from gateways.twitch.contracts import Helix
from handlers.vip.announce import Announcer
from handlers.vip.restore import Restoring
from handlers.work import Work
from storage.sessions import Sessions


def lane_of(channel_id: str, viewer_id: str) -> str:
    """The lane of everything that concerns one viewer's VIP in one channel."""
    return f"vip:{channel_id}:{viewer_id}"


def expiry_of(session: VipSession, *, cause: str) -> Delivery:
    """The row that ends a session on time. The end is part of its identity: an extension makes another row. `cause`
    (clock, cron) is not, nor is it in the body: the same end queued by both is one row, not a conflict."""
    return Delivery(
        source="clock",
        message_id=f"{session.id}:{session.expires_at}",
        kind="vip.expire",
        lane=lane_of(session.channel_id, session.viewer_id),
        channel_id=session.channel_id,
        raw=json.dumps({"session_id": session.id}).encode(),
        transport=cause,
    )


class Endings:
    """Ends sessions. `end` is also called by the handlers of redemptions."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        helix: Helix,
        announcer: Announcer,
        restoring: Restoring,
        clock: Clock,
        metrics: Metrics,
        checkpoint: Checkpoint,
    ) -> None:
        self._sessions, self._helix, self._announcer = sessions, helix, announcer
        self._restoring = restoring
        self._clock, self._metrics, self._checkpoint = clock, metrics, checkpoint

    async def expire(self, work: Work) -> str:
        """Handle `vip.expire`: remove the VIP unless the session was extended or ended meanwhile."""
        session = await self._sessions.get(identifier(work.payload, "session_id"))
        if session is None:
            raise Rejected("The session of this expiry is not stored.", code="vip.no_session")
        if session.status is VipStatus.ACTIVE and session.expires_at > self._clock.now():
            return "extended"
        if session.status is VipStatus.ACTIVE:
            self._checkpoint("expiry.claimed")
        cause = work.row.transport or "clock"
        return await self.end(work, session, Ended.EXPIRED, actor=SYSTEM, cause=cause, remove=True)

    async def role_changed(self, work: Work) -> str:
        """Handle `vip.removed` and `moderator.added`: whoever lost the VIP by hand has his session closed, without a
        refund. Twitch sends no actor and no time, and the notice may be old, so what counts is the world now.

        In a lane that was taken over, a late call of the former holder is the likelier cause: the VIP is granted again,
        once."""
        event = role_event(work.event)
        completed = await self.resume(work)
        if completed is not None:
            return completed
        if await self._restoring.resume(work):
            return "restored"
        session = await self._sessions.open_for(event.channel_id, event.viewer.id)
        if session is None:
            return "not_ours"
        if await self._helix.is_vip(event.channel_id, event.viewer.id):
            return "still_vip"
        promoted = await self._helix.is_moderator(event.channel_id, event.viewer.id)
        if work.doubtful and not promoted and await self._restoring.restore(work, session):
            return "restored"
        because = Ended.BECAME_MODERATOR if promoted else Ended.REMOVED_BY_HAND
        return await self.end(
            work, session, because, actor=streamer(event.channel_id), cause="twitch", remove=False
        )

    async def vip_added(self, work: Work) -> str:
        """Handle `vip.added`: a VIP that is not ours is noted, never touched."""
        event = role_event(work.event)
        if await self._sessions.open_for(event.channel_id, event.viewer.id) is not None:
            return "ours"
        if not await self._helix.is_vip(event.channel_id, event.viewer.id):
            return "stale"
        await self._announcer.announce(
            AuditRecord(
                id=f"{work.row.id}:noticed",
                channel_id=event.channel_id,
                at=self._clock.now(),
                action=Action.NOTICED,
                actor=streamer(event.channel_id),
                cause="twitch",
                viewer=event.viewer,
            )
        )
        return "by_hand"

    async def resume(self, work: Work) -> str | None:
        """Complete the end of a session that an earlier attempt at this row closed and perhaps did not tell of: the
        session is no longer open, so nobody else would find it. `None` if there is none."""
        begun = work.noted("end")
        session = None if begun is None else await self._sessions.get(begun["session_id"])
        if begun is None or session is None or session.status is VipStatus.ACTIVE:
            return None
        because, actor, cause = Ended(begun["because"]), Actor(**begun["actor"]), begun["cause"]
        return await self.end(work, session, because, actor=actor, cause=cause, remove=False)

    async def end(
        self, work: Work, session: VipSession, because: Ended, *, actor: Actor, cause: str, remove: bool
    ) -> str:
        """Take the VIP away (if `remove`) and close the session. Whatever Twitch answers to the removal, the viewer
        is not VIP afterwards, so each answer counts as done. Repeating it after a crash completes it."""
        if session.status is VipStatus.ACTIVE:
            begun = work.noted("end")
            if begun is None or begun["session_id"] != session.id:
                await work.note("end", _intent(session, because, actor, cause))
            if remove:
                work.hold()
                await self._helix.remove_vip(session.channel_id, session.viewer_id)
                self._checkpoint("expiry.removed")
            now, fence = self._clock.now(), work.fence
            work.ensure_held()
            session = await self._sessions.change(
                session.id, lambda held: ended(fenced(held, fence), because=because, now=now)
            )
            if because is Ended.EXPIRED:
                self._metrics.observe("vip_removal_delay_seconds", max(0, now - session.expires_at) / 1000)
        viewer = Viewer(session.viewer_id, session.viewer_login, session.viewer_name)
        record = AuditRecord(
            id=f"{session.id}:ended",
            channel_id=session.channel_id,
            at=session.ended_at or self._clock.now(),
            action=Action.ENDED,
            actor=actor,
            cause=cause,
            viewer=viewer,
            reason=session.ended_because,
            detail={
                "session_id": session.id,
                "expires_at": session.expires_at,
                "reward_title": session.reward_title,
            },
        )
        line = ("ended", {"viewer": viewer.shown}) if session.ended_because == Ended.EXPIRED else None
        if await self._announcer.announce(record, session=session, line=line):
            self._metrics.count("vip_ended_total", because=session.ended_because)
        return session.ended_because


def _intent(session: VipSession, because: Ended, actor: Actor, cause: str) -> dict[str, Any]:
    """What a row notes before it ends a session."""
    return {
        "session_id": session.id,
        "because": because.value,
        "actor": {"kind": actor.kind, "id": actor.id, "name": actor.name},
        "cause": cause,
    }
