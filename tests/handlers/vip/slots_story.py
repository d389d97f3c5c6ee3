"""Channels with limits and rules, and viewers who redeem in them one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.channel import Channel, ChannelSettings, Reward, Viewer
from domain.redemption import Redemption
from domain.rules import NO_RULES, Rules
from domain.slots import Limits, Slots, WhenFull
from domain.viewer import Listed
from tests.support.scene import Scene

WAIT = Limits(cap=1, when_full=WhenFull.WAIT)
OLDEST = Limits(cap=1, when_full=WhenFull.OLDEST_OUT)


async def channel_with(
    scene: Scene, limits: Limits = WAIT, *, rules: Rules = NO_RULES, **more: Any
) -> Channel:
    """A channel with one reward of a minute, unless said otherwise."""
    return await chosen(scene, await scene.channel(**more), ChannelSettings(limits=limits, rules=rules))


async def chosen(scene: Scene, channel: Channel, settings: ChannelSettings, **more: Any) -> Channel:
    """The streamer chooses."""
    return await scene.repositories.channels.put(
        channel, lambda held: replace(held, settings=settings, **more)
    )


async def with_reward(scene: Scene, channel: Channel, **more: Any) -> Channel:
    """The channel's reward, changed."""

    def apply(held: Channel) -> Channel:
        rewards: tuple[Reward, ...] = tuple(replace(reward, **more) for reward in held.rewards)
        return replace(held, rewards=rewards)

    return await scene.repositories.channels.put(channel, apply)


async def redeemed(scene: Scene, channel: Channel, login: str) -> tuple[Viewer, str]:
    """A new viewer redeems, and all that can be done at this moment is done. His redemption's id."""
    viewer = await scene.viewer(login)
    redemption_id = await scene.redeem(channel, viewer)
    await scene.quiet()
    return viewer, redemption_id


async def status_of(scene: Scene, redemption_id: str) -> tuple[str, str]:
    """Status and reason of a redemption as it stands."""
    redemption = await stored(scene, redemption_id)
    return redemption.status.value, redemption.reason


async def stored(scene: Scene, redemption_id: str) -> Redemption:
    redemption = await scene.repositories.redemptions.get(redemption_id)
    assert redemption is not None
    return redemption


async def slots_of(scene: Scene, channel: Channel) -> Slots:
    return await scene.repositories.slots.get(channel.id)


async def in_line(scene: Scene, channel: Channel) -> list[str]:
    """The redemptions on the waiting list."""
    return [wait.redemption_id for wait in (await slots_of(scene, channel)).waiting]


async def put_on_list(scene: Scene, channel: Channel, viewer: Viewer, listed: Listed) -> None:
    await scene.repositories.viewers.change(channel.id, viewer, lambda held: replace(held, listed=listed))


async def removed_by_hand(scene: Scene, channel: Channel, viewer: Viewer) -> None:
    """The streamer takes a VIP away on Twitch, and the notice comes in."""
    await scene.act("vips", channel_id=channel.id, user_id=viewer.id, remove=True)
    await scene.role("vip.remove", channel, viewer)
    await scene.finish()


async def look(scene: Scene) -> None:
    """The scheduler looks after the waiting lists, and what comes of it is done."""
    await scene.desk.slotting.waiting.look()
    await scene.finish()
