"""A redemption in a channel in which as much waits as may (`quotas.py`): its points go back at once.

Nobody waits for a VIP behind a thousand others who redeemed in the same minute, and nothing is asked of Twitch for it
but the refund.
"""

from __future__ import annotations

from domain.events import redemption_event
from domain.ports import Clock
from domain.redemption import RedemptionStatus as Status
from domain.redemption import Refusal, received
from handlers.vip.let_go import LettingGo
from handlers.vip.settle import Settlement
from handlers.vip.tell import Teller
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions


class CrowdedOut:
    """Stands in for the handler of `redemption.add`."""

    def __init__(
        self,
        *,
        channels: Channels,
        redemptions: Redemptions,
        settlement: Settlement,
        letting_go: LettingGo,
        teller: Teller,
        clock: Clock,
    ) -> None:
        self._channels, self._redemptions = channels, redemptions
        self._settlement, self._letting_go, self._teller = settlement, letting_go, teller
        self._clock = clock

    async def give_back(self, work: Work) -> str:
        """Returns the status of the redemption, or `not_ours`. What was decided before, or waits for a slot, is left as
        it is."""
        event = redemption_event(work.event)
        channel = await self._channels.get(event.channel_id)
        if channel is None or channel.reward(event.reward_id) is None:
            return await self._letting_go.without_reward(work, event.id)
        await work.note("crowded", {})  # an attempt that is cut off goes on without asking the quota again
        redemption = await self._redemptions.begin(received(event, now=self._clock.now()))
        if redemption.status in (Status.RECEIVED, Status.REFUNDING):
            reason = Refusal(redemption.reason) if redemption.reason else Refusal.CROWDED
            redemption = await self._settlement.refund(work, redemption, reason)
        if redemption.settled:
            await self._teller.tell(redemption)
        return redemption.status.value
