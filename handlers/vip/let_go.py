"""Who waited in vain gets his points back: he left, waited too long, the stream is over, his reward is gone."""

from __future__ import annotations

from domain.audit import Actor
from domain.events import redemption_event, text
from domain.orders import actor_of
from domain.redemption import RedemptionStatus as Status
from domain.redemption import Refusal
from handlers.vip.settle import Settlement
from handlers.vip.tell import Teller
from handlers.vip.waiting import Waiting
from handlers.work import Work
from storage.redemptions import Redemptions


class LettingGo:
    """Handles `redemption.let_go`."""

    def __init__(
        self, *, redemptions: Redemptions, waiting: Waiting, settlement: Settlement, teller: Teller
    ) -> None:
        self._redemptions, self._waiting = redemptions, waiting
        self._settlement, self._teller = settlement, teller

    async def let_go(self, work: Work) -> str:
        """Returns the status of the redemption, `admitted` when it was too late for that, or `not_ours`. The body names
        the person who let him go, where it was one."""
        event, reason = redemption_event(work.event), Refusal(text(work.payload, "reason", most=40))
        redemption = await self._redemptions.get(event.id)
        if redemption is None:
            return "not_ours"
        if redemption.status in (Status.RECEIVED, Status.WAITING):
            if not await self._waiting.leave(redemption):
                await work.note("outcome", {"result": "admitted"})
                return "admitted"
            redemption = await self._settlement.refund(work, redemption, reason)
        elif redemption.status is Status.REFUNDING:
            redemption = await self._settlement.refund(work, redemption, Refusal(redemption.reason))
        if redemption.settled:
            await self._teller.tell(redemption, by=_person(work) if redemption.reason == reason else None)
        await work.note("outcome", {"result": redemption.status.value})
        return redemption.status.value

    async def without_reward(self, work: Work, redemption_id: str) -> str:
        """The reward is none of ours, or no longer. What was begun while it was comes to its end: taken where there is
        a VIP, else given back. Returns `not_ours` for all other redemptions."""
        redemption = await self._redemptions.get(redemption_id)
        if redemption is None or redemption.settled:
            return "not_ours"
        if redemption.status is Status.GRANTED:
            redemption = await self._settlement.fulfil(work, redemption)
        else:
            refunding = redemption.status is Status.REFUNDING
            reason = Refusal(redemption.reason) if refunding else Refusal.REWARD_GONE
            redemption = await self._settlement.refund(work, redemption, reason)
        await self._teller.tell(redemption)
        return redemption.status.value


def _person(work: Work) -> Actor | None:
    return actor_of(work.payload) if "actor" in work.payload else None
