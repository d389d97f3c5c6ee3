"""A redemption becomes a VIP: look, decide, act, one durable step at a time.

Every step may be the last before a crash. What makes that harmless: the decision is taken again from what is stored
and from what Twitch says; a decision to refund is written down before it is carried out and is never taken back; a
grant is preceded by its intent; the points are taken for good (fulfilled) last of all.
"""

from __future__ import annotations

from domain import vip
from domain.audit import streamer
from domain.channel import Reward
from domain.decisions import (
    Adopt,
    CloseFirst,
    Decision,
    Extend,
    Fulfil,
    GrantVip,
    Refund,
    RestoreFirst,
    Settled,
    World,
    decide,
    early,
)
from domain.errors import Broken, Unavailable
from domain.events import redemption_event
from domain.ports import Checkpoint, Clock
from domain.redemption import Alarm, Redemption, Refusal, received
from domain.redemption import RedemptionStatus as Status
from domain.vip import Ended, Method, VipSession
from gateways.twitch.contracts import AddVip, Helix, Resolve
from handlers.vip.endings import Endings
from handlers.vip.live import Live
from handlers.vip.restore import Restoring
from handlers.vip.tell import Teller
from handlers.vip.undo import Undo
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions

REFUSALS: dict[AddVip, Refusal] = {
    AddVip.ALREADY_VIP: Refusal.VIP_BY_HAND,
    AddVip.MODERATOR: Refusal.MODERATOR,
    AddVip.NO_SLOT: Refusal.SLOTS_FULL,
    AddVip.BLOCKED: Refusal.BLOCKED,
    AddVip.LOCKED: Refusal.NOT_UNLOCKED,
    AddVip.UNKNOWN_USER: Refusal.VIEWER_GONE,
}
"""What each answer but "added" means for the viewer."""

MOST_STEPS = (
    8  # received, close, grant, fulfil, settled is the longest way; more would be a loop of our own making
)


class Redeeming:
    """Handles `redemption.add` and `redemption.refund`."""

    def __init__(
        self,
        *,
        channels: Channels,
        redemptions: Redemptions,
        sessions: Sessions,
        helix: Helix,
        endings: Endings,
        undo: Undo,
        restoring: Restoring,
        teller: Teller,
        live: Live,
        clock: Clock,
        checkpoint: Checkpoint,
    ) -> None:
        self._channels, self._redemptions, self._sessions = channels, redemptions, sessions
        self._helix, self._endings, self._undo = helix, endings, undo
        self._restoring, self._teller, self._live = restoring, teller, live
        self._clock, self._checkpoint = clock, checkpoint

    async def redeemed(self, work: Work) -> str:
        """Carry a redemption to its end. Returns its final status, or `not_ours`."""
        event = redemption_event(work.event)
        channel = await self._channels.get(event.channel_id)
        reward = channel.reward(event.reward_id) if channel else None
        if reward is None:
            return "not_ours"
        redemption = await self._redemptions.begin(received(event, now=self._clock.now()))
        await self._endings.resume(work)
        if work.row.kind == "redemption.refund" and work.noted("undone") is None:
            await self._undo_given_up(work, redemption)
        intended = work.noted("grant") is not None
        for _ in range(MOST_STEPS):
            session = None
            decision = early(redemption)
            if decision is None:
                session = await self._sessions.open_for(redemption.channel_id, redemption.viewer_id)
                world = await self._look(redemption)
                decision = decide(redemption, session, world, intended=intended, doubtful=work.doubtful)
            if isinstance(decision, Settled):
                await self._teller.tell(redemption)
                return redemption.status.value
            redemption = await self._act(work, redemption, decision, session, reward, intended=intended)
        raise Broken(f"Redemption {redemption.id} does not settle.", code="redemption.loop")

    async def _look(self, redemption: Redemption) -> World:
        # One after the other: two calls at once would save a few milliseconds and cost the order in the log.
        is_vip = await self._helix.is_vip(redemption.channel_id, redemption.viewer_id)
        is_moderator = not is_vip and await self._helix.is_moderator(
            redemption.channel_id, redemption.viewer_id
        )
        return World(is_vip, is_moderator)

    async def _act(
        self,
        work: Work,
        redemption: Redemption,
        decision: Decision,
        session: VipSession | None,
        reward: Reward,
        *,
        intended: bool,
    ) -> Redemption:
        match decision:
            case GrantVip():
                return await self._grant(work, redemption, reward, intended=intended)
            case Adopt():
                return await self._granted(work, redemption, session, reward)
            case Extend() if session is not None:
                return await self._extend(work, redemption, session, reward)
            case RestoreFirst() if session is not None:
                if not await self._restoring.restore(work, session):
                    await self._close(work, session)
                return redemption
            case CloseFirst() if session is not None:
                await self._close(work, session)
                return redemption
            case Fulfil():
                return await self._fulfil(work, redemption)
            case Refund(reason):
                return await self._refund(work, redemption, reason)
            case _:
                raise Broken(f"Nothing carries out {decision}.", code="redemption.decision")

    async def _close(self, work: Work, session: VipSession) -> None:
        actor = streamer(session.channel_id)
        await self._endings.end(
            work, session, Ended.REMOVED_BY_HAND, actor=actor, cause="twitch", remove=False
        )

    async def _grant(
        self, work: Work, redemption: Redemption, reward: Reward, *, intended: bool
    ) -> Redemption:
        if not intended:
            await work.note("grant", {"was_vip": False, "was_moderator": False})
        self._checkpoint("vip.intended")
        work.hold()
        outcome = await self._helix.add_vip(redemption.channel_id, redemption.viewer_id)
        self._checkpoint("vip.granted")
        # "Already VIP" after an intent of an earlier attempt: that attempt reached Twitch and was cut off.
        if outcome is AddVip.ADDED or (outcome is AddVip.ALREADY_VIP and intended):
            return await self._granted(work, redemption, None, reward)
        return await self._refund(work, redemption, REFUSALS[outcome])

    async def _granted(
        self, work: Work, redemption: Redemption, session: VipSession | None, reward: Reward
    ) -> Redemption:
        work.ensure_held()  # the call may have taken long, and what another has decided since is not to be crossed
        if session is None:
            fresh = vip.opened(
                id=redemption.id,
                channel_id=redemption.channel_id,
                viewer=redemption.viewer,
                cause=redemption.id,
                added_ms=reward.vip_ms,
                now=self._clock.now(),
                method=Method.REDEMPTION,
                granted_by=redemption.viewer_id,
                reward_id=reward.id,
                reward_title=redemption.reward_title,
            )
            session = await self._sessions.create(vip.fenced(fresh, work.fence))
        return await self._recorded(work, redemption, session, "granted")

    async def _extend(
        self, work: Work, redemption: Redemption, session: VipSession, reward: Reward
    ) -> Redemption:
        now, fence = self._clock.now(), work.fence
        session = await self._sessions.change(
            session.id,
            lambda held: vip.extended(
                vip.fenced(held, fence), cause=redemption.id, added_ms=reward.vip_ms, now=now
            ),
        )
        return await self._recorded(work, redemption, session, "extended")

    async def _recorded(
        self, work: Work, redemption: Redemption, session: VipSession, outcome: str
    ) -> Redemption:
        self._checkpoint("vip.counted")
        work.ensure_held()
        redemption = await self._redemptions.move(
            redemption.id, Status.GRANTED, now=self._clock.now(), outcome=outcome, session_id=session.id
        )
        self._checkpoint("vip.recorded")
        self._teller.session_changed()
        work.ensure_held()  # a holder that was frozen would show an ended VIP as active
        await self._live.show_vip(session, key=f"{redemption.id}:shown")
        return redemption

    async def _fulfil(self, work: Work, redemption: Redemption) -> Redemption:
        work.hold()
        answer = await self._helix.resolve(
            redemption.channel_id, redemption.reward_id, redemption.id, "FULFILLED"
        )
        self._checkpoint("vip.fulfilled")
        if answer is Resolve.DONE:
            return await self._move(work, redemption, Status.FULFILLED)
        if answer is Resolve.FOREIGN:
            return await self._move(work, redemption, Status.ALARMED, Alarm.FOREIGN_REWARD)
        if await self._status_on_twitch(redemption) == "CANCELED":
            await self._undo.undo(work, redemption)
            return await self._move(work, redemption, Status.CANCELLED)
        # Fulfilled by a moderator, or by an attempt of ours that was cut off, or forgotten after days: it is taken.
        return await self._move(work, redemption, Status.FULFILLED)

    async def _refund(self, work: Work, redemption: Redemption, reason: Refusal) -> Redemption:
        redemption = await self._move(work, redemption, Status.REFUNDING, reason)
        self._checkpoint("vip.refund_intended")
        work.hold()
        answer = await self._helix.resolve(
            redemption.channel_id, redemption.reward_id, redemption.id, "CANCELED"
        )
        self._checkpoint("vip.refunded")
        if answer is Resolve.DONE:
            return await self._move(work, redemption, Status.REFUNDED)
        if answer is Resolve.FOREIGN:
            return await self._move(work, redemption, Status.ALARMED, Alarm.FOREIGN_REWARD)
        status = await self._status_on_twitch(redemption)
        if status == "CANCELED":
            return await self._move(work, redemption, Status.REFUNDED)
        alarm = Alarm.FULFILLED_BY_OTHERS if status == "FULFILLED" else Alarm.VANISHED
        return await self._move(work, redemption, Status.ALARMED, alarm)

    async def _undo_given_up(self, work: Work, redemption: Redemption) -> None:
        """Take back what the attempts that were given up may have left. Done by the refund's own row whoever carries
        out the refund first, and once: the next badge may be of the streamer's making."""
        is_open = await self._undo.undo_given_up(work, redemption)
        if work.payload.get("undo_grant") and not is_open:
            # An attempt to grant was given up without an answer; its intent says that the viewer was no VIP before.
            # Where a session is open, it is paid for by another redemption, and so is the badge.
            work.hold()
            await self._helix.remove_vip(redemption.channel_id, redemption.viewer_id)
        await work.note("undone", {})

    async def _status_on_twitch(self, redemption: Redemption) -> str:
        remote = await self._helix.redemption(redemption.channel_id, redemption.reward_id, redemption.id)
        if remote is not None and remote.status == "UNFULFILLED":
            raise Unavailable("Twitch contradicts itself about a redemption.", retry_after_seconds=1.0)
        return remote.status if remote is not None else ""

    async def _move(
        self, work: Work, redemption: Redemption, to: Status, reason: Refusal | Alarm | None = None
    ) -> Redemption:
        work.ensure_held()
        return await self._redemptions.move(
            redemption.id, to, now=self._clock.now(), reason=reason.value if reason else ""
        )
