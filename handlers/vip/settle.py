"""How a redemption is settled on Twitch: fulfilled, so that the points are taken for good, or cancelled, so that they
go back. Neither can be taken back, and others may have been faster: moderators, in Twitch's queue."""

from __future__ import annotations

from domain.errors import Unavailable
from domain.ports import Checkpoint, Clock
from domain.redemption import Alarm, Redemption, Refusal
from domain.redemption import RedemptionStatus as Status
from gateways.twitch.contracts import Helix, Resolve
from handlers.vip.undo import Undo
from handlers.work import Work
from storage.redemptions import Redemptions


class Settlement:
    """Each step may be repeated after a crash."""

    def __init__(
        self, *, redemptions: Redemptions, helix: Helix, undo: Undo, clock: Clock, checkpoint: Checkpoint
    ) -> None:
        self._redemptions, self._helix, self._undo = redemptions, helix, undo
        self._clock, self._checkpoint = clock, checkpoint

    async def fulfil(self, work: Work, redemption: Redemption) -> Redemption:
        """The VIP is there: take the points. What was cancelled in the queue meanwhile is undone."""
        work.hold()
        answer = await self._helix.resolve(
            redemption.channel_id, redemption.reward_id, redemption.id, "FULFILLED"
        )
        self._checkpoint("vip.fulfilled")
        if answer is Resolve.DONE:
            return await self.move(work, redemption, Status.FULFILLED)
        if answer is Resolve.FOREIGN:
            return await self.move(work, redemption, Status.ALARMED, Alarm.FOREIGN_REWARD)
        if await self._status_on_twitch(redemption) == "CANCELED":
            await self._undo.undo(work, redemption)
            return await self.move(work, redemption, Status.CANCELLED)
        # Fulfilled by a moderator, or by an attempt of ours that was cut off, or forgotten after days: it is taken.
        return await self.move(work, redemption, Status.FULFILLED)

    async def refund(self, work: Work, redemption: Redemption, reason: Refusal) -> Redemption:
        """Give the points back. The decision is written down first, and never taken back."""
        redemption = await self.move(work, redemption, Status.REFUNDING, reason)
        self._checkpoint("vip.refund_intended")
        work.hold()
        answer = await self._helix.resolve(
            redemption.channel_id, redemption.reward_id, redemption.id, "CANCELED"
        )
        self._checkpoint("vip.refunded")
        if answer is Resolve.DONE:
            return await self.move(work, redemption, Status.REFUNDED)
        if answer is Resolve.FOREIGN:
            return await self.move(work, redemption, Status.ALARMED, Alarm.FOREIGN_REWARD)
        status = await self._status_on_twitch(redemption)
        if status == "CANCELED":
            return await self.move(work, redemption, Status.REFUNDED)
        alarm = Alarm.FULFILLED_BY_OTHERS if status == "FULFILLED" else Alarm.VANISHED
        return await self.move(work, redemption, Status.ALARMED, alarm)

    async def move(
        self,
        work: Work,
        redemption: Redemption,
        to: Status,
        reason: Refusal | Alarm | None = None,
        *,
        outcome: str = "",
    ) -> Redemption:
        """Write the next status down, unless the lane was taken over."""
        work.ensure_held()
        return await self._redemptions.move(
            redemption.id, to, now=self._clock.now(), reason=reason.value if reason else "", outcome=outcome
        )

    async def _status_on_twitch(self, redemption: Redemption) -> str:
        remote = await self._helix.redemption(redemption.channel_id, redemption.reward_id, redemption.id)
        if remote is not None and remote.status == "UNFULFILLED":
            raise Unavailable("Twitch contradicts itself about a redemption.", retry_after_seconds=1.0)
        return remote.status if remote is not None else ""
