"""Viewers whose place in a channel changes: moderators, the banned, the renamed; and a regular look at all VIPs.

Who is made moderator loses the VIP badge on Twitch, and what is left of his time is kept for him (`endings.py`). He
gets it back when he is no moderator any more; should Twitch refuse that (no slot, say), it stays kept, and each
reconciliation tries again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from domain.audit import SYSTEM, Action, Actor, streamer
from domain.channel import Channel, Viewer
from domain.events import BanEvent, ban_event, role_event
from domain.inbox import Delivery
from domain.ports import Clock, Metrics
from domain.redemption import Refusal
from domain.viewer import Kept, ViewerRecord
from domain.vip import Ended, Method, VipSession, renamed
from gateways.twitch.contracts import Helix, User
from handlers.intake import Intake
from handlers.vip.endings import Endings
from handlers.vip.gifts import Gifts
from handlers.vip.granting import Gift, Granting
from handlers.vip.hands import Hands
from handlers.vip.lanes import lane_of
from handlers.vip.room import Room
from handlers.vip.waiting import Waiting
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions
from storage.streams import Streams
from storage.viewers import Viewers

OLD_MS = 60_000
"""From which age on the notice of a ban is checked against Twitch's list, which is some seconds behind."""


class People:
    """Handles `moderator.removed`, `viewer.banned` and `viewer.seen`, and compares for reconciliations."""

    def __init__(
        self,
        *,
        channels: Channels,
        sessions: Sessions,
        viewers: Viewers,
        redemptions: Redemptions,
        streams: Streams,
        helix: Helix,
        granting: Granting,
        endings: Endings,
        hands: Hands,
        gifts: Gifts,
        room: Room,
        waiting: Waiting,
        intake: Intake,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._channels, self._sessions, self._viewers = channels, sessions, viewers
        self._redemptions, self._streams, self._helix = redemptions, streams, helix
        self._granting, self._endings, self._hands, self._gifts = granting, endings, hands, gifts
        self._room, self._waiting, self._intake = room, waiting, intake
        self._clock, self._metrics = clock, metrics

    # Moderators

    async def demoted(self, work: Work) -> str:
        """Handle `moderator.removed`: give back what was kept. Returns `granted` or `extended`, or why not:
        `nothing_kept`, `still_moderator`, `stream_over`, `refused`, `not_ours`."""
        event = role_event(work.event)
        channel = await self._channels.get(event.channel_id)
        if channel is None:
            return "not_ours"
        begun = work.noted("kept")
        record = await self._viewers.get(channel.id, event.viewer.id)
        kept = record.kept if begun is None else Kept(**begun)
        if kept is None:
            return "nothing_kept"
        if begun is None:
            if await self._helix.is_moderator(channel.id, event.viewer.id):
                return "still_moderator"
            if kept.until_stream_end and (await self._streams.get(channel.id)).over_at >= kept.at:
                kept = replace(kept, ms=kept.after_stream_ms, until_stream_end=False, after_stream_ms=0)
            if not kept.ms:
                await self._given_back(channel, event.viewer, kept)
                return "stream_over"
            await work.note("kept", asdict(kept))
        viewer = Viewer(event.viewer.id, event.viewer.login or record.login, event.viewer.name or record.name)
        gift = Gift(
            cause=f"kept-{channel.id}-{viewer.id}-{kept.at}",
            viewer=viewer,
            ms=kept.ms,
            method=Method.KEPT,
            granted_by=viewer.id,
            until_stream_end=kept.until_stream_end,
            after_stream_ms=kept.after_stream_ms,
            reward_id=kept.reward_id,
            reward_title=kept.reward_title,
        )
        given = await self._granting.give(work, channel, gift, force=True)
        if isinstance(given, Refusal):
            await self._gifts.write(
                f"{gift.cause}:refused",
                channel.id,
                Action.REFUSED,
                viewer,
                actor=SYSTEM,
                cause="twitch",
                reason=given.value,
                detail={"seconds": kept.ms // 1000, "kept": True},
            )
            return "refused"
        await self._given_back(channel, viewer, kept)
        await self._gifts.tell(gift.cause, given, cause="twitch", kept=True)
        return given.word

    async def _given_back(self, channel: Channel, viewer: Viewer, kept: Kept) -> None:
        def forget(record: ViewerRecord) -> ViewerRecord:
            return replace(record, kept=None) if record.kept and record.kept.at == kept.at else record

        await self._viewers.change(channel.id, viewer, forget)

    # Bans

    async def banned(self, work: Work) -> str:
        """Handle `viewer.banned`: whoever is banned for good is VIP no more, and waits for nothing. A timeout ends
        nothing, unless Twitch has taken the badge. Returns `banned`, or why nothing ended."""
        event = ban_event(work.event)
        completed = await self._endings.resume(work)
        if completed is not None:
            return completed
        if event.permanent:
            old = self._clock.now() - work.row.received_at > OLD_MS
            if old and not await self._helix.is_banned(event.channel_id, event.viewer.id):
                return "pardoned"
            await self._refund_waiting(event)
        session = await self._sessions.open_for(event.channel_id, event.viewer.id)
        if session is None:
            if await self._helix.is_vip(event.channel_id, event.viewer.id):
                return "by_hand"
            return await self._hands.gone(work, event.channel_id, event.viewer)
        if not event.permanent:
            if await self._helix.is_vip(event.channel_id, event.viewer.id):
                return "still_vip"
            if await self._helix.is_moderator(event.channel_id, event.viewer.id):
                return await self._endings.lost(work, session)
        return await self._endings.end(
            work, session, Ended.BANNED, actor=_who_banned(event), cause="twitch", remove=event.permanent
        )

    async def _refund_waiting(self, event: BanEvent) -> None:
        for wait in (await self._room.of(event.channel_id)).waiting:
            redemption = None
            if wait.viewer_id == event.viewer.id:
                redemption = await self._redemptions.get(wait.redemption_id)
            if redemption is not None:
                await self._waiting.let_go(redemption, Refusal.BLOCKED)

    # Names

    async def seen(self, work: Work) -> str:
        """Handle `viewer.seen`: a viewer has other names than we knew. Returns `renamed` or `known`."""
        event = role_event(work.event)
        session = await self._sessions.open_for(event.channel_id, event.viewer.id)
        news = session is not None and await self._endings.rename(work, session, event.viewer)
        before = await self._viewers.get(event.channel_id, event.viewer.id)
        if before.seen_at or before.by_hand_since:
            record = await self._viewers.change(event.channel_id, event.viewer, lambda held: held)
            news = news or record != before
            await self._hands.show(record, key=f"{record.id}:{record.login}:{record.name}")
        return "renamed" if news else "known"

    # All of them

    async def compare(self, work: Work, channel: Channel, vips: Sequence[User]) -> int:
        """Compare Twitch's list of VIPs with what we know beyond our sessions, and queue what is news: VIPs by hand
        that came and went, other names, time that can be given back. Returns how much there is."""
        sessions = {session.viewer_id: session for session in await self._sessions.active(channel.id)}
        hands = {record.viewer_id: record for record in await self._viewers.by_hand(channel.id)}
        found: list[tuple[str, User]] = []
        for vip in vips:
            session, record = sessions.get(vip.id), hands.get(vip.id)
            if session is None and record is None:
                found.append(("vip.added", vip))
            elif _has_other_names(vip, session, record):
                found.append(("viewer.seen", vip))
        here = {vip.id for vip in vips}
        found += [("vip.removed", _user(record)) for record in hands.values() if record.viewer_id not in here]
        found += [("moderator.removed", user) for user in await self._returned(channel, here)]
        for kind, user in found:
            await self._queue(work, channel, kind, user)
        self._metrics.count("reconciled_total", len(found), what="viewer")
        return len(found)

    async def _returned(self, channel: Channel, vips: set[str]) -> list[User]:
        """Those who have kept time and are neither moderators nor VIPs by hand."""
        kept = [
            record for record in await self._viewers.with_kept(channel.id) if record.viewer_id not in vips
        ]
        if not kept:
            return []
        moderators = {user.id for user in await self._helix.moderators(channel.id)}
        return [_user(record) for record in kept if record.viewer_id not in moderators]

    async def _queue(self, work: Work, channel: Channel, kind: str, user: User) -> None:
        event = {
            "broadcaster_user_id": channel.id,
            "user_id": user.id,
            "user_login": user.login,
            "user_name": user.name,
        }
        await self._intake.accept(
            Delivery(
                source="reconcile",
                message_id=f"{work.row.message_id}:{kind}:{user.id}",
                kind=kind,
                lane=lane_of(channel.id, user.id),
                channel_id=channel.id,
                raw=json.dumps({"event": event}).encode(),
                first_counts=True,  # an attempt that was cut off may have seen another name
            )
        )


def _has_other_names(vip: User, session: VipSession | None, record: ViewerRecord | None) -> bool:
    if session is not None:
        return renamed(session, Viewer(vip.id, vip.login, vip.name)) != session
    return record is not None and (record.login, record.name) != (vip.login, vip.name)


def _user(record: ViewerRecord) -> User:
    return User(record.viewer_id, record.login, record.name)


def _who_banned(event: BanEvent) -> Actor:
    if not event.moderator.id or event.moderator.id == event.channel_id:
        return streamer(event.channel_id, event.moderator.name)
    return Actor("moderator", event.moderator.id, event.moderator.shown)
