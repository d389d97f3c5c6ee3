"""Redemptions that others settle, before us or at the same moment: moderators, in Twitch's queue."""

from __future__ import annotations

from domain.redemption import RedemptionStatus as Status
from tests.support.scene import QUEUE_PATH, REDEMPTION_UPDATE, Scene


async def test_a_redemption_that_was_cancelled_before_we_heard_of_it_grants_nothing_that_stays(
    scene: Scene,
) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.resolve(channel, event["id"], "CANCELED")
    await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    assert redemption.status == Status.CANCELLED
    assert not scene.holds_vip(channel, ann)
    assert await scene.session(channel, ann) is None
    assert scene.said(channel)[-1].startswith("@Ann, a moderator gave your points back")


async def test_cancelled_between_grant_and_fulfil_ends_the_vip(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    scene.checkpoints.arm("vip.recorded")
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    assert scene.holds_vip(channel, ann)
    update = await scene.resolve(channel, redemption_id, "CANCELED")
    await scene.deliver(update, REDEMPTION_UPDATE)
    redemption = await scene.settled(redemption_id)
    assert (redemption.status, redemption.outcome) == (Status.CANCELLED, "granted")
    assert not scene.holds_vip(channel, ann)
    session = await scene.repositories.sessions.get(redemption.session_id)
    assert session is not None
    assert session.ended_because == "redemption_cancelled"
    assert await scene.actions(channel) == ["redemption.cancelled", "vip.ended"]
    assert scene.deeds("refunded", by="app") == 0


async def test_cancelled_between_extension_and_fulfil_takes_only_that_time_back(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    before = await scene.session(channel, ann)
    scene.checkpoints.arm("vip.recorded")
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    await scene.resolve(channel, redemption_id, "CANCELED")
    redemption = await scene.settled(redemption_id)
    after = await scene.session(channel, ann)
    assert before is not None
    assert after is not None
    assert redemption.status == Status.CANCELLED
    assert after.expires_at == before.expires_at
    assert scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == ["redemption.cancelled", "vip.granted", "vip.shortened"]


async def test_fulfilled_by_a_moderator_after_the_grant_is_as_good(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    scene.checkpoints.arm("vip.recorded")
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    await scene.resolve(channel, redemption_id, "FULFILLED")
    redemption = await scene.settled(redemption_id)
    assert redemption.status == Status.FULFILLED
    assert scene.holds_vip(channel, ann)


async def test_a_refund_that_a_moderator_made_impossible_raises_an_alarm(scene: Scene) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.resolve(channel, event["id"], "FULFILLED")
    await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    assert (redemption.status, redemption.reason) == (Status.ALARMED, "fulfilled_by_others")
    assert await scene.actions(channel) == ["redemption.alarm"]
    assert scene.said(channel) == []
    assert scene.counted("redemption_alarms_total", reason="fulfilled_by_others") == 1


async def test_a_refund_that_a_moderator_made_before_is_a_refund(scene: Scene) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.resolve(channel, event["id"], "CANCELED")
    await scene.deliver(event)
    assert (await scene.settled(event["id"])).status == Status.REFUNDED


async def test_a_refund_of_what_twitch_forgot_raises_an_alarm(scene: Scene) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    event = await scene.pay(channel, ann)
    stored = scene.sim.world.channels[channel.id].rewards[channel.rewards[0].id]
    stored.unfulfilled.clear()
    stored.redemptions.clear()
    await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    assert (redemption.status, redemption.reason) == (Status.ALARMED, "vanished")


async def test_when_twitch_contradicts_itself_it_is_asked_again(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("PATCH", QUEUE_PATH, status=404, message="not found")
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert redemption.status == Status.FULFILLED
    assert scene.deeds("vip_added") == 1
    assert scene.counted("inbox_handled_total", kind="redemption.add", result="retry") == 1
