"""After a start or a gap: what happened on Twitch while nobody listened?

EventSub over WebSocket never replays. So all unfulfilled redemptions of our rewards are queued like fresh ones, and
every open session whose viewer is no VIP any more is looked at. Both end in the viewer's own lane, where whatever
was handled before is recognised.
"""

from __future__ import annotations

import json
from typing import Any

import structlog

from domain.channel import Channel
from domain.events import format_time, identifier
from domain.inbox import Delivery
from domain.ports import Checkpoint, Metrics
from gateways.twitch.contracts import Helix, RemoteRedemption, User
from handlers.intake import Intake
from handlers.vip.endings import lane_of
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions

log = structlog.get_logger(__name__)


def reconciliation_of(channel_id: str, *, run: str) -> Delivery:
    """The row that reconciles a channel; `run` names the gap, so that one gap makes one row."""
    return Delivery(
        source="gap",
        message_id=f"{channel_id}:{run}",
        kind="channel.reconcile",
        lane=f"channel:{channel_id}",
        channel_id=channel_id,
        raw=json.dumps({"channel_id": channel_id}).encode(),
    )


class Reconciliation:
    """Handles `channel.reconcile`."""

    def __init__(
        self,
        *,
        channels: Channels,
        redemptions: Redemptions,
        sessions: Sessions,
        helix: Helix,
        intake: Intake,
        metrics: Metrics,
        checkpoint: Checkpoint,
    ) -> None:
        self._channels, self._redemptions, self._sessions = channels, redemptions, sessions
        self._helix, self._intake = helix, intake
        self._metrics, self._checkpoint = metrics, checkpoint

    async def reconcile(self, work: Work) -> str:
        """Queue what was missed. Repeating it after a crash queues the same rows under the same ids."""
        channel = await self._channels.get(identifier(work.payload, "channel_id"))
        if channel is None:
            return "not_ours"
        run = work.row.message_id
        missed = await self._missed(channel)
        self._checkpoint("reconcile.listed")
        for remote in missed:
            viewer = remote.user
            await self._queue("redemption.add", channel, viewer, f"{run}:{remote.id}", _event_of(remote))
            self._checkpoint("reconcile.queued")
        gone = await self._gone(channel)
        for viewer in gone:
            await self._queue(
                "vip.removed", channel, viewer, f"{run}:vip:{viewer.id}", _role_of(channel, viewer)
            )
        self._metrics.count("reconciled_total", len(missed), what="redemption")
        self._metrics.count("reconciled_total", len(gone), what="vip")
        if missed or gone:
            log.info("reconcile.found", channel=channel.id, redemptions=len(missed), vips=len(gone))
        return f"{len(missed)} redemptions, {len(gone)} sessions"

    async def _missed(self, channel: Channel) -> list[RemoteRedemption]:
        missed = []
        for reward in channel.rewards:
            async for remote in self._helix.unfulfilled(channel.id, reward.id):
                known = await self._redemptions.get(remote.id)
                if known is None or not known.settled:
                    missed.append(remote)
        return missed

    async def _gone(self, channel: Channel) -> list[User]:
        sessions = await self._sessions.active(channel.id)
        if not sessions:
            return []
        vips = {vip.id for vip in await self._helix.vips(channel.id)}
        return [
            User(session.viewer_id, session.viewer_login, session.viewer_name)
            for session in sessions
            if session.viewer_id not in vips
        ]

    async def _queue(
        self, kind: str, channel: Channel, viewer: User, message_id: str, event: dict[str, Any]
    ) -> None:
        await self._intake.accept(
            Delivery(
                source="reconcile",
                message_id=message_id,
                kind=kind,
                lane=lane_of(channel.id, viewer.id),
                channel_id=channel.id,
                raw=json.dumps({"event": event}).encode(),
            )
        )


def _event_of(remote: RemoteRedemption) -> dict[str, Any]:
    """A redemption from Helix in EventSub's form, so that one parser reads both."""
    return {
        "id": remote.id,
        "broadcaster_user_id": remote.channel_id,
        "user_id": remote.user.id,
        "user_login": remote.user.login,
        "user_name": remote.user.name,
        "user_input": remote.user_input,
        "status": remote.status.lower(),
        "reward": {"id": remote.reward_id, "title": remote.reward_title, "cost": remote.reward_cost},
        "redeemed_at": format_time(remote.redeemed_at),
    }


def _role_of(channel: Channel, viewer: User) -> dict[str, Any]:
    return {
        "broadcaster_user_id": channel.id,
        "user_id": viewer.id,
        "user_login": viewer.login,
        "user_name": viewer.name,
    }
