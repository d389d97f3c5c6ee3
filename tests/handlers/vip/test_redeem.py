"""Every decision about a redemption and every way in which it can be cut off, against the simulator."""

from __future__ import annotations

import pytest

from domain.channel import Viewer
from domain.inbox import RowState
from domain.redemption import RedemptionStatus as Status
from tests.support.desk import (
    MODERATORS_PATH,
    QUEUE_PATH,
    REDEMPTION_UPDATE,
    VIPS_PATH,
    Scene,
    grant_of,
)

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
    channel = await scene.repositories.channels.put(
        channel, lambda held: held.__class__(
            held.id, held.login, held.name,
            (held.rewards[0].__class__(foreign["id"], "VIP", 5, 60_000),),
        )
    )  # fmt: skip
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


# Settled by others


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


# Cut off and tried again


@pytest.mark.parametrize("place", ["vip.intended", "vip.granted", "vip.recorded", "vip.fulfilled"])
async def test_a_grant_that_was_cut_off_goes_on_as_if_nothing_had_been(scene: Scene, place: str) -> None:
    channel, ann = await scene.channel(vip_ms=600_000), await scene.viewer()
    scene.checkpoints.arm(place, times=2)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "granted")
    session = await scene.session(channel, ann)
    assert session is not None
    assert len(session.grants) == 1
    assert scene.deeds("vip_added") == scene.deeds("fulfilled") == 1
    assert await scene.actions(channel) == ["vip.granted"]
    assert len(scene.said(channel)) == 1
    assert [entry.kind for entry in await scene.entries(channel)].count("activity") == 1


@pytest.mark.parametrize("place", ["vip.recorded", "vip.fulfilled"])
async def test_an_extension_that_was_cut_off_adds_once(scene: Scene, place: str) -> None:
    channel, ann = await scene.channel(vip_ms=600_000), await scene.viewer()
    first = await scene.settled(await scene.redeem(channel, ann))
    scene.checkpoints.arm(place, times=2)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    session = await scene.session(channel, ann)
    assert session is not None
    assert redemption.outcome == "extended"
    assert [grant.cause for grant in session.grants] == [first.id, redemption.id]
    assert session.expires_at == session.granted_at + 2 * 600_000


@pytest.mark.parametrize("place", ["vip.refund_intended", "vip.refunded"])
async def test_a_refund_that_was_cut_off_gives_back_once(scene: Scene, place: str) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    scene.checkpoints.arm(place, times=2)
    redemption_id = await scene.redeem(channel, ann)
    await refunded(scene, channel.id, redemption_id, "not_unlocked")
    assert await scene.actions(channel) == ["vip.refunded"]
    assert len(scene.said(channel)) == 1


async def test_a_refund_is_never_taken_back(scene: Scene) -> None:
    """Decided to refund, cut off, and then a slot is free: the decision stands."""
    channel, ann = await scene.channel(vip_slots=0), await scene.viewer()
    scene.checkpoints.arm("vip.refund_intended")
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await refunded(scene, channel.id, redemption_id, "slots_full")
    assert not scene.holds_vip(channel, ann)


async def test_a_lost_answer_is_read_back(scene: Scene) -> None:
    """Twitch made the VIP, the line broke: what Twitch says now decides."""
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, drop=True, after_effect=True)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "granted")
    assert scene.deeds("vip_added") == 1


async def test_a_time_out_after_the_effect_is_read_back(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, delay_ms=2300, after_effect=True)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "granted")
    assert scene.deeds("vip_added") == 1


@pytest.mark.parametrize("how", [{"status": 500}, {"html": True}])
async def test_an_error_after_the_effect_is_our_own_vip_at_the_next_attempt(
    scene: Scene, how: dict[str, object]
) -> None:
    """Nothing can be read back, so the attempt fails; the next one finds its own VIP and its own intent."""
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, after_effect=True, **how)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "granted")
    assert scene.deeds("vip_added") == 1
    assert scene.counted("inbox_handled_total", kind="redemption.add", result="retry") == 1


async def test_already_vip_after_our_own_intent_is_our_success(scene: Scene) -> None:
    """The look says "no VIP", the grant says "already VIP", and an earlier attempt had recorded its intent."""
    channel, ann = await scene.channel(), await scene.viewer()
    scene.checkpoints.arm("vip.intended")
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    await scene.fault("POST", VIPS_PATH, status=422, message="The user is already a VIP.")
    redemption = await scene.settled(redemption_id)
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "granted")


async def test_an_error_after_the_points_were_taken_takes_them_once(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("PATCH", QUEUE_PATH, status=500, after_effect=True)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert redemption.status == Status.FULFILLED
    assert scene.deeds("fulfilled") == 1


async def test_an_error_after_the_points_were_given_back_is_still_a_refund(scene: Scene) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    await scene.fault("PATCH", QUEUE_PATH, status=500, after_effect=True)
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "not_unlocked")


# An open session that Twitch does not confirm


async def test_a_vip_that_was_removed_by_hand_is_closed_before_the_next_grant(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    first = await scene.settled(await scene.redeem(channel, ann))
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    second = await scene.settled(await scene.redeem(channel, ann))
    assert second.outcome == "granted"
    assert second.session_id != first.session_id
    closed = await scene.repositories.sessions.get(first.session_id)
    assert closed is not None
    assert closed.ended_because == "removed_by_hand"
    assert scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == ["vip.ended", "vip.granted", "vip.granted"]
    assert scene.deeds("refunded") == 0


async def test_a_session_that_was_closed_first_is_told_even_if_that_was_cut_off(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    first = await scene.settled(await scene.redeem(channel, ann))
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    scene.store.orders.fail("audit", "insert")
    second = await scene.settled(await scene.redeem(channel, ann))
    assert second.outcome == "granted"
    assert await scene.repositories.audit.get(f"{first.session_id}:ended") is not None
    shown = {entry.body["id"]: entry.body["status"] for entry in await scene.entries(channel) if entry.state}
    assert shown == {first.session_id: "ended", second.session_id: "active"}


# Limits and logins


async def test_twitchs_own_limit_waits_and_does_not_count(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, status=429, message="too many", times=20)
    redemption_id = await scene.redeem(channel, ann)
    redemption = await scene.settled(redemption_id)
    assert redemption.status == Status.FULFILLED, "20 waits are no attempts: more than the policy would allow"
    (row,) = [row for row in await scene.rows(RowState.DONE) if row.kind == "redemption.add"]
    assert (row.attempts, row.waits) == (1, 20)


async def test_our_own_pace_spreads_ten_grants_per_ten_seconds(scene: Scene) -> None:
    channel = await scene.channel(vip_slots=50, vip_ms=3_600_000)
    viewers = [await scene.viewer(f"viewer{number}") for number in range(13)]
    ids = [await scene.redeem(channel, viewer) for viewer in viewers]
    await scene.quiet()
    assert scene.deeds("vip_added") == 10
    await scene.finish()
    assert scene.deeds("vip_added") == 13
    assert [(await scene.settled(redemption_id)).outcome for redemption_id in ids] == ["granted"] * 13


async def test_a_dead_grant_parks_the_work_and_a_login_goes_on_with_it(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("tokens/revoke", user_id=channel.id)
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    await scene.quiet()
    row = await scene.row(row_id)
    assert (row.state, row.attempts, row.waits, row.waiting_for) == (RowState.OPEN, 0, 1, "login")
    assert await scene.repositories.inbox.oldest_open() is None, "whoever waits for a login is not late"
    assert scene.desk.live.connection(channel.id).state == "needs_login"
    await scene.pass_ms(301_000)
    await scene.quiet()
    row = await scene.row(row_id)
    assert (row.attempts, row.waits) == (0, 2)
    await scene.tokens.put(channel.id, channel.login, grant_of(await scene.act("login", user_id=channel.id)))
    await scene.quiet()
    redemption = await scene.repositories.redemptions.get(event["id"])
    assert redemption is not None
    assert redemption.status == Status.FULFILLED, "at once, not after five minutes"


async def test_expired_tokens_are_refreshed_on_the_way(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("tokens/expire", user_id=channel.id)
    assert (await scene.settled(await scene.redeem(channel, ann))).status == Status.FULFILLED


async def test_the_oracle_agrees(scene: Scene) -> None:
    channel = await scene.channel(vip_slots=2, vip_ms=60_000)
    viewers = [await scene.viewer(f"viewer{number}") for number in range(4)]
    for viewer in [*viewers, *viewers]:
        await scene.redeem(channel, viewer)
    await scene.finish()
    verdict = await scene.verdict(channel, slack_ms=60_000)
    assert verdict["details"] == []
    assert (verdict["redemptions"], verdict["granted"], verdict["extended"], verdict["refunded"]) == (
        8, 2, 2, 4,
    )  # fmt: skip


async def test_moderator_calls_that_fail_are_tried_again(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("GET", MODERATORS_PATH, status=503, times=3)
    await scene.fault("GET", VIPS_PATH, status=500, times=2)
    assert (await scene.settled(await scene.redeem(channel, ann))).status == Status.FULFILLED
