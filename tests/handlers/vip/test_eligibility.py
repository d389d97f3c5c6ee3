"""The rules of a streamer, with facts from the simulator."""

from __future__ import annotations

from dataclasses import replace

from domain.channel import ChannelSettings, Lasting
from domain.rules import Rules
from domain.slots import NO_LIMITS
from domain.viewer import Listed
from tests.handlers.vip.slots_story import (
    channel_with,
    chosen,
    put_on_list,
    redeemed,
    removed_by_hand,
    status_of,
    stored,
    with_reward,
)
from tests.support.scene import Scene

DAY = 86_400_000
SCOPES = [
    "channel:manage:redemptions", "channel:manage:vips", "moderation:read", "user:write:chat",
    "channel:read:subscriptions", "moderator:read:followers",
]  # fmt: skip


async def test_subscribers_only(scene: Scene) -> None:
    rules = Rules(subscribers_only=True)
    channel = await channel_with(scene, NO_LIMITS, rules=rules, scopes=SCOPES)
    ann = await scene.viewer("ann")
    refused = await scene.settled(await scene.redeem(channel, ann))
    assert (refused.status, refused.reason) == ("refunded", "not_subscribed")
    await scene.act("subscribers", channel_id=channel.id, user_id=ann.id)
    assert (await scene.settled(await scene.redeem(channel, ann))).status == "fulfilled"


async def test_how_long_somebody_follows(scene: Scene) -> None:
    rules = Rules(min_follow_ms=DAY)
    channel = await channel_with(scene, NO_LIMITS, rules=rules, scopes=SCOPES)
    ann = await scene.viewer("ann")
    refused = await scene.settled(await scene.redeem(channel, ann))
    assert refused.reason == "follows_too_short"
    since = scene.clock.now() - DAY
    await scene.act("follow", channel_id=channel.id, user_id=ann.id, since=since)
    assert (await scene.settled(await scene.redeem(channel, ann))).status == "fulfilled"


async def test_a_missing_permission_takes_no_points_and_says_so(scene: Scene) -> None:
    """It would be the same for the next viewer: the trail tells the streamer what to do."""
    for login, rules in (("one", Rules(subscribers_only=True)), ("two", Rules(min_follow_ms=DAY))):
        channel = await channel_with(scene, NO_LIMITS, rules=rules, login=login, scopes=SCOPES[:4])
        _, paid = await redeemed(scene, channel, f"viewer_{login}")
        await scene.finish()
        assert await status_of(scene, paid) == ("refunded", "unknown")
        record = await scene.repositories.audit.get(f"{paid}:refunded")
        assert record is not None
        assert record.reason == "unknown"


async def test_lists_come_before_everything_else(scene: Scene) -> None:
    rules = Rules(subscribers_only=True, allow_only=True)
    channel = await channel_with(scene, NO_LIMITS, rules=rules)
    ann, paid = await redeemed(scene, channel, "ann")
    await scene.finish()
    assert await status_of(scene, paid) == ("refunded", "not_on_list")
    for listed, outcome in (
        (Listed.BLOCK, ("refunded", "listed")),
        (Listed.PROTECTED, ("refunded", "enough")),
        (Listed.ALLOW, ("fulfilled", "")),
    ):
        await put_on_list(scene, channel, ann, listed)
        redemption = await scene.settled(await scene.redeem(channel, ann))
        assert (redemption.status, redemption.reason) == outcome


async def test_a_cooldown_counts_from_the_end_of_the_last_vip_and_not_for_extensions(scene: Scene) -> None:
    channel = await channel_with(scene, NO_LIMITS, rules=Rules(cooldown_ms=60_000))
    ann, _ = await redeemed(scene, channel, "ann")
    assert (await scene.settled(await scene.redeem(channel, ann))).outcome == "extended"
    await removed_by_hand(scene, channel, ann)
    refused = await scene.settled(await scene.redeem(channel, ann))
    assert (refused.status, refused.reason) == ("refunded", "cooldown")
    await scene.pass_ms(60_000)
    assert (await scene.settled(await scene.redeem(channel, ann))).outcome == "granted"


async def test_time_that_does_not_fit_whole_is_not_sold(scene: Scene) -> None:
    channel = await channel_with(scene, NO_LIMITS, rules=Rules(most_ms=150_000), vip_ms=60_000)
    ann = await scene.viewer("ann")
    outcomes = [(await scene.settled(await scene.redeem(channel, ann))).outcome for _ in range(2)]
    assert outcomes == ["granted", "extended"]
    refused = await scene.settled(await scene.redeem(channel, ann))
    assert (refused.status, refused.reason) == ("refunded", "enough")
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at == session.granted_at + 120_000
    await scene.pass_ms(31_000)
    assert (await scene.settled(await scene.redeem(channel, ann))).outcome == "extended"


async def test_the_rules_of_a_reward_stand_in_place_of_the_channels(scene: Scene) -> None:
    channel = await channel_with(scene, NO_LIMITS, rules=Rules(allow_only=True))
    channel = await with_reward(scene, channel, rules=Rules())
    _, paid = await redeemed(scene, channel, "ann")
    assert (await status_of(scene, paid))[0] == "fulfilled"


async def test_a_paused_channel_grants_nothing_new_and_finishes_what_it_began(scene: Scene) -> None:
    channel = await channel_with(scene, NO_LIMITS)
    scene.checkpoints.arm("vip.counted")
    _, begun = await redeemed(scene, channel, "ann")
    await chosen(scene, channel, channel.settings, paused=True)
    _, late = await redeemed(scene, channel, "ben")
    await scene.finish()
    assert (await status_of(scene, begun))[0] == "fulfilled"
    assert await status_of(scene, late) == ("refunded", "paused")


async def test_the_streamers_own_test_is_told_as_a_test_whatever_the_rules_say(scene: Scene) -> None:
    channel = await channel_with(scene, rules=Rules(allow_only=True))
    await chosen(scene, channel, channel.settings, paused=True)
    streamer = replace(await scene.viewer("x"), id=channel.id, login=channel.login)
    redemption = await scene.settled(await scene.redeem(channel, streamer))
    assert (redemption.status, redemption.reason) == ("refunded", "broadcaster")
    record = await scene.repositories.audit.get(f"{redemption.id}:refunded")
    assert record is not None
    assert record.detail["test"] is True


async def test_time_by_cost_until_the_end_of_the_stream_and_none_at_all(scene: Scene) -> None:
    channel = await channel_with(scene, NO_LIMITS, vip_ms=1000)
    await with_reward(scene, channel, lasting=Lasting.PER_UNIT, per=100)
    ann, paid = await redeemed(scene, channel, "ann")
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at - session.granted_at == (await stored(scene, paid)).reward_cost // 100 * 1000
    await with_reward(scene, channel, lasting=Lasting.PER_UNIT, per=1_000_000)
    _, nothing = await redeemed(scene, channel, "ben")
    assert await status_of(scene, nothing) == ("refunded", "too_few")
    await with_reward(scene, channel, lasting=Lasting.STREAM, vip_ms=900_000)
    cat, _ = await redeemed(scene, channel, "cat")
    session = await scene.session(channel, cat)
    assert session is not None
    assert (session.until_stream_end, session.expires_at - session.granted_at) == (True, 900_000)
    again = await scene.settled(await scene.redeem(channel, cat))
    assert (again.status, again.reason) == ("refunded", "enough"), "the same stream is not sold twice"


async def test_of_two_promises_both_are_kept(scene: Scene) -> None:
    channel = await channel_with(scene, NO_LIMITS, vip_ms=600_000)
    ann, _ = await redeemed(scene, channel, "ann")
    before = await scene.session(channel, ann)
    await with_reward(scene, channel, lasting=Lasting.STREAM, vip_ms=900_000)
    extended = await scene.settled(await scene.redeem(channel, ann))
    after = await scene.session(channel, ann)
    assert before is not None
    assert after is not None
    assert extended.outcome == "extended"
    assert (after.until_stream_end, after.expires_at) == (True, before.expires_at + 900_000)
    assert 590_000 < after.after_stream_ms <= 600_000, "what was left by the clock"
    ben, _ = await redeemed(scene, channel, "ben")
    stream = await scene.session(channel, ben)
    await with_reward(scene, channel, lasting=Lasting.FIXED, vip_ms=5000)
    await scene.settled(await scene.redeem(channel, ben))
    fixed = await scene.session(channel, ben)
    assert stream is not None
    assert fixed is not None
    assert (stream.until_stream_end, fixed.until_stream_end) == (True, True)
    assert (stream.after_stream_ms, fixed.after_stream_ms) == (0, 5000)
    assert fixed.expires_at == stream.expires_at + 5000, "at the latest"


async def test_settings_of_one_channel_are_nobody_elses(scene: Scene) -> None:
    await channel_with(scene, rules=Rules(allow_only=True), login="strict")
    other = await scene.channel("other")
    assert other.settings == ChannelSettings()
    _, paid = await redeemed(scene, other, "ann")
    assert (await status_of(scene, paid))[0] == "fulfilled"
