"""Rewards that pause while no slot is free (`reward.pause`), in the lane of the channel's rewards.

We unpause what we paused and nothing else. So what we are about to pause is written down first: on the reward
(`paused_by_us`), and in the row, by which a retry tells an unfinished pause of ours from a streamer who has unpaused
the reward since.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from domain.channel import Channel, Reward
from domain.errors import NotFound, Rejected
from domain.ports import Clock
from domain.slots import is_full
from gateways.twitch.contracts import Helix, RemoteReward
from handlers.work import Work
from storage.channels import Channels
from storage.slots import SlotsOf

log = structlog.get_logger(__name__)

_STEP = "pausing"


class Pausing:
    """Handles `reward.pause`."""

    def __init__(self, *, channels: Channels, slots: SlotsOf, helix: Helix, clock: Clock) -> None:
        self._channels, self._slots, self._helix, self._clock = channels, slots, helix, clock

    async def pause(self, work: Work) -> str:
        """What counts is whether the channel is full now, not when the row was queued. Returns how many rewards were
        paused and unpaused, or `not_ours`."""
        channel = await self._channels.get(work.row.channel_id)
        if channel is None:
            return "not_ours"
        limits, slots = channel.settings.limits, await self._slots.get(channel.id)
        full = is_full(slots, limits, self._clock.now())
        to_pause = [reward for reward in channel.rewards if full and reward.pauses_when_full]
        to_unpause = [reward for reward in channel.rewards if reward.paused_by_us and reward not in to_pause]
        paused = await self._pause(work, channel, to_pause)
        for reward in to_unpause:
            await self._tell_twitch(work, channel.id, reward, paused=False)
            await self._mark(channel.id, reward.id, paused=False)
        return f"{paused} paused, {len(to_unpause)} unpaused"

    async def _pause(self, work: Work, channel: Channel, rewards: list[Reward]) -> int:
        if not rewards:
            return 0
        remote = {each.id: each for each in await self._helix.rewards(channel.id)}
        begun = (work.noted(_STEP) or {}).get("rewards", [])
        mine = [reward for reward in rewards if reward.id in begun or _is_ours_to_pause(reward, remote)]
        await work.note(_STEP, {"rewards": [reward.id for reward in mine]})
        for reward in mine:
            await self._mark(channel.id, reward.id, paused=True)
            if not await self._tell_twitch(work, channel.id, reward, paused=True):
                await self._mark(channel.id, reward.id, paused=False)
        return len(mine)

    async def _tell_twitch(self, work: Work, channel_id: str, reward: Reward, *, paused: bool) -> bool:
        """False: Twitch does not let us, or the reward is gone."""
        work.hold()
        try:
            await self._helix.update_reward(channel_id, reward.id, {"is_paused": paused})
        except (NotFound, Rejected) as error:
            log.warning("reward.not_paused", channel=channel_id, reward=reward.id, code=error.code)
            return False
        return True

    async def _mark(self, channel_id: str, reward_id: str, *, paused: bool) -> None:
        def apply(held: Channel) -> Channel:
            rewards = tuple(
                replace(reward, paused_by_us=paused) if reward.id == reward_id else reward
                for reward in held.rewards
            )
            return replace(held, rewards=rewards)

        await self._channels.change(channel_id, apply)


def _is_ours_to_pause(reward: Reward, remote: dict[str, RemoteReward]) -> bool:
    """A reward that is paused already was paused by the streamer, or by us before."""
    there = remote.get(reward.id)
    return there is not None and not there.is_paused and not reward.paused_by_us
