"""Redemptions that were cut off, met a limit or a dead grant: they go on, and nothing is done twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.inbox import RowState
from domain.redemption import RedemptionStatus as Status
from tests.handlers.vip.test_redeem import refunded
from tests.support.desk import open_scene
from tests.support.scene import MODERATORS_PATH, QUEUE_PATH, VIPS_PATH, Scene, grant_of

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


async def test_a_time_out_after_the_effect_is_read_back(tmp_path: Path) -> None:
    async with open_scene(tmp_path, call_seconds=2.0) as scene:
        channel, ann = await scene.channel(), await scene.viewer()
        await scene.fault("POST", VIPS_PATH, delay_ms=2300, after_effect=True)
        redemption = await scene.settled(await scene.redeem(channel, ann))
        assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "granted")
        assert scene.deeds("vip_added") == 1


@pytest.mark.parametrize("how", [{"status": 500}, {"html": True}])
async def test_an_error_after_the_effect_is_our_own_vip_at_the_next_attempt(
    scene: Scene, how: dict[str, Any]
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
