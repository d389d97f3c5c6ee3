"""Time that is taken back: cancelled in the queue, or given up half-made."""

from __future__ import annotations

import pytest

from domain.redemption import RedemptionStatus as Status
from tests.support.scene import REDEMPTION_UPDATE, Scene


async def test_our_own_settlements_come_back_as_events_and_change_nothing(scene: Scene) -> None:
    channel = await scene.channel(vip_slots=1)
    ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
    first = await scene.pay(channel, ann)
    second = await scene.pay(channel, ben)
    await scene.deliver(first)
    await scene.finish()
    await scene.deliver(second)
    await scene.finish()
    granted = await scene.deliver(first | {"status": "fulfilled"}, REDEMPTION_UPDATE)
    refunded = await scene.deliver(second | {"status": "canceled"}, REDEMPTION_UPDATE)
    await scene.finish()
    assert (await scene.row(granted)).result == "not_cancelled"
    assert (await scene.row(refunded)).result == "our_refund"
    assert await scene.actions(channel) == ["vip.granted", "vip.refunded"]


async def test_a_fulfilled_redemption_that_is_cancelled_ends_the_vip(scene: Scene) -> None:
    """Twitch does not offer that today; if it comes, the viewer has the points and not both."""
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    row_id = await scene.deliver(event | {"status": "cancelled"}, REDEMPTION_UPDATE)
    await scene.finish()
    assert (await scene.row(row_id)).result == "cancelled"
    assert not scene.holds_vip(channel, ann)
    session = await scene.repositories.sessions.get(redemption.session_id)
    assert session is not None
    assert session.ended_because == "redemption_cancelled"
    record = await scene.repositories.audit.get(f"{redemption.id}:cancelled")
    assert record is not None
    assert (record.actor.kind, record.cause) == ("streamer", "redemption")
    ended = await scene.repositories.audit.get(f"{session.id}:ended")
    assert ended is not None
    assert (ended.actor.kind, ended.cause) == ("streamer", "queue")


async def test_a_cancelled_extension_shortens(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    before = await scene.session(channel, ann)
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.settled(event["id"])
    await scene.deliver(event | {"status": "canceled"}, REDEMPTION_UPDATE)
    await scene.finish()
    after = await scene.session(channel, ann)
    assert before is not None
    assert after is not None
    assert after.expires_at == before.expires_at
    record = await scene.repositories.audit.get(f"{event['id']}:shortened")
    assert record is not None
    assert record.detail["expires_at"] == before.expires_at
    assert scene.holds_vip(channel, ann)


async def test_a_cancelled_extension_that_leaves_no_time_ends_the_vip(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.settled(event["id"])
    await scene.pass_ms(70_000)
    await scene.deliver(event | {"status": "canceled"}, REDEMPTION_UPDATE)
    await scene.finish()
    assert await scene.session(channel, ann) is None
    assert not scene.holds_vip(channel, ann)


async def test_the_first_of_two_is_cancelled_and_the_second_stays(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    second = await scene.settled(await scene.redeem(channel, ann))
    await scene.deliver(event | {"status": "canceled"}, REDEMPTION_UPDATE)
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    assert [grant.cause for grant in session.grants] == [second.id]
    assert session.expires_at == session.granted_at + 60_000


async def test_a_cancellation_that_comes_before_its_redemption_is_remembered(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    update = await scene.resolve(channel, event["id"], "CANCELED")
    row_id = await scene.deliver(update, REDEMPTION_UPDATE)
    await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    assert (await scene.row(row_id)).result == "cancelled"
    assert redemption.status == Status.CANCELLED
    assert scene.deeds("vip_added") == 0
    assert await scene.actions(channel) == ["redemption.cancelled"]
    assert scene.said(channel) == []


async def test_cancellations_of_other_rewards_are_left_alone(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    reward = await scene.act("rewards", channel_id=channel.id, title="Hydrate", cost=50)
    event = await scene.pay(channel, ann, reward_id=reward["id"])
    ours = await scene.deliver(event | {"status": "canceled"}, REDEMPTION_UPDATE)
    theirs = await scene.deliver(
        event | {"status": "canceled", "broadcaster_user_id": "404"}, REDEMPTION_UPDATE
    )
    await scene.finish()
    assert (await scene.row(ours)).result == (await scene.row(theirs)).result == "not_ours"


@pytest.mark.parametrize(
    ("collection", "method"),
    [("vip_sessions", "change"), ("audit", "insert"), ("redemptions", "change")],
)
@pytest.mark.parametrize("after_effect", [False, True])
async def test_an_undoing_that_was_cut_off_is_completed_and_told_once(
    scene: Scene, collection: str, method: str, after_effect: bool
) -> None:
    channel, ann = await scene.channel(vip_ms=600_000), await scene.viewer()
    event, extension = await scene.pay(channel, ann), await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.deliver(extension)
    await scene.finish()
    scene.store.orders.fail(collection, method, times=2, after_effect=after_effect)
    await scene.deliver(extension | {"status": "canceled"}, REDEMPTION_UPDATE)
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at == session.granted_at + 600_000
    told = ["redemption.cancelled", "vip.extended", "vip.granted", "vip.shortened"]
    assert await scene.actions(channel) == told
    scene.store.orders.fail(collection, method, times=2, after_effect=after_effect)
    await scene.deliver(event | {"status": "canceled"}, REDEMPTION_UPDATE)
    await scene.finish()
    assert not scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == sorted([*told, "redemption.cancelled", "vip.ended"])
    shown = [entry.body["status"] for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert shown[-1] == "ended"
