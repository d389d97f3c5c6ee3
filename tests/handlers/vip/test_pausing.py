"""Rewards that pause while the channel is full: ours are unpaused again, the streamer's own pause is not."""

from __future__ import annotations

from domain.channel import Channel
from domain.slots import TWITCH_FULL_MS, Limits
from tests.handlers.vip.slots_story import (
    channel_with,
    look,
    redeemed,
    removed_by_hand,
    with_reward,
)
from tests.support.scene import Scene

CAP_1 = Limits(cap=1)
REWARDS = "/channel_points/custom_rewards"


async def pausing(scene: Scene, limits: Limits = CAP_1, **more: int) -> Channel:
    channel = await channel_with(scene, limits, **more)
    return await with_reward(scene, channel, pauses_when_full=True)


async def is_paused(scene: Scene, channel: Channel) -> tuple[bool, bool]:
    """Whether the reward is paused on Twitch, and by us."""
    (there,) = await scene.helix.rewards(channel.id)
    held = await scene.repositories.channels.get(channel.id)
    assert held is not None
    return there.is_paused, held.rewards[0].paused_by_us


async def by_the_streamer(scene: Scene, channel: Channel, *, paused: bool) -> None:
    await scene.helix.update_reward(channel.id, channel.rewards[0].id, {"is_paused": paused})


async def test_it_is_paused_while_the_cap_is_reached(scene: Scene) -> None:
    channel = await pausing(scene)
    assert await is_paused(scene, channel) == (False, False)
    ann, _ = await redeemed(scene, channel, "ann")
    await scene.finish()
    assert await is_paused(scene, channel) == (True, True)
    await removed_by_hand(scene, channel, ann)
    assert await is_paused(scene, channel) == (False, False)


async def test_and_while_twitch_has_no_slot(scene: Scene) -> None:
    channel = await pausing(scene, Limits(), vip_slots=0)
    await redeemed(scene, channel, "ann")
    await scene.finish()
    assert await is_paused(scene, channel) == (True, True)
    await scene.pass_ms(TWITCH_FULL_MS)
    await look(scene)
    assert await is_paused(scene, channel) == (False, False)


async def test_the_streamers_own_pause_stays(scene: Scene) -> None:
    channel, ann = await pausing(scene), await scene.viewer("ann")
    paid = await scene.pay(channel, ann)
    await by_the_streamer(scene, channel, paused=True)
    await scene.deliver(paid)
    await scene.finish()
    assert scene.holds_vip(channel, ann)
    assert await is_paused(scene, channel) == (True, False)
    await removed_by_hand(scene, channel, ann)
    assert await is_paused(scene, channel) == (True, False)


async def test_a_pause_that_was_cut_off_is_finished_and_known_as_ours(scene: Scene) -> None:
    channel = await pausing(scene)
    await scene.fault("PATCH", REWARDS, status=500, times=2, after_effect=True)
    ann, _ = await redeemed(scene, channel, "ann")
    await scene.finish()
    assert await is_paused(scene, channel) == (True, True)
    await removed_by_hand(scene, channel, ann)
    assert await is_paused(scene, channel) == (False, False)


async def test_a_reward_that_the_streamer_has_unpaused_meanwhile_is_not_paused_by_a_later_row(
    scene: Scene,
) -> None:
    channel = await pausing(scene)
    await redeemed(scene, channel, "ann")
    await scene.finish()
    await by_the_streamer(scene, channel, paused=False)
    await scene.reconcile(channel)
    await scene.finish()
    assert await is_paused(scene, channel) == (False, True)


async def test_a_reward_that_is_gone_from_twitch_is_no_trouble(scene: Scene) -> None:
    channel = await pausing(scene)
    event = await scene.pay(channel, await scene.viewer("ann"))
    await scene.fault("PATCH", REWARDS, status=404, message="The custom reward was not found.")
    await scene.deliver(event)
    await scene.finish()
    held = await scene.repositories.channels.get(channel.id)
    assert held is not None
    assert not held.rewards[0].paused_by_us


async def test_reconciliation_tells_a_reward_that_wants_to_pause_from_now_on(scene: Scene) -> None:
    channel = await channel_with(scene, CAP_1)
    await redeemed(scene, channel, "ann")
    await with_reward(scene, channel, pauses_when_full=True)
    await scene.reconcile(channel)
    await scene.finish()
    assert await is_paused(scene, channel) == (True, True)


async def test_other_channels_pay_nothing_for_it(scene: Scene) -> None:
    channel = await channel_with(scene, CAP_1)
    await redeemed(scene, channel, "ann")
    await scene.finish()
    assert not await scene.repositories.inbox.finished(f"rewards:{channel.id}", limit=5)
