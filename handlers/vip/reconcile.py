"""After a start or a gap: what happened on Twitch while nobody listened?

EventSub over WebSocket never replays. So all unfulfilled redemptions of our rewards are queued like fresh ones, and
every open session whose viewer is no VIP any more is looked at. Both end in the viewer's own lane, where whatever
was handled before is recognised. Who waits for a slot is unfulfilled, too, and stays on the list; if his redemption was
cancelled in Twitch's queue meanwhile, that is told in his lane. Before all that, the slots are compared with the
sessions that hold them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import structlog

from domain.channel import Channel
from domain.events import format_time, identifier
from domain.inbox import Delivery
from domain.ports import Checkpoint, Clock, Metrics
from domain.redemption import RedemptionStatus as Status
from gateways.twitch.contracts import Helix, RemoteRedemption, User
from handlers.intake import Intake
from handlers.vip.endings import lane_of
from handlers.vip.people import People
from handlers.vip.stream import OnAir
from handlers.vip.waiting import Waiting
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
        waiting: Waiting,
        people: People,
        on_air: OnAir,
        metrics: Metrics,
        clock: Clock,
        checkpoint: Checkpoint,
    ) -> None:
        self._channels, self._redemptions, self._sessions = channels, redemptions, sessions
        self._helix, self._intake, self._waiting = helix, intake, waiting
        self._people, self._on_air = people, on_air
        self._metrics, self._clock, self._checkpoint = metrics, clock, checkpoint
        self._begun: dict[str, int] = {}
        """When the last pass of ours that came to its end began, by channel (UTC ms)."""

    async def reconcile(self, work: Work) -> str:
        """Queue what was missed. Repeating it after a crash queues the same rows under the same ids. A pass that began
        after this row came in has looked for all that this one would: many gaps at once cost Twitch's allowance once.
        """
        channel = await self._channels.get(identifier(work.payload, "channel_id"))
        if channel is None:
            return "not_ours"
        # Of a pass that began in the future, the clock has been set back since: that says nothing.
        if work.row.received_at < self._begun.get(channel.id, 0) <= self._clock.now():
            return "found by a later pass"
        began = self._clock.now()
        result = await self._pass(work, channel)
        self._begun[channel.id] = began
        return result

    async def _pass(self, work: Work, channel: Channel) -> str:
        run = work.row.message_id
        # First of all: what is queued below takes slots and joins the list.
        mended = await self._waiting.mend(channel, run=run)
        self._metrics.count("reconciled_total", mended, what="slots")
        unfulfilled = await self._unfulfilled(channel)
        missed = await self._missed(channel.id, unfulfilled)
        self._checkpoint("reconcile.listed")
        for remote in missed:
            viewer = remote.user
            await self._queue("redemption.add", channel, viewer, f"{run}:{remote.id}", _event_of(remote))
            self._checkpoint("reconcile.queued")
        await self._cancelled(channel, run, {remote.id for remote in unfulfilled})
        vips = await self._helix.vips(channel.id)
        gone = await self._gone(channel, vips)
        for viewer in gone:
            await self._queue(
                "vip.removed", channel, viewer, f"{run}:vip:{viewer.id}", _role_of(channel, viewer)
            )
        await self._people.compare(work, channel, vips)
        await self._on_air.catch_up(work, channel.id)
        self._metrics.count("reconciled_total", len(missed), what="redemption")
        self._metrics.count("reconciled_total", len(gone), what="vip")
        if missed or gone:
            log.info("reconcile.found", channel=channel.id, redemptions=len(missed), vips=len(gone))
        return f"{len(missed)} redemptions, {len(gone)} sessions"

    async def _unfulfilled(self, channel: Channel) -> list[RemoteRedemption]:
        """All that is in Twitch's queue of our rewards; who redeemed first comes first, whichever reward it was."""
        found = []
        for reward in channel.rewards:
            found += [remote async for remote in self._helix.unfulfilled(channel.id, reward.id)]
        return sorted(found, key=lambda remote: remote.redeemed_at)  # at the same time: in Twitch's order

    async def _missed(
        self, channel_id: str, unfulfilled: Sequence[RemoteRedemption]
    ) -> list[RemoteRedemption]:
        """What nobody has come to the end of, and what does not wait for a slot: that stays where it is."""
        waits = {redemption.id for redemption in await self._waiting.redemptions(channel_id)}
        missed = []
        for remote in unfulfilled:
            known = await self._redemptions.get(remote.id)
            in_line = known is not None and known.status is Status.WAITING and remote.id in waits
            if known is None or not (known.settled or in_line):
                missed.append(remote)
        return missed

    async def _cancelled(self, channel: Channel, run: str, unfulfilled: set[str]) -> None:
        """Queue what was cancelled by a moderator while it waited for a slot and nobody listened."""
        for redemption in await self._waiting.redemptions(channel.id):
            if redemption.id in unfulfilled:
                continue
            remote = await self._helix.redemption(channel.id, redemption.reward_id, redemption.id)
            if remote is not None and remote.status == "CANCELED":
                message_id = f"{run}:{redemption.id}:cancelled"
                await self._queue("redemption.updated", channel, remote.user, message_id, _event_of(remote))

    async def _gone(self, channel: Channel, vips: Sequence[User]) -> list[User]:
        here = {vip.id for vip in vips}
        return [
            User(session.viewer_id, session.viewer_login, session.viewer_name)
            for session in await self._sessions.active(channel.id)
            if session.viewer_id not in here
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
                first_counts=True,  # an attempt that was cut off may have seen another name
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
