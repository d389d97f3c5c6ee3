"""Every decision about a redemption and every way in which it can be cut off, against the simulator."""

from __future__ import annotations

from dataclasses import replace

from domain.channel import Reward, Viewer
from domain.inbox import RowState
from domain.redemption import RedemptionStatus as Status
from tests.support.scene import VIPS_PATH, Scene

# Decisions


async def test_the_first_redemption_is_granted_fulfilled_and_told(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=90_000), await scene.viewer()
    redemption = await scene.settled(await scene.redeem(channel, ann, user_input="please"))
    assert (redemption.status, redemption.outcome, redemption.reason) == (Status.FULFILLED, "granted", "")
    assert redemption.user_input == "please"
    assert scene.holds_vip(channel, ann)
    assert scene.status(channel, redemption.id) == "FULFILLED"
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.id == redemption.session_id
    assert session.expires_at == session.granted_at + 90_000
    assert (session.method, session.granted_by) == ("redemption", ann.id)
    assert scene.said(channel) == ["@Ann is VIP now, for 1 min 30 s. Enjoy!"]
    assert scene.counted("vip_granted_total") == 1
    assert [name for name in scene.checkpoints.passed if name.startswith("vip.")] == [
        "vip.intended",
        "vip.granted",
        "vip.counted",
        "vip.recorded",
        "vip.fulfilled",
    ]


async def test_another_redemption_adds_its_time(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    first = await scene.session(channel, ann)
    await scene.pass_ms(10_000)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    session = await scene.session(channel, ann)
    assert first is not None
    assert session is not None
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "extended")
    assert redemption.session_id == first.id == session.id
    assert session.expires_at == first.expires_at + 60_000
    assert scene.deeds("vip_added", user_id=ann.id) == 1
    assert scene.said(channel)[-1] == "@Ann stays VIP: 1 min more, 1 min 50 s in all."


async def test_many_redemptions_of_one_viewer_at_once_are_one_session(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=60_000), await scene.viewer()
    ids = [await scene.redeem(channel, ann) for _ in range(6)]
    outcomes = [(await scene.settled(redemption_id)).outcome for redemption_id in ids]
    assert outcomes == ["granted"] + ["extended"] * 5
    session = await scene.session(channel, ann)
    assert session is not None
    assert [grant.cause for grant in session.grants] == ids, "a lane keeps its order"
    assert session.expires_at == session.granted_at + 6 * 60_000
    assert scene.deeds("vip_added") == 1
    assert scene.deeds("fulfilled") == 6


async def test_no_free_slot_gives_the_points_back(scene: Scene) -> None:
    channel = await scene.channel(vip_slots=1)
    ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
    await scene.settled(await scene.redeem(channel, ann))
    await refunded(scene, channel.id, await scene.redeem(channel, ben), "slots_full")
    assert not scene.holds_vip(channel, ben)
    assert scene.said(channel)[-1] == "@Ben, all VIP slots are taken. You have your points back."
    assert await scene.session(channel, ben) is None


async def test_moderators_get_their_points_back(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "moderator")
    assert scene.deeds("rejected") == 0, "known without asking for the VIP"


async def test_who_becomes_a_moderator_right_then_gets_the_points_back(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, status=422, message=f"The user {ann.id} is a moderator.")
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "moderator")


async def test_who_is_made_vip_by_hand_right_then_gets_the_points_back(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, status=422, message="The user is already a VIP.")
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "vip_by_hand")


async def test_blocked_viewers_get_their_points_back(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("blocked", channel_id=channel.id, user_id=ann.id)
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "blocked")


async def test_a_channel_without_vips_yet_gives_the_points_back(scene: Scene) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "not_unlocked")


async def test_vips_by_hand_keep_their_badge_and_get_their_points_back(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "vip_by_hand")
    assert scene.holds_vip(channel, ann)


async def test_the_broadcaster_gets_his_points_back(scene: Scene) -> None:
    channel = await scene.channel()
    await refunded(
        scene, channel.id, await scene.redeem(channel, Viewer(channel.id, channel.login, "S")), "broadcaster"
    )


async def test_a_deleted_account_is_refunded(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.act("accounts/delete", user_id=ann.id)
    await scene.deliver(event)
    await refunded(scene, channel.id, event["id"], "viewer_gone")


async def refunded(scene: Scene, channel_id: str, redemption_id: str, reason: str) -> None:
    redemption = await scene.settled(redemption_id)
    channel = await scene.repositories.channels.get(channel_id)
    assert channel is not None
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, reason)
    assert scene.status(channel, redemption_id) == "CANCELED"
    assert scene.deeds("refunded", redemption_id=redemption_id, by="app") == 1
    record = await scene.repositories.audit.get(f"{redemption_id}:refunded")
    assert record is not None
    assert (record.action, record.actor.kind, record.reason) == ("vip.refunded", "system", reason)
    assert scene.counted("vip_refunded_total", reason=reason) == 1


async def test_other_rewards_are_left_alone(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    reward = await scene.act("rewards", channel_id=channel.id, title="Hydrate", cost=50)
    event = await scene.pay(channel, ann, reward_id=reward["id"])
    row_id = await scene.deliver(event)
    await scene.finish()
    assert (await scene.row(row_id)).result == "not_ours"
    assert await scene.repositories.redemptions.get(event["id"]) is None
    assert scene.status(channel, event["id"]) == "UNFULFILLED"


async def test_other_channels_are_left_alone(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event | {"broadcaster_user_id": "404"})
    await scene.finish()
    assert (await scene.row(row_id)).result == "not_ours"


async def test_a_reward_of_another_application_raises_an_alarm(scene: Scene) -> None:
    """Twitch lets only its maker settle a redemption: the VIP is given, a person has to see to the points."""
    row = await scene.act("channels", login="temp", name="T")
    foreign = await scene.act("rewards", channel_id=row["id"], title="VIP", cost=5)
    channel, ann = await scene.channel("other"), await scene.viewer()
    stage = scene.sim.world.channels
    stage[channel.id].rewards[foreign["id"]] = stage[row["id"]].rewards[foreign["id"]]
    rewards = (Reward(foreign["id"], "VIP", 5, 60_000),)
    channel = await scene.repositories.channels.put(channel, lambda held: replace(held, rewards=rewards))
    granted = await scene.settled(await scene.redeem(channel, ann))
    assert (granted.status, granted.reason, granted.outcome) == (Status.ALARMED, "foreign_reward", "granted")
    await scene.act("moderators", channel_id=channel.id, user_id=(ben := await scene.viewer("ben")).id)
    refused = await scene.settled(await scene.redeem(channel, ben))
    assert (refused.status, refused.reason) == (Status.ALARMED, "foreign_reward")
    assert scene.counted("redemption_alarms_total", reason="foreign_reward") == 2


# The same redemption more than once


async def test_socket_webhook_and_reconciliation_together_make_one_grant(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.deliver(event, transport="websocket")
    await scene.deliver(event, transport="webhook")
    await scene.reconcile(channel)
    await scene.reconcile(channel)
    redemption = await scene.settled(event["id"])
    assert redemption.status == Status.FULFILLED
    session = await scene.session(channel, ann)
    assert session is not None
    assert len(session.grants) == 1
    assert scene.deeds("vip_added") == scene.deeds("fulfilled") == 1
    assert await scene.actions(channel) == ["vip.granted"]
    assert len(scene.said(channel)) == 1
    assert len(await scene.rows(RowState.DONE)) >= 5


async def test_a_redemption_that_is_sent_again_after_its_vip_ended_changes_nothing(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=1000), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    redemption = await scene.settled(event["id"])
    await scene.ended(redemption.session_id)
    await scene.deliver(event, transport="webhook")
    await scene.finish()
    assert not scene.holds_vip(channel, ann)
    assert scene.deeds("vip_added") == 1
    assert await scene.actions(channel) == ["vip.ended", "vip.granted"]
