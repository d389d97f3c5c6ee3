"""Rewards against the simulator: what Twitch has and what we promise, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.audit import Actor
from domain.channel import Channel, Lasting, VipTime
from domain.errors import NotFound, Rejected
from domain.redemption import RedemptionStatus as Status
from domain.rules import Rules
from gateways.twitch.contracts import TwitchDown
from handlers.vip.rewards import FOREIGN, SKIPS, Rewards
from tests.support.scene import Scene

OWNER = Actor("streamer", "1", "Streamer")
WANTED: dict[str, Any] = {
    "title": "VIP for a day",
    "cost": 5000,
    "prompt": "Shine",
    "color": "#00ff00",
    "cooldown_seconds": 60,
    "max_per_stream": 5,
    "max_per_viewer_per_stream": 1,
    "user_input": True,
    "time": {"lasting": "fixed", "seconds": 86_400},
    "rules": {"subscribers_only": True},
    "pauses_when_full": True,
}


@pytest.fixture
def rewards(scene: Scene) -> Rewards:
    r, desk = scene.repositories, scene.desk
    return Rewards(
        channels=r.channels,
        redemptions=r.redemptions,
        helix=scene.helix,
        intake=desk.intake,
        book=desk.book,
        clock=scene.clock,
    )


async def held(scene: Scene, channel: Channel) -> Channel:
    found = await scene.repositories.channels.get(channel.id)
    assert found is not None
    return found


async def settings_entries(scene: Scene, channel: Channel) -> list[dict[str, Any]]:
    return [entry.body for entry in await scene.entries(channel) if entry.kind == "settings"]


async def test_a_reward_is_made_on_twitch_and_promised_here(scene: Scene, rewards: Rewards) -> None:
    channel = await scene.channel()
    offer = await rewards.create(channel.id, WANTED, actor=OWNER)
    there = scene.sim.world.channels[channel.id].rewards[offer.reward.id]
    assert (there.title, there.cost, there.prompt) == ("VIP for a day", 5000, "Shine")
    assert (there.background_color, there.is_user_input_required) == ("#00FF00", True)
    assert (there.global_cooldown_seconds, there.max_per_stream, there.max_per_user_per_stream) == (60, 5, 1)
    assert not there.should_redemptions_skip_request_queue
    ours = (await held(scene, channel)).reward(offer.reward.id)
    assert ours == offer.reward
    assert ours is not None
    assert (ours.time, ours.rules) == (VipTime(86_400_000), Rules(subscribers_only=True))
    assert ours.pauses_when_full
    (record,) = [one for one in await scene.trail(channel) if one.action == "reward.created"]
    assert (record.actor, record.detail["reward_title"]) == (OWNER, "VIP for a day")
    (entry,) = await settings_entries(scene, channel)
    assert (entry["channel"], entry["parts"], entry["by"]["id"]) == (channel.id, ["rewards"], "1")


async def test_a_new_reward_may_be_paused_and_grants_as_promised(scene: Scene, rewards: Rewards) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    time = {"lasting": "per_unit", "seconds": 60, "per": 100}
    wanted = {"title": "By the minute", "cost": 500, "time": time, "paused": True}
    offer = await rewards.create(channel.id, wanted, actor=OWNER)
    assert offer.remote is not None
    assert offer.remote.is_paused
    await rewards.update(channel.id, offer.reward.id, {"paused": False}, actor=OWNER)
    redemption = await scene.settled(await scene.redeem(channel, ann, reward_id=offer.reward.id))
    assert redemption.status == Status.FULFILLED
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at - session.granted_at == 300_000


async def test_who_redeemed_before_we_knew_of_the_reward_is_found(scene: Scene, rewards: Rewards) -> None:
    """A crash right after Twitch has made it: it is listed as one to adopt, and adopting it misses nobody."""
    channel, ann = await scene.channel(), await scene.viewer()
    remote = await scene.helix.create_reward(channel.id, {"title": "Orphan", "cost": 5})
    event = await scene.pay(channel, ann, reward_id=remote.id)
    row_id = await scene.deliver(event)
    await scene.finish()
    assert (await scene.row(row_id)).result == "not_ours"
    shelf = await rewards.list(channel.id)
    assert [(other.remote.title, other.why) for other in shelf.others] == [("Orphan", "")]
    offer = await rewards.adopt(channel.id, remote.id, {"time": {"seconds": 60}}, actor=OWNER)
    assert offer.reward.time == VipTime(60_000, Lasting.FIXED)
    assert (await scene.settled(event["id"])).status == Status.FULFILLED
    (record,) = [one for one in await scene.trail(channel) if one.action == "reward.created"]
    assert record.detail["adopted"] is True
    with pytest.raises(Rejected) as caught:
        await rewards.adopt(channel.id, remote.id, {"time": {"seconds": 60}}, actor=OWNER)
    assert caught.value.code == "reward.adopted"


async def test_only_what_our_application_made_can_be_adopted(scene: Scene, rewards: Rewards) -> None:
    channel = await scene.channel()
    foreign = await scene.act("rewards", channel_id=channel.id, title="Hydrate", cost=1)
    skips = await scene.helix.create_reward(
        channel.id, {"title": "At once", "cost": 5, "should_redemptions_skip_request_queue": True}
    )
    shelf = await rewards.list(channel.id)
    assert {other.remote.id: other.why for other in shelf.others} == {foreign["id"]: FOREIGN, skips.id: SKIPS}
    for reward_id in (foreign["id"], skips.id):
        with pytest.raises(Rejected) as caught:
            await rewards.adopt(channel.id, reward_id, {"time": {"seconds": 60}}, actor=OWNER)
        assert caught.value.code == "reward.not_ours"
    with pytest.raises(NotFound):
        await rewards.adopt(channel.id, "nothing", {"time": {"seconds": 60}}, actor=OWNER)


async def test_the_list(scene: Scene, rewards: Rewards) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    reward_id = channel.rewards[0].id
    await scene.fault("GET", "/channels/vips", times=2, status=500)
    await scene.redeem(channel, ann)
    await scene.quiet()
    there = scene.sim.world.channels[channel.id].rewards[reward_id]
    there.title, there.cost = "Renamed on Twitch", 7
    shelf = await rewards.list(channel.id)
    (offer,) = shelf.offers
    assert (offer.reward.title, offer.reward.cost) == ("Renamed on Twitch", 7)
    assert (offer.pending, shelf.used, shelf.why_not) == (1, 1, "")
    assert shelf.others == ()


async def test_a_reward_that_was_deleted_on_twitch_is_shown_as_missing(
    scene: Scene, rewards: Rewards
) -> None:
    channel = await scene.channel()
    reward_id = channel.rewards[0].id
    await scene.act("rewards", channel_id=channel.id, reward_id=reward_id, remove=True)
    (offer,) = (await rewards.list(channel.id)).offers
    assert offer.remote is None
    with pytest.raises(NotFound) as caught:
        await rewards.update(channel.id, reward_id, {"cost": 3}, actor=OWNER)
    assert caught.value.code == "reward.missing"
    assert caught.value.advice


async def test_limits_are_checked_before_twitch_is_asked(scene: Scene, rewards: Rewards) -> None:
    channel = await scene.channel()
    await scene.act("rewards", channel_id=channel.id, title="Hydrate", cost=1)
    made = len(scene.sim.ledger.of("reward_created"))
    for field, change in (
        ("title", {"title": "Hydrate"}),
        ("title", {"title": "x" * 46}),
        ("cost", {"cost": 0}),
        ("prompt", {"prompt": "x" * 201}),
        ("time", {"time": {"lasting": "per_unit", "seconds": 1, "per": 10_000}}),
    ):
        with pytest.raises(Rejected) as caught:
            await rewards.create(channel.id, {**WANTED, **change}, actor=OWNER)
        assert caught.value.code == f"reward.{field}"
    assert len(scene.sim.ledger.of("reward_created")) == made
    for number in range(48):
        await scene.act("rewards", channel_id=channel.id, title=f"R{number}", cost=1, is_enabled=False)
    assert "50" in (await rewards.list(channel.id)).why_not
    with pytest.raises(Rejected) as caught:
        await rewards.create(channel.id, WANTED, actor=OWNER)
    assert caught.value.code == "reward.limit"
    assert await scene.trail(channel) == []


async def test_a_channel_without_channel_points(scene: Scene, rewards: Rewards) -> None:
    channel = await scene.channel()
    scene.sim.world.channels[channel.id].user.broadcaster_type = ""
    shelf = await rewards.list(channel.id)
    assert shelf.why_not.startswith("Only affiliates and partners have channel points. Become"), (
        "in our words"
    )
    assert [offer.remote for offer in shelf.offers] == [None]
    with pytest.raises(Rejected) as caught:
        await rewards.create(channel.id, WANTED, actor=OWNER)
    assert caught.value.code == "reward.status"


async def test_a_change_is_told_with_what_was_before(scene: Scene, rewards: Rewards) -> None:
    channel = await scene.channel()
    reward_id = channel.rewards[0].id
    change = {
        "cost": 700,
        "enabled": False,
        "time": {"lasting": "stream", "seconds": 600},
        "max_per_stream": 2,
    }
    offer = await rewards.update(channel.id, reward_id, change, actor=OWNER)
    assert offer.remote is not None
    assert (offer.reward.cost, offer.remote.is_enabled, offer.remote.max_per_stream) == (700, False, 2)
    assert (await held(scene, channel)).rewards == (offer.reward,)
    (record,) = await scene.trail(channel)
    assert record.action == "reward.changed"
    assert record.detail["changes"]["cost"] == {"before": 500, "after": 700}
    assert set(record.detail["changes"]) == {"cost", "enabled", "time", "max_per_stream"}
    await rewards.update(channel.id, reward_id, change, actor=OWNER)
    assert len(await scene.trail(channel)) == 1, "nothing changed"
    assert len(await settings_entries(scene, channel)) == 1


async def test_a_change_that_twitch_refuses_changes_nothing(scene: Scene, rewards: Rewards) -> None:
    channel = await scene.channel()
    reward_id = channel.rewards[0].id
    await scene.fault("PATCH", "/custom_rewards", status=500)
    with pytest.raises(TwitchDown):
        await rewards.update(channel.id, reward_id, {"cost": 9, "pauses_when_full": True}, actor=OWNER)
    assert await held(scene, channel) == channel
    with pytest.raises(NotFound):
        await rewards.update(channel.id, "nothing", {"cost": 9}, actor=OWNER)
    with pytest.raises(NotFound):
        await rewards.update("404", reward_id, {"cost": 9}, actor=OWNER)


async def test_a_reward_that_begins_to_pause_while_it_is_full_is_paused(
    scene: Scene, rewards: Rewards
) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    reward_id = channel.rewards[0].id
    there = scene.sim.world.channels[channel.id].rewards[reward_id]
    await scene.repositories.channels.change(channel.id, lambda one: with_cap(one, 1))
    await scene.settled(await scene.redeem(channel, ann))
    await rewards.update(channel.id, reward_id, {"pauses_when_full": True}, actor=OWNER)
    await scene.finish()
    assert there.is_paused
    assert (await held(scene, channel)).rewards[0].paused_by_us
    offer = await rewards.update(channel.id, reward_id, {"pauses_when_full": False}, actor=OWNER)
    assert not there.is_paused
    assert not offer.reward.paused_by_us


def with_cap(channel: Channel, cap: int) -> Channel:
    limits = replace(channel.settings.limits, cap=cap)
    return replace(channel, settings=replace(channel.settings, limits=limits))
