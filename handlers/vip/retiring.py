"""Deleting a reward so that nobody loses points: Twitch fulfils what is unfulfilled when a reward is deleted.

In the lane `rewards:<channel>`: switch the reward off, give back what is pending (each in its viewer's lane, so that
our records stay right), wait until Twitch has nothing unfulfilled and our books have nothing open, then delete. The
channel knows the reward until the end, since a redemption of an unknown one is nobody's. Each step may be repeated.
"""

from __future__ import annotations

import json

import structlog

from domain.audit import Action
from domain.channel import Channel, Reward
from domain.errors import NotFound, Rejected, Unavailable
from domain.events import identifier
from domain.inbox import Delivery
from domain.orders import actor_of
from domain.ports import Checkpoint
from domain.redemption import Redemption, Refusal, event_of
from domain.redemption import RedemptionStatus as Status
from gateways.twitch.contracts import Helix, RemoteRedemption, Waiting
from handlers.intake import Intake
from handlers.vip.book import Book
from handlers.vip.endings import lane_of
from handlers.vip.rewards import without
from handlers.work import Work
from storage.channels import Channels
from storage.redemptions import Redemptions

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0
MOST_AGAIN_SECONDS = 30.0
MOST_WAITS = 400
"""So often it is looked again whether everything has been given back (some hours); then it counts as failed, and is
tried on with the patience of what must happen."""


class Retiring:
    """Handles `reward.delete`."""

    def __init__(
        self,
        *,
        channels: Channels,
        redemptions: Redemptions,
        helix: Helix,
        intake: Intake,
        book: Book,
        checkpoint: Checkpoint,
    ) -> None:
        self._channels, self._redemptions, self._helix = channels, redemptions, helix
        self._intake, self._book, self._checkpoint = intake, book, checkpoint

    async def delete(self, work: Work) -> str:
        """Returns `deleted`, `not_ours`, or `refused` where Twitch does not let us; the outcome says why."""
        reward_id, actor = identifier(work.payload, "reward_id"), actor_of(work.payload)
        channel = await self._channels.get(work.row.channel_id)
        reward = None if channel is None else channel.reward(reward_id)
        begun = work.noted("reward")
        if channel is None or (reward is None and begun is None):
            await work.note("outcome", {"result": "not_ours"})
            return "not_ours"
        if begun is None and reward is not None:
            begun = {"title": reward.title, "cost": reward.cost}
            await work.note("reward", begun)
        if reward is not None:
            try:
                await self._retire(work, channel, reward)
            except Rejected as error:
                await work.note(
                    "outcome",
                    {
                        "result": "refused",
                        "code": error.code,
                        "message": error.message,
                        "advice": error.advice,
                    },
                )
                return "refused"
        assert begun is not None
        detail = {"reward_id": reward_id, "reward_title": begun["title"], "reward_cost": begun["cost"]}
        await self._book.write(
            channel.id,
            Action.REWARD_DELETED,
            actor,
            parts=("rewards",),
            detail=detail,
            id=f"{work.row.id}:deleted",
        )
        await work.note("outcome", {"result": "deleted"})
        return "deleted"

    async def _retire(self, work: Work, channel: Channel, reward: Reward) -> None:
        work.hold()
        try:
            await self._helix.update_reward(channel.id, reward.id, {"is_enabled": False})
        except NotFound:
            log.info("reward.missing", channel=channel.id, reward=reward.id)  # deleted on Twitch before
        self._checkpoint("reward.disabled")
        left = await self._give_back(work, channel, reward)
        if left:
            self._come_back(work, left)
        work.hold()
        await self._helix.delete_reward(channel.id, reward.id)
        self._checkpoint("reward.deleted")
        work.ensure_held()
        await self._channels.change(channel.id, lambda held: without(held, reward.id))

    async def _give_back(self, work: Work, channel: Channel, reward: Reward) -> int:
        """Have everything that is pending given back; how much is still on its way."""
        left = 0
        on_twitch: set[str] = set()
        async for remote in self._helix.unfulfilled(channel.id, reward.id):
            left += 1
            on_twitch.add(remote.id)
            known = await self._redemptions.get(remote.id)
            if known is None:  # its notice has not come: from now on it is ours to settle
                known = await self._redemptions.begin(_heard(remote))
            if known.status in (Status.RECEIVED, Status.WAITING):
                await self._let_go(channel, known)
            elif known.status is Status.ALARMED:
                # Our books are closed, and the points lie in the queue still: nobody else would give them back.
                work.hold()
                await self._helix.resolve(channel.id, reward.id, remote.id, "CANCELED")
        for known in await self._redemptions.unsettled(channel.id):
            if known.reward_id == reward.id and known.id not in on_twitch:
                left += 1
                if known.status in (Status.RECEIVED, Status.WAITING):
                    await self._let_go(channel, known)
        return left

    async def _let_go(self, channel: Channel, known: Redemption) -> None:
        body = {"event": event_of(known), "reason": Refusal.REWARD_GONE.value}
        await self._intake.accept(
            Delivery(
                source="slots",
                message_id=f"{known.id}:reward_deleted",
                kind="redemption.let_go",
                lane=lane_of(channel.id, known.viewer_id),
                channel_id=channel.id,
                raw=json.dumps(body).encode(),
            ),
            again=True,
        )

    def _come_back(self, work: Work, left: int) -> None:
        if work.row.waits >= MOST_WAITS:
            raise Unavailable(f"{left} redemptions are still open.", code="reward.pending")
        seconds = min(MOST_AGAIN_SECONDS, AGAIN_SECONDS * (1 + work.row.waits / 4))
        raise Waiting(
            f"{left} redemptions are being given back.", code="reward.pending", retry_after_seconds=seconds
        )


def _heard(remote: RemoteRedemption) -> Redemption:
    """A redemption of which only Twitch knows."""
    return Redemption(
        id=remote.id,
        channel_id=remote.channel_id,
        reward_id=remote.reward_id,
        reward_title=remote.reward_title,
        reward_cost=remote.reward_cost,
        viewer_id=remote.user.id,
        viewer_login=remote.user.login,
        viewer_name=remote.user.name,
        user_input=remote.user_input,
        redeemed_at=remote.redeemed_at,
        received_at=remote.redeemed_at,
    )
