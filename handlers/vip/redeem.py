"""A redemption becomes a VIP: look, decide, ask the rules, find room, act, one durable step at a time.

The streamer's own test goes back at once. In a paused channel nothing new is granted. Then the lists and the rules
(`eligibility.py`), for an extension as for a grant. A grant needs a slot as well (`room.py`); where none is free, the
streamer's wish is done (`waiting.py`): the points go back, the oldest VIP goes, or the redemption waits. Whoever waits
comes by here again as `redemption.admitted`, and all is looked at afresh.

Every step may be the last before a crash. What makes that harmless: the decision is taken again from what is stored
and from what Twitch says; a decision to refund is written down before it is carried out and is never taken back; a
grant is preceded by its slot and its intent; the points are taken for good (fulfilled) last of all.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain import vip
from domain.channel import Channel, Lasting, Reward
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
    time_to_add,
)
from domain.errors import Broken
from domain.events import redemption_event
from domain.ports import Checkpoint, Clock
from domain.redemption import Redemption, Refusal, received
from domain.redemption import RedemptionStatus as Status
from domain.slots import WhenFull
from domain.viewer import Listed
from domain.vip import Method, VipSession
from gateways.twitch.contracts import AddVip, Helix
from handlers.party.rewards import PartyRewards
from handlers.vip.eligibility import Eligibility
from handlers.vip.endings import Endings
from handlers.vip.let_go import LettingGo
from handlers.vip.live import Live
from handlers.vip.restore import Restoring
from handlers.vip.room import Room
from handlers.vip.settle import Settlement
from handlers.vip.tell import Teller
from handlers.vip.undo import Undo
from handlers.vip.waiting import Place, Waiting
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions
from storage.sessions import Sessions
from storage.viewers import Viewers

REFUSALS: dict[AddVip, Refusal] = {
    AddVip.ALREADY_VIP: Refusal.VIP_BY_HAND,
    AddVip.MODERATOR: Refusal.MODERATOR,
    AddVip.NO_SLOT: Refusal.SLOTS_FULL,
    AddVip.BLOCKED: Refusal.BLOCKED,
    AddVip.LOCKED: Refusal.NOT_UNLOCKED,
    AddVip.UNKNOWN_USER: Refusal.VIEWER_GONE,
}
"""What each answer but "added" means for the viewer."""

# Received, close, wait, let in, grant, fulfil, settled is the longest way; more would be a loop of our own making.
MOST_STEPS = 10


_INTENT = {"was_vip": False, "was_moderator": False}


@dataclass(frozen=True, slots=True)
class Sale:
    """What is being paid for: `added_ms` milliseconds of VIP in a channel by one of its rewards."""

    channel: Channel
    reward: Reward
    added_ms: int

    @property
    def until_stream_end(self) -> bool:
        return self.reward.lasting is Lasting.STREAM


class Redeeming:
    """Handles `redemption.add`, `redemption.admitted` and `redemption.refund`."""

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
        eligibility: Eligibility,
        room: Room,
        waiting: Waiting,
        settlement: Settlement,
        letting_go: LettingGo,
        party: PartyRewards,
        viewers: Viewers,
        teller: Teller,
        live: Live,
        clock: Clock,
        checkpoint: Checkpoint,
    ) -> None:
        self._channels, self._redemptions, self._sessions = channels, redemptions, sessions
        self._helix, self._endings, self._undo = helix, endings, undo
        self._restoring, self._teller, self._live = restoring, teller, live
        self._eligibility, self._room, self._waiting, self._viewers = eligibility, room, waiting, viewers
        self._settlement, self._letting_go, self._party = settlement, letting_go, party
        self._clock, self._checkpoint = clock, checkpoint

    async def redeemed(self, work: Work) -> str:
        """Carry a redemption to its end, or to the waiting list. Returns its status then, or `not_ours`."""
        event = redemption_event(work.event)
        channel = await self._channels.get(event.channel_id)
        reward = channel.reward(event.reward_id) if channel else None
        if channel is None or reward is None:
            return await self._letting_go.without_reward(work, event.id)
        redemption = await self._redemptions.begin(received(event, now=self._clock.now()))
        if not reward.sells_time:
            return await self._party.redeemed(work, redemption, channel, reward)
        await self._endings.resume(work)
        if work.row.kind == "redemption.refund" and work.noted("undone") is None:
            await self._undo_given_up(work, redemption)
        # Sent again, or found by reconciliation. If it is not on the list after all, it is decided again.
        again = redemption.status is Status.WAITING and work.row.kind == "redemption.add"
        if again and await self._waiting.position(redemption):
            return await self._waits(work, redemption)
        for _ in range(MOST_STEPS):
            session = None
            decision = early(redemption)
            if decision is None:
                session = await self._sessions.open_for(redemption.channel_id, redemption.viewer_id)
                world = await self._look(redemption)
                decision = decide(
                    redemption,
                    session,
                    world,
                    intended=_is_intended(work),
                    doubtful=work.doubtful,
                    paused=channel.paused,
                )
            if isinstance(decision, Settled):
                await self._teller.tell(redemption)
                return redemption.status.value
            now = self._clock.now()
            added_ms = time_to_add(reward.time, redemption.reward_cost, session, now=now)
            sale = Sale(channel, reward, added_ms)
            decision = await self._judged(redemption, decision, session, sale)
            redemption = await self._act(work, redemption, decision, session, sale)
            if redemption.status is Status.WAITING and await self._waiting.position(redemption):
                return await self._waits(work, redemption)
        raise Broken(f"Redemption {redemption.id} does not settle.", code="redemption.loop")

    async def _waits(self, work: Work, redemption: Redemption) -> str:
        """It is on the list. The row that put it there tells of that, and of the place that it had then."""
        joined = work.noted("waits")
        if joined is not None:
            await self._teller.tell_waiting(redemption, joined["place"])
        await work.note("outcome", {"result": Status.WAITING.value})
        return Status.WAITING.value

    async def _judged(
        self, redemption: Redemption, decision: Decision, session: VipSession | None, sale: Sale
    ) -> Decision:
        """The decision, or the refund that the rules ask for. What was counted before a crash is not judged again."""
        counted = session is not None and session.has(redemption.id)
        if counted or not isinstance(decision, GrantVip | Extend):
            return decision
        refusal = await self._eligibility.refusal(
            sale.channel,
            redemption.viewer,
            reward=sale.reward,
            added_ms=sale.added_ms,
            session=session,
        )
        return decision if refusal is None else Refund(refusal)

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
        sale: Sale,
    ) -> Redemption:
        match decision:
            case GrantVip():
                return await self._grant(work, redemption, sale)
            case Adopt():
                return await self._granted(work, redemption, session, sale)
            case Extend() if session is not None:
                return await self._extend(work, redemption, session, sale)
            case RestoreFirst() if session is not None:
                if not await self._restoring.restore(work, session):
                    await self._close(work, session)
                return redemption
            case CloseFirst() if session is not None:
                await self._close(work, session)
                return redemption
            case Fulfil():
                return await self._settlement.fulfil(work, redemption)
            case Refund(reason):
                return await self._settlement.refund(work, redemption, reason)
            case _:
                raise Broken(f"Nothing carries out {decision}.", code="redemption.decision")

    async def _close(self, work: Work, session: VipSession) -> None:
        await self._endings.lost(work, session)

    async def _grant(self, work: Work, redemption: Redemption, sale: Sale) -> Redemption:
        viewer_id = redemption.viewer_id
        if not await self._room.reserve(sale.channel, viewer_id=viewer_id, session_id=redemption.id):
            return await self._find_place(work, redemption, sale, no_slot=False)
        self._checkpoint("slots.reserved")
        intended = _is_intended(work)
        if not intended:
            await work.note("grant", _INTENT)
        self._checkpoint("vip.intended")
        work.hold()
        outcome = await self._helix.add_vip(redemption.channel_id, viewer_id)
        self._checkpoint("vip.granted")
        # "Already VIP" after an intent of an earlier attempt: that attempt reached Twitch and was cut off.
        if outcome is AddVip.ADDED or (outcome is AddVip.ALREADY_VIP and intended):
            return await self._granted(work, redemption, None, sale)
        if outcome is AddVip.NO_SLOT:
            if not intended:
                # The intent is over: a badge that is there later, while it waits, is of the streamer's making. Of an
                # intent of an earlier attempt nobody knows: its call may be under way still.
                await work.note("grant", {**_INTENT, "refused": True})
            return await self._find_place(work, redemption, sale, no_slot=True)
        return await self._settlement.refund(work, redemption, REFUSALS[outcome])

    async def _find_place(
        self, work: Work, redemption: Redemption, sale: Sale, *, no_slot: bool
    ) -> Redemption:
        """No slot is free: what the streamer wishes then."""
        work.ensure_held()
        place = await self._waiting.join(sale.channel, redemption, no_slot=no_slot)
        if place is Place.NONE:
            return await self._settlement.refund(work, redemption, Refusal.SLOTS_FULL)
        # Where the oldest makes room there is no list to wait on: nothing is said before it has gone.
        listed = sale.channel.settings.limits.when_full is WhenFull.WAIT
        if place is Place.WAITS and listed and work.row.kind == "redemption.add":
            await work.note("waits", {"place": await self._waiting.position(redemption)})
        return await self._settlement.move(work, redemption, Status.WAITING)

    async def _granted(
        self, work: Work, redemption: Redemption, session: VipSession | None, sale: Sale
    ) -> Redemption:
        work.ensure_held()  # the call may have taken long, and what another has decided since is not to be crossed
        if session is None:
            fresh = vip.opened(
                id=redemption.id,
                channel_id=redemption.channel_id,
                viewer=redemption.viewer,
                cause=redemption.id,
                added_ms=sale.added_ms,
                now=self._clock.now(),
                method=Method.REDEMPTION,
                granted_by=redemption.viewer_id,
                reward_id=sale.reward.id,
                reward_title=redemption.reward_title,
                until_stream_end=sale.until_stream_end,
            )
            session = await self._sessions.create(vip.fenced(fresh, work.fence))
        return await self._recorded(work, redemption, session, "granted")

    async def _extend(
        self, work: Work, redemption: Redemption, session: VipSession, sale: Sale
    ) -> Redemption:
        now, fence = self._clock.now(), work.fence
        session = await self._sessions.change(
            session.id,
            lambda held: vip.extended(
                vip.renamed(vip.fenced(held, fence), redemption.viewer),
                cause=redemption.id,
                added_ms=sale.added_ms,
                now=now,
                until_stream_end=sale.until_stream_end,
            ),
        )
        return await self._recorded(work, redemption, session, "extended")

    async def _recorded(
        self, work: Work, redemption: Redemption, session: VipSession, outcome: str
    ) -> Redemption:
        self._checkpoint("vip.counted")
        work.ensure_held()
        await self._room.taken(session)
        redemption = await self._redemptions.move(
            redemption.id, Status.GRANTED, now=self._clock.now(), outcome=outcome, session_id=session.id
        )
        self._checkpoint("vip.recorded")
        self._teller.session_changed()
        work.ensure_held()  # a holder that was frozen would show an ended VIP as active
        await self._live.show_vip(session, key=f"{redemption.id}:shown")
        return redemption

    async def _undo_given_up(self, work: Work, redemption: Redemption) -> None:
        """Take back what the attempts that were given up may have left. Done by the refund's own row whoever carries
        out the refund first, and once: the next badge may be of the streamer's making."""
        is_open = await self._undo.undo_given_up(work, redemption)
        protected = await self._is_protected(redemption)
        if work.payload.get("undo_grant") and not is_open and not protected:
            # An attempt to grant was given up without an answer; its intent says that the viewer was no VIP before.
            # Where a session is open, it is paid for by another redemption, and so is the badge.
            work.hold()
            await self._helix.remove_vip(redemption.channel_id, redemption.viewer_id)
        await work.note("undone", {})

    async def _is_protected(self, redemption: Redemption) -> bool:
        record = await self._viewers.get(redemption.channel_id, redemption.viewer_id)
        return record.listed is Listed.PROTECTED


def _is_intended(work: Work) -> bool:
    """Whether an earlier attempt at this row was about to grant, and Twitch has not said since that it has no slot."""
    intent = work.noted("grant")
    return intent is not None and not intent.get("refused")
