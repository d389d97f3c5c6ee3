"""How a channel leaves us: nobody may have paid without a VIP or a refund, then nothing of ours may be left at Twitch.

One row (`channel.leave`) in the lane of the channel. Each step can be repeated, so a crash anywhere is made good by the
next attempt:

1. nothing is granted any more, and the rewards are switched off at Twitch, so that nobody can pay;
2. what is unfulfilled is given back, and each VIP of ours ends in its viewer's lane: with the badge or without;
3. when all that is done (or `LONGEST_WAIT_MS` are over), the channel is looked after no more;
4. the grants of the bot and of the streamer end at Twitch, the team is let go, everybody is signed out;
5. the data goes, or stays for the day when the streamer comes back.

Where Twitch does not accept the grant any more, what needs it is left out: the badges stay, the streamer can remove
them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Protocol

import structlog

from domain.audit import Actor
from domain.channel import Channel
from domain.errors import NotFound, Rejected
from domain.events import identifier
from domain.inbox import Delivery, Fenced, RowState, finished
from domain.ports import Clock
from domain.redemption import Refusal, event_of
from domain.vip import Ended, VipStatus
from gateways.twitch.contracts import Helix, LoginNeeded, Waiting
from gateways.twitch.tokens import TokenKeeper
from handlers.accounts.sessions import LoginSessions
from handlers.accounts.speakers import Speakers
from handlers.accounts.team import TeamWork
from handlers.intake import Intake
from handlers.vip.channels import Watch
from handlers.vip.endings import Endings, lane_of
from handlers.vip.operations import OUTCOME
from handlers.vip.reconcile import reconciliation_of
from handlers.work import Work
from storage.channels import Channels
from storage.inbox import Inbox
from storage.left import LeftChannels
from storage.redemptions import Redemptions
from storage.sessions import Sessions
from storage.slots import SlotsOf
from storage.team import Bots

log = structlog.get_logger(__name__)

LONGEST_WAIT_MS = 15 * 60_000  # a hundred VIPs are removed in a hundred seconds (ten in ten seconds)
LOOK_SECONDS = 1.0


def leave_lane(channel_id: str) -> str:
    """The lane of what concerns a channel as a whole."""
    return f"channel:{channel_id}"


def _beside(channel_id: str) -> str:
    """A lane for what is to be done while the channel's own is ours."""
    return f"leave:{channel_id}"


class Erasure(Protocol):
    """Removes what is stored of a channel. Repeating it completes it."""

    async def channel(self, channel_id: str) -> None: ...


class SessionsEnd:
    """Handles `vip.disconnect`: one VIP of a channel that leaves."""

    def __init__(self, *, sessions: Sessions, endings: Endings) -> None:
        self._sessions, self._endings = sessions, endings

    async def end(self, work: Work) -> str:
        """Take the badge away if the streamer wanted that, and close the session."""
        completed = await self._endings.resume(work)
        if completed is not None:
            return completed
        session = await self._sessions.get(identifier(work.payload, "session_id"))
        if session is None or session.status is not VipStatus.ACTIVE:
            return "over"
        return await self._endings.end(
            work,
            session,
            Ended.DISCONNECTED,
            actor=Actor(**work.payload["actor"]),
            cause="dashboard",
            remove=work.payload.get("remove") is True,
        )


class Leaving:
    """Handles `channel.leave`."""

    def __init__(
        self,
        *,
        channels: Channels,
        sessions: Sessions,
        redemptions: Redemptions,
        slots: SlotsOf,
        inbox: Inbox,
        intake: Intake,
        helix: Helix,
        tokens: TokenKeeper,
        watch: Watch,
        speakers: Speakers,
        bots: Bots,
        team: TeamWork,
        logins: LoginSessions,
        left: LeftChannels,
        erasure: Erasure,
        clock: Clock,
    ) -> None:
        self._channels, self._sessions, self._redemptions, self._slots = (
            channels,
            sessions,
            redemptions,
            slots,
        )
        self._inbox, self._intake, self._helix, self._tokens = inbox, intake, helix, tokens
        self._watch, self._speakers, self._bots, self._team = watch, speakers, bots, team
        self._logins, self._left, self._erasure, self._clock = logins, left, erasure, clock

    async def leave(self, work: Work) -> str:
        """Returns `left`, or `left_unfinished` when something could not be brought to its end in time."""
        channel_id = work.row.channel_id
        channel = await self._channels.get(channel_id)
        if channel is not None and work.noted("settled") is None:
            await self._close(work, channel)
            await work.note("settled", {"finished": await self._settled(work)})
        work.ensure_held()
        await self._look_after_no_more(work, channel)
        await self._end_grants(work)
        await self._close_rows(work)
        await self._team.disband(channel_id)
        if work.payload.get("erase") is True:
            work.ensure_held()
            await self._erasure.channel(channel_id)
        await self._logins.end_all(channel_id)
        whole = (work.noted("settled") or {"finished": True})["finished"]
        log.info("channel.left", channel=channel_id, erased=work.payload.get("erase"), finished=whole)
        result = "left" if whole else "left_unfinished"
        await work.note(OUTCOME, {"result": result})
        return result

    # Nobody can pay, and nobody gets anything.

    async def _close(self, work: Work, channel: Channel) -> None:
        if work.noted("closed") is None:
            await work.note("closed", {"paused": channel.paused})
        work.ensure_held()
        await self._channels.put(channel, lambda held: replace(held, paused=True))
        if work.noted("queued") is not None:
            return
        reachable = await self._switch_rewards_off(work, channel)
        if reachable:
            missed = reconciliation_of(channel.id, run=f"leave.{work.row.message_id}")
            await self._intake.accept(replace(missed, lane=_beside(channel.id)))
        for wait in (await self._slots.get(channel.id)).waiting:
            redemption = await self._redemptions.get(wait.redemption_id)
            if redemption is not None and reachable:
                body = {"event": event_of(redemption), "reason": Refusal.LEFT.value}
                await self._queue(work, "redemption.let_go", "slots", wait.viewer_id, redemption.id, body)
        for session in await self._sessions.active(channel.id):
            remove = reachable and work.payload.get("remove_vips") is True
            order = {"session_id": session.id, "remove": remove, "actor": work.payload["actor"]}
            await self._queue(work, "vip.disconnect", "dashboard", session.viewer_id, session.id, order)
        await work.note("queued", {"reachable": reachable})

    async def _switch_rewards_off(self, work: Work, channel: Channel) -> bool:
        """False when Twitch does not accept our grant any more."""
        held = await self._tokens.standing(channel.id)
        if held is None or held.dead:
            return False
        for reward in channel.rewards:
            work.hold()
            try:
                await self._helix.update_reward(channel.id, reward.id, {"is_enabled": False})
            except NotFound:
                log.info("channel.reward_gone", channel=channel.id, reward=reward.id)
            except Rejected as error:
                log.warning("channel.reward_stays", channel=channel.id, reward=reward.id, code=error.code)
            except LoginNeeded:
                return False
        return True

    async def _queue(  # noqa: PLR0917 - two callers, right above
        self, work: Work, kind: str, source: str, viewer_id: str, about: str, body: dict[str, Any]
    ) -> None:
        channel_id = work.row.channel_id
        await self._intake.accept(
            Delivery(
                source=source,
                message_id=f"{work.row.message_id}:{kind}:{about}"[:400],
                kind=kind,
                lane=lane_of(channel_id, viewer_id),
                channel_id=channel_id,
                raw=json.dumps(body).encode(),
            )
        )

    async def _settled(self, work: Work) -> bool:
        """Whether all that was queued has come to its end; raises `Waiting` while that may still happen."""
        channel_id = work.row.channel_id
        page = await self._inbox.page({"channel_id": channel_id, "state": RowState.OPEN.value}, limit=1000)
        open_rows = [
            row
            for row in page.documents
            if row["waiting_for"] != "login"
            and (row["lane"].startswith(lane_of(channel_id, "")) or row["lane"] == _beside(channel_id))
        ]
        if not open_rows:
            return True
        if self._clock.now() - work.row.received_at >= LONGEST_WAIT_MS:
            log.error(
                "channel.leaves_unfinished",
                channel=channel_id,
                rows=[row["_id"] for row in open_rows[:20]],
                advice="Look at these rows: somebody may be VIP for good, or wait for points.",
            )
            return False
        raise Waiting(f"{len(open_rows)} changes of VIPs are not finished.", retry_after_seconds=LOOK_SECONDS)

    # Nothing of ours is left.

    async def _look_after_no_more(self, work: Work, channel: Channel | None) -> None:
        if channel is not None:
            if work.payload.get("erase") is not True:
                paused = bool((work.noted("closed") or {}).get("paused"))
                await self._left.put(replace(channel, paused=paused))
            await self._channels.remove(channel.id)
        await self._watch.remove(work.row.channel_id)

    async def _close_rows(self, work: Work) -> None:
        """What is still open (lines for the chat, say, or what could not be finished) would wait for a login for
        ever."""
        now = self._clock.now()
        where = {"channel_id": work.row.channel_id, "state": RowState.OPEN.value}
        while rows := [
            row for row in (await self._inbox.page(where, limit=200)).documents if row["_id"] != work.row.id
        ]:
            for row in rows:
                try:
                    await self._inbox.change(
                        row["_id"],
                        lambda held: finished(held, fence=held.fence, result="channel_left", now=now),
                    )
                except Fenced:
                    log.debug("channel.row_was_closed", row=row["_id"])  # by whoever had it in hand

    async def _end_grants(self, work: Work) -> None:
        channel_id = work.row.channel_id
        work.hold()
        await self._speakers.disconnect(channel_id)
        if not await self._bots.speaking(channel_id):  # the streamer may speak in somebody else's channel
            work.hold()
            await self._tokens.give_back(channel_id)
