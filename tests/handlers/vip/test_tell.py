"""What is told of a settled redemption, and what becomes of one that is given up."""

from __future__ import annotations

import pytest

from domain.audit import Action
from domain.inbox import RowState
from domain.redemption import RedemptionStatus as Status
from domain.retry import REDEMPTION
from storage.contracts import StorageBroken
from tests.support.scene import QUEUE_PATH, REDEMPTION_UPDATE, VIPS_PATH, Scene

ATTEMPTS = REDEMPTION.max_attempts or 0


def broken() -> Exception:
    return StorageBroken("ordered by a test")


async def test_the_trail_says_who_what_why_and_for_how_much(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    redemption_id = await scene.redeem(channel, ann, user_input="hello")
    redemption = await scene.settled(redemption_id)
    session = await scene.session(channel, ann)
    assert session is not None
    record = await scene.repositories.audit.get(f"{redemption_id}:fulfilled")
    assert record is not None
    assert (record.action, record.cause, record.reason) == ("vip.granted", "redemption", "")
    assert (record.actor.kind, record.actor.id, record.actor.name) == ("viewer", ann.id, "Ann")
    assert (record.viewer, record.at) == (ann, redemption.settled_at)
    assert record.detail == {
        "redemption_id": redemption_id,
        "reward_id": channel.rewards[0].id,
        "reward_title": "VIP of streamer",
        "reward_cost": 500,
        "redeemed_at": redemption.redeemed_at,
        "user_input": "hello",
        "seconds": 60,
        "expires_at": session.expires_at,
    }


async def test_what_was_told_is_not_told_again(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.settled(event["id"])
    before = await scene.entries(channel)
    for _ in range(3):
        await scene.deliver(event)
    await scene.finish()
    assert await scene.entries(channel) == before
    assert await scene.actions(channel) == ["vip.granted"]
    assert len(scene.said(channel)) == 1
    assert scene.counted("vip_granted_total") == 1


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize(("collection", "method"), [("audit", "insert"), ("inbox", "insert")])
async def test_a_telling_that_was_cut_off_is_completed(
    scene: Scene, collection: str, method: str, after_effect: bool
) -> None:
    channel, ann = await scene.channel(vip_ms=600_000), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    scene.store.orders.fail(collection, method, times=3, after_effect=after_effect)
    await scene.settled(event["id"])
    assert await scene.actions(channel) == ["vip.granted"]
    assert len(scene.said(channel)) == 1
    kinds = [entry.kind for entry in await scene.entries(channel)]
    assert kinds.count("activity") == 1


async def test_a_session_that_was_erased_is_not_spoken_of(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    scene.checkpoints.arm("vip.fulfilled")
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    sessions = scene.repositories.sessions._sessions
    assert await sessions.delete(redemption_id)
    await scene.settled(redemption_id)
    assert scene.said(channel) == []
    assert await scene.actions(channel) == ["vip.granted"]


# Given up


async def test_a_redemption_that_is_given_up_is_refunded(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("GET", VIPS_PATH, status=500, times=ATTEMPTS)
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    row = await scene.row(row_id)
    assert (row.state, row.attempts) == (RowState.DEAD, ATTEMPTS)
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "broken")
    assert scene.status(channel, redemption.id) == "CANCELED"
    refund = await scene.row(f"refund:{redemption.id}")
    assert (refund.state, refund.kind, refund.lane) == (RowState.DONE, "redemption.refund", row.lane)
    assert scene.said(channel) == ["@Ann, that did not work. You have your points back."]
    assert scene.counted("inbox_handled_total", kind="redemption.add", result="dead") == 1


async def test_a_grant_whose_answers_were_all_lost_is_taken_back_with_the_refund(scene: Scene) -> None:
    """Twitch made the VIP at the first attempt and could never be asked since."""
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, status=500, after_effect=True)
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    await scene.fault("GET", VIPS_PATH, status=500, times=ATTEMPTS - 1)
    assert scene.holds_vip(channel, ann)
    redemption = await scene.settled(redemption_id)
    assert redemption.status == Status.REFUNDED
    assert not scene.holds_vip(channel, ann)
    assert scene.deeds("vip_removed", by="app") == 1


async def test_it_is_taken_back_even_if_another_notice_brings_the_refund_about(scene: Scene) -> None:
    """The same redemption waits in the lane behind, from the reconciliation: it comes before the refund's own row."""
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, status=500, after_effect=True)
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.quiet()
    await scene.deliver(event, transport="webhook")
    await scene.fault("GET", VIPS_PATH, status=500, times=ATTEMPTS - 1)
    assert (await scene.settled(event["id"])).status == Status.REFUNDED
    assert not scene.holds_vip(channel, ann), "refunded and VIP"
    assert scene.deeds("refunded") == 1


async def test_what_another_redemption_paid_for_is_not_taken_back(scene: Scene) -> None:
    """The first never reached Twitch and is given up; the second, behind it in the lane, is granted before the refund
    of the first comes round."""
    channel, ann = await scene.channel(vip_ms=3_600_000), await scene.viewer()
    scene.checkpoints.arm("vip.intended", times=ATTEMPTS)
    first = await scene.redeem(channel, ann)
    second = await scene.redeem(channel, ann)
    assert (await scene.settled(first)).status == Status.REFUNDED
    granted = await scene.settled(second)
    assert (granted.status, granted.outcome) == (Status.FULFILLED, "granted")
    assert scene.holds_vip(channel, ann), "paid without VIP"
    session = await scene.session(channel, ann)
    assert session is not None
    assert [grant.cause for grant in session.grants] == [second]


async def test_a_session_that_was_made_before_it_was_given_up_is_closed(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=3_600_000), await scene.viewer()
    scene.store.orders.fail("redemptions", "change", times=ATTEMPTS)
    redemption_id = await scene.redeem(channel, ann)
    redemption = await scene.settled(redemption_id)
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "broken")
    assert not scene.holds_vip(channel, ann)
    assert await scene.session(channel, ann) is None
    ended = await scene.repositories.audit.get(f"{redemption_id}:ended")
    assert ended is not None
    assert (ended.actor.kind, ended.cause) == ("system", "redemption")


async def test_time_that_was_added_before_it_was_given_up_is_taken_off(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=3_600_000), await scene.viewer()
    first = await scene.settled(await scene.redeem(channel, ann))
    scene.store.orders.fail("redemptions", "change", times=ATTEMPTS)
    redemption_id = await scene.redeem(channel, ann)
    redemption = await scene.settled(redemption_id)
    session = await scene.session(channel, ann)
    assert session is not None
    assert redemption.status == Status.REFUNDED
    assert [grant.cause for grant in session.grants] == [first.id]
    assert session.expires_at == session.granted_at + 3_600_000
    assert scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == ["vip.granted", "vip.refunded", "vip.shortened"]


async def test_a_badge_by_hand_after_a_refusal_is_not_taken_away(scene: Scene) -> None:
    """Refused for want of a slot, the refund is slow, and the streamer hands out the badge himself."""
    channel, ann = await scene.channel(vip_slots=0), await scene.viewer()
    await scene.fault("PATCH", QUEUE_PATH, status=500, times=ATTEMPTS)
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    redemption = await scene.settled(redemption_id)
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "slots_full")
    assert scene.holds_vip(channel, ann)


async def test_a_vip_whose_points_cannot_be_taken_raises_an_alarm(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=3_600_000), await scene.viewer()
    await scene.fault("PATCH", QUEUE_PATH, status=500, times=ATTEMPTS)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.reason, redemption.outcome) == (Status.ALARMED, "broken", "granted")
    assert scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == ["redemption.alarm"]
    assert scene.counted("redemption_alarms_total", reason="broken") == 1


async def test_a_refund_that_is_given_up_raises_an_alarm(scene: Scene) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    await scene.fault("PATCH", QUEUE_PATH, status=418, message="I am a teapot", times=2)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.reason) == (Status.ALARMED, "broken")
    refund = await scene.row(f"refund:{redemption.id}")
    assert refund.error is not None
    assert (refund.state, refund.error.code) == (RowState.DEAD, "twitch.broken")
    assert scene.counted("redemption_alarms_total", reason="broken") == 1


async def test_what_is_settled_already_is_not_given_up_again(scene: Scene) -> None:
    """Fulfilled, but telling of it never worked: neither refund nor alarm."""
    channel, ann = await scene.channel(vip_ms=3_600_000), await scene.viewer()
    scene.store.orders.fail("audit", "insert", error=broken)
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    assert redemption.status == Status.FULFILLED
    assert (await scene.row(row_id)).state == RowState.DEAD
    await scene.repositories.inbox.redrive(row_id)
    scene.desk.worker.poke((await scene.row(row_id)).lane)
    await scene.finish()
    assert await scene.actions(channel) == ["vip.granted"], "a person sent it round: now it is told"
    assert scene.status(channel, redemption.id) == "FULFILLED"


async def test_a_giving_up_that_fails_is_tried_again(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("GET", VIPS_PATH, status=418, message="teapot")
    scene.store.orders.fail("redemptions", "change", times=3)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert redemption.settled


async def test_a_giving_up_that_crashes_ends_neither_the_worker_nor_the_row(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer("ann")
    await scene.fault("GET", VIPS_PATH, status=418, message="teapot")
    scene.store.orders.fail("redemptions", "change", error=broken)
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    await scene.finish()
    row = await scene.row(row_id)
    assert row.error is not None
    assert (row.state, row.error.code) == (RowState.DEAD, "twitch.broken")
    assert scene.counted("errors_total", where="give_up.redemption.add") == 1
    ben = await scene.viewer("ben")
    assert (await scene.settled(await scene.redeem(channel, ben))).status == Status.FULFILLED


async def test_a_malformed_redemption_is_kept_for_a_person(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    del event["reward"]
    row_id = await scene.deliver(event)
    await scene.finish()
    row = await scene.row(row_id)
    assert row.error is not None
    assert (row.state, row.attempts, row.error.code) == (RowState.DEAD, 1, "event.malformed")
    assert scene.status(channel, event["id"]) == "UNFULFILLED"
    (alarm,) = await scene.trail(channel)
    assert (alarm.action, alarm.reason, alarm.viewer.id) == (Action.ALARM, "broken", ann.id)
    assert alarm.detail == {"row_id": row_id}
    assert scene.counted("redemption_alarms_total", reason="broken") == 1
    await scene.reconcile(channel)  # asks Twitch, which tells it in full
    assert (await scene.settled(event["id"])).status == Status.FULFILLED


async def test_cancelled_meanwhile_needs_no_refund(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("GET", VIPS_PATH, status=500, times=ATTEMPTS)
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.quiet()
    update = await scene.resolve(channel, event["id"], "CANCELED")
    await scene.deliver(update, REDEMPTION_UPDATE)
    redemption = await scene.settled(event["id"])
    assert redemption.status == Status.REFUNDED, "by a moderator; the viewer has the points back once"
    assert scene.deeds("refunded") == 1
