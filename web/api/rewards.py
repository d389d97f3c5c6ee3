"""`/api/channel-points`: the rewards of a channel."""

from __future__ import annotations

from aiohttp import web

from domain import rewards
from domain.rewards import rules_shown, time_shown
from handlers.vip.live_bodies import actor_body
from handlers.vip.operations import Operations
from handlers.vip.operations import Request as Asked
from handlers.vip.rewards import MISSING, Offer, Rewards, Shelf, lane_of_rewards
from web.api.operations import accepted, asker_of, operation_told, raise_if_refused
from web.keys import CHANNEL
from web.models.base import body_of, path_of, told
from web.models.rewards import (
    OtherReward,
    Reward,
    RewardAdopted,
    RewardChange,
    RewardId,
    RewardLimits,
    RewardList,
    RewardWanted,
    RulesTold,
    TimeTold,
)


class RewardsApi:
    def __init__(self, *, rewards: Rewards, operations: Operations) -> None:
        self._rewards, self._operations = rewards, operations

    async def list(self, request: web.Request) -> web.Response:
        """GET `/api/channel-points`."""
        return told(_list(await self._rewards.list(request[CHANNEL])))

    async def create(self, request: web.Request) -> web.Response:
        """POST `/api/channel-points`."""
        fields = body_of(request, RewardWanted).model_dump(exclude_unset=True)
        asker = asker_of(request)
        offer = await self._rewards.create(asker.channel_id, fields, actor=asker.actor)
        return told(_reward(offer), status=201)

    async def change(self, request: web.Request) -> web.Response:
        """PATCH `/api/channel-points/{reward_id}`."""
        reward_id = path_of(request, RewardId).reward_id
        fields = body_of(request, RewardChange).model_dump(exclude_unset=True)
        asker = asker_of(request)
        return told(
            _reward(await self._rewards.update(asker.channel_id, reward_id, fields, actor=asker.actor))
        )

    async def adopt(self, request: web.Request) -> web.Response:
        """POST `/api/channel-points/{reward_id}/adopt`."""
        reward_id = path_of(request, RewardId).reward_id
        fields = body_of(request, RewardAdopted).model_dump(exclude_unset=True)
        asker = asker_of(request)
        return told(
            _reward(await self._rewards.adopt(asker.channel_id, reward_id, fields, actor=asker.actor))
        )

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE `/api/channel-points/{reward_id}`: a row, since what is pending is given back first."""
        reward_id = path_of(request, RewardId).reward_id
        asker = asker_of(request)
        asked = Asked(asker.channel_id, asker.user_id, "reward.delete", asker.key, {"reward_id": reward_id})
        operation = await self._operations.repeated(asked)
        if operation is None:
            await self._rewards.known(asker.channel_id, reward_id)
            operation = await self._operations.carry_out(
                asked,
                kind="reward.delete",
                lane=lane_of_rewards(asker.channel_id),
                body={"reward_id": reward_id, "actor": actor_body(asker.actor)},
            )
        raise_if_refused(operation)
        return told(operation_told(operation), status=202, headers=accepted(operation))


def _list(shelf: Shelf) -> RewardList:
    return RewardList(
        rewards=[_reward(offer) for offer in shelf.offers],
        others=[
            OtherReward(
                id=other.remote.id,
                title=other.remote.title,
                cost=other.remote.cost,
                why=other.why,
                adoptable=not other.why,
            )
            for other in shelf.others
        ],
        limits=RewardLimits(
            rewards=rewards.MOST_REWARDS,
            used=shelf.used,
            title_characters=rewards.TITLE_CHARACTERS,
            prompt_characters=rewards.PROMPT_CHARACTERS,
        ),
        can_create=not shelf.why_not,
        why_not=shelf.why_not,
    )


def _reward(offer: Offer) -> Reward:
    ours, there = offer.reward, offer.remote
    return Reward(
        id=ours.id,
        title=ours.title,
        cost=ours.cost,
        prompt=there.prompt if there else "",
        color=there.color if there else "",
        enabled=there is not None and there.is_enabled,
        paused=there is not None and there.is_paused,
        paused_by_us=ours.paused_by_us,
        pauses_when_full=ours.pauses_when_full,
        cooldown_seconds=there.cooldown_seconds if there else 0,
        max_per_stream=there.max_per_stream if there else 0,
        max_per_viewer_per_stream=there.max_per_viewer_per_stream if there else 0,
        user_input=there is not None and there.user_input,
        action=ours.action.value,
        time=TimeTold(**time_shown(ours.time)),
        rules=None if ours.rules is None else RulesTold(**rules_shown(ours.rules)),
        in_stock=there is not None and there.in_stock,
        redeemed_now=there.redeemed_now if there else None,
        pending=offer.pending,
        missing_on_twitch=there is None,
        advice="" if there else MISSING,
    )
