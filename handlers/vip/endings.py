"""How VIP sessions end: on time, with the stream, by hand, by a cancelled redemption. Always in the viewer's lane."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from domain.audit import SYSTEM, Action, Actor, AuditRecord, streamer
from domain.channel import Viewer
from domain.errors import Rejected
from domain.events import identifier, number, role_event
from domain.inbox import Delivery
from domain.ports import Checkpoint, Clock, Metrics
from domain.viewer import Kept, Listed, ViewerRecord, kept_besides
from domain.vip import Ended, VipSession, VipStatus, ended, fenced, left, renamed, stream_over
from gateways.twitch.contracts import Helix
from handlers.vip.announce import Announcer, Line
from handlers.vip.hands import Hands
from handlers.vip.lanes import lane_of
from handlers.vip.live import Live
from handlers.vip.restore import Restoring
from handlers.vip.room import Room
from handlers.work import Work
from storage.channels import Channels
from storage.sessions import Sessions
from storage.viewers import Viewers

__all__ = ["Endings", "expiry_of", "lane_of"]

LINES: dict[str, str] = {
    Ended.EXPIRED: "ended",
    Ended.STREAM_OVER: "ended",
    Ended.MADE_ROOM: "ended",
    Ended.REVOKED: "removed_by_streamer",
}
"""What is said in chat, by the reason of the end; nothing for all others."""

PROMOTED = "moderator.added"
"""The kind of row that says of its viewer that he is, or was, moderator."""

SAME_MOMENT_MS = 60_000
"""How far apart the two notices of a VIP who is made moderator may be: that of the badge and that of the sword."""

LATELY_ENDED = 100  # sessions of a channel that are looked through for the one of a new moderator


def expiry_of(session: VipSession, *, cause: str) -> Delivery:
    """The row that ends a session on time. The end is part of its identity: an extension makes another row, and so
    does a session that was left and is to go now. `cause` (clock, cron) is not, nor is it in the body: the same end
    queued by both is one row, not a conflict."""
    again = f":{session.left_at}" if session.left_at else ""
    return Delivery(
        source="clock",
        message_id=f"{session.id}:{session.expires_at}{again}",
        kind="vip.expire",
        lane=lane_of(session.channel_id, session.viewer_id),
        channel_id=session.channel_id,
        raw=json.dumps({"session_id": session.id}).encode(),
        transport=cause,
    )


class Endings:
    """Ends sessions. `end` is also called by the handlers of redemptions, and of what people order."""

    def __init__(
        self,
        *,
        channels: Channels,
        sessions: Sessions,
        viewers: Viewers,
        helix: Helix,
        room: Room,
        hands: Hands,
        announcer: Announcer,
        live: Live,
        restoring: Restoring,
        clock: Clock,
        metrics: Metrics,
        checkpoint: Checkpoint,
        session_changed: Callable[[], None],
    ) -> None:
        """`session_changed` wakes the scheduler of expiries."""
        self._session_changed = session_changed
        self._channels, self._sessions, self._viewers, self._helix = channels, sessions, viewers, helix
        self._room, self._hands, self._announcer, self._live = room, hands, announcer, live
        self._restoring = restoring
        self._clock, self._metrics, self._checkpoint = clock, metrics, checkpoint

    async def expire(self, work: Work) -> str:
        """Handle `vip.expire`: remove the VIP unless the session was extended or ended meanwhile."""
        session = await self._of(work)
        if session.status is VipStatus.ACTIVE and session.expires_at > self._clock.now():
            return "extended"
        return await self._over(work, session, Ended.EXPIRED, cause=work.row.transport or "clock")

    async def stream_over(self, work: Work) -> str:
        """Handle `vip.stream_over`: the same for a session that ends with the stream. What it has by the clock besides
        begins to run (`runs_on`)."""
        session = await self._of(work)
        if session.status is VipStatus.ACTIVE and not session.left_at:
            by_the_clock = not session.until_stream_end or session.stream_since > _stream_ended_at(work)
            if by_the_clock and work.noted("runs_on") is None:
                return "extended"  # by time that does not end with this stream
            if by_the_clock or session.after_stream_ms:
                return await self._run_on(work, session)
        return await self._over(work, session, Ended.STREAM_OVER, cause="stream")

    async def _run_on(self, work: Work, session: VipSession) -> str:
        """Repeating it after a crash changes nothing more, and shows it."""
        await work.note("runs_on", {"session_id": session.id})
        over_at, fence = _stream_over_at(work), work.fence
        work.ensure_held()
        session = await self._sessions.change(
            session.id, lambda held: stream_over(fenced(held, fence), over_at=over_at)
        )
        self._checkpoint("vip.runs_on")
        self._session_changed()
        work.ensure_held()
        await self._live.show_vip(session, key=f"{work.row.id}:runs_on")
        return "runs_on"

    async def _of(self, work: Work) -> VipSession:
        session = await self._sessions.get(identifier(work.payload, "session_id"))
        if session is None:
            raise Rejected("The session of this expiry is not stored.", code="vip.no_session")
        return session

    async def _over(self, work: Work, session: VipSession, because: Ended, *, cause: str) -> str:
        if session.status is VipStatus.ACTIVE:
            channel = await self._channels.get(session.channel_id)
            if channel is not None and not channel.settings.removes:
                return await self._leave(work, session, because, cause=cause)
            self._checkpoint("expiry.claimed")
        return await self.end(work, session, because, actor=SYSTEM, cause=cause, remove=True)

    async def _leave(self, work: Work, session: VipSession, because: Ended, *, cause: str) -> str:
        """The streamer removes VIPs himself: the session stays open, past its end, and everybody is told once."""
        now, fence = self._clock.now(), work.fence
        work.ensure_held()
        session = await self._sessions.change(session.id, lambda held: left(fenced(held, fence), now=now))
        record = AuditRecord(
            id=f"{session.id}:left:{session.left_at}",
            channel_id=session.channel_id,
            at=session.left_at,
            action=Action.LEFT,
            actor=SYSTEM,
            cause=cause,
            viewer=_viewer(session),
            reason=because.value,
            detail={"session_id": session.id, "expires_at": session.expires_at},
        )
        await self._announcer.announce(record, session=session)
        return "left"

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
        if await self._helix.is_vip(event.channel_id, event.viewer.id):
            return "still_vip"
        if session is None and work.row.kind == PROMOTED:
            await self._keep_late(work, event.channel_id, event.viewer.id)
        if session is None:
            return await self._hands.gone(work, event.channel_id, event.viewer)
        return await self.lost(work, session)

    async def lost(self, work: Work, session: VipSession) -> str:
        """Close a session whose viewer is no VIP any more, for the reason that Twitch shows, or tells: who was
        moderator for a moment only is none when we look."""
        promoted = work.row.kind == PROMOTED or await self._helix.is_moderator(
            session.channel_id, session.viewer_id
        )
        banned = not promoted and await self._helix.is_banned(session.channel_id, session.viewer_id)
        because = Ended.REMOVED_BY_HAND
        if promoted or banned:
            because = Ended.BECAME_MODERATOR if promoted else Ended.BANNED
        elif work.doubtful and await self._restoring.restore(work, session):
            return "restored"
        return await self.end(
            work, session, because, actor=streamer(session.channel_id), cause="twitch", remove=False
        )

    async def vip_added(self, work: Work) -> str:
        """Handle `vip.added`: a VIP that is not ours is noted, never touched."""
        event = role_event(work.event)
        session = await self._sessions.open_for(event.channel_id, event.viewer.id)
        if session is not None:
            await self.rename(work, session, event.viewer)
            return "ours"
        if not await self._helix.is_vip(event.channel_id, event.viewer.id):
            return "stale"
        await self._hands.noticed(work, event.channel_id, event.viewer)
        return "by_hand"

    async def rename(self, work: Work, session: VipSession, viewer: Viewer) -> bool:
        """Take over the names that an event carries; whether they are news."""
        if renamed(session, viewer) == session:
            return False
        fence = work.fence
        work.ensure_held()
        session = await self._sessions.change(session.id, lambda held: renamed(fenced(held, fence), viewer))
        await self._live.show_vip(session, key=f"{session.id}:{viewer.login}:{viewer.name}")
        return True

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
        self,
        work: Work,
        session: VipSession,
        because: Ended,
        *,
        actor: Actor,
        cause: str,
        remove: bool,
        note: str = "",
    ) -> str:
        """Take the VIP away (if `remove`) and close the session. Whatever Twitch answers to the removal, the viewer
        is not VIP afterwards, so each answer counts as done. Repeating it after a crash completes it.

        The badge of a protected viewer is never removed; his session ends all the same. `note`: what the actor said."""
        if session.status is VipStatus.ACTIVE:
            if remove and await self._is_protected(session):
                because, remove = Ended.PROTECTED, False
            session = await self._close(work, session, because, actor, cause, remove=remove)
        await self._room.left(session)
        if session.ended_because == Ended.BECAME_MODERATOR:
            await self._keep(session)
        if session.ended_because == Ended.PROTECTED:
            await self._hands.made(session.channel_id, _viewer(session), since=session.ended_at or 0)
        viewer = _viewer(session)
        detail: dict[str, Any] = {
            "session_id": session.id,
            "expires_at": session.expires_at,
            "reward_title": session.reward_title,
        }
        if note:
            detail["note"] = note
        record = AuditRecord(
            id=f"{session.id}:ended",
            channel_id=session.channel_id,
            at=session.ended_at or self._clock.now(),
            action=Action.ENDED,
            actor=actor,
            cause=cause,
            viewer=viewer,
            reason=session.ended_because,
            detail=detail,
        )
        event = LINES.get(session.ended_because)
        line = None if event is None else Line(event, viewer.shown, reward=session.reward_title)
        if await self._announcer.announce(record, session=session, line=line):
            self._metrics.count("vip_ended_total", because=session.ended_because)
        return session.ended_because

    async def _close(
        self, work: Work, session: VipSession, because: Ended, actor: Actor, cause: str, *, remove: bool
    ) -> VipSession:
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
        if because is Ended.EXPIRED and not session.left_at:
            self._metrics.observe("vip_removal_delay_seconds", max(0, now - session.expires_at) / 1000)
        return session

    async def _is_protected(self, session: VipSession) -> bool:
        record = await self._viewers.get(session.channel_id, session.viewer_id)
        return record.listed is Listed.PROTECTED

    async def _keep(self, session: VipSession) -> None:
        """What a moderator has left of his VIP is kept for him (`people.py` gives it back). Twice is once."""
        at = session.ended_at or 0
        kept = Kept(
            session.left_ms(at),
            at,
            session.reward_id,
            session.reward_title,
            session.until_stream_end,
            min(session.after_stream_ms, session.left_ms(at)),
        )

        def keep(record: ViewerRecord) -> ViewerRecord:
            if not kept.ms or record.kept_from == session.id:
                return record
            return replace(record, kept=kept_besides(kept, record.kept), kept_from=session.id)

        await self._viewers.change(session.channel_id, _viewer(session), keep)

    async def _keep_late(self, work: Work, channel_id: str, viewer_id: str) -> None:
        """The badge of a new moderator goes with a notice of its own. Where that was looked at before there was a
        moderator to be seen, or when there was none any more, it passed for a removal by hand."""
        for session in await self._sessions.recently_ended(channel_id, limit=LATELY_ENDED):
            since = work.row.received_at - (session.ended_at or 0)
            by_hand = session.ended_because == Ended.REMOVED_BY_HAND
            if session.viewer_id == viewer_id and by_hand and abs(since) <= SAME_MOMENT_MS:
                await self._keep(session)


def _stream_ended_at(work: Work) -> int:
    """Which stream it is that is over, by when it went. A row of an earlier release names none."""
    return number(work.payload, "ended_at") if "ended_at" in work.payload else work.row.received_at


def _stream_over_at(work: Work) -> int:
    """Since when it is over."""
    return number(work.payload, "over_at") if "over_at" in work.payload else work.row.received_at


def _viewer(session: VipSession) -> Viewer:
    return Viewer(session.viewer_id, session.viewer_login, session.viewer_name)


def _intent(session: VipSession, because: Ended, actor: Actor, cause: str) -> dict[str, Any]:
    """What a row notes before it ends a session."""
    return {
        "session_id": session.id,
        "because": because.value,
        "actor": {"kind": actor.kind, "id": actor.id, "name": actor.name},
        "cause": cause,
    }
