"""The ends of VIP sessions: on time, by hand, by promotion; each once, told once, whatever is cut off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Channel, Viewer
from domain.inbox import RowState
from domain.vip import Method, VipSession, opened
from handlers.vip.endings import expiry_of, lane_of
from tests.support.orders import choose, order
from tests.support.scene import MODERATORS_PATH, VIPS_PATH, Scene


async def a_vip(scene: Scene, vip_ms: int = 60_000) -> tuple[Channel, Viewer, VipSession]:
    channel, ann = await scene.channel(vip_ms=vip_ms), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    session = await scene.session(channel, ann)
    assert session is not None
    return channel, ann, session


def test_the_end_is_part_of_an_expirys_identity(example: VipSession) -> None:
    delivery = expiry_of(example, cause="clock")
    assert delivery.row_id == f"clock:{example.id}:{example.expires_at}"
    assert delivery.lane == lane_of("1", "2") == "vip:1:2"
    assert (delivery.kind, delivery.channel_id) == ("vip.expire", "1")


@pytest.fixture
def example() -> VipSession:
    return opened(
        id="r-1",
        channel_id="1",
        viewer=Viewer("2"),
        cause="r-1",
        added_ms=9,
        now=5,
        method=Method.REDEMPTION,
        granted_by="2",
    )


# On time


async def test_a_vip_ends_on_time_and_everybody_is_told(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene, 60_000)
    await scene.pass_ms(59_000)
    await scene.quiet()
    assert scene.holds_vip(channel, ann)
    over = await scene.ended(session.id)
    assert not scene.holds_vip(channel, ann)
    assert over.ended_because == "expired"
    assert over.ended_at is not None
    assert 0 <= over.ended_at - over.expires_at <= 2000
    record = await scene.repositories.audit.get(f"{session.id}:ended")
    assert record is not None
    assert (record.actor.kind, record.cause, record.reason) == ("system", "clock", "expired")
    assert record.viewer.id == ann.id
    assert record.detail["reward_title"] == "VIP of streamer"
    assert scene.said(channel)[-1] == "@Ann's VIP time is over. Thank you!"
    assert scene.counted("vip_ended_total", because="expired") == 1
    assert scene.counted("vip_removal_delay_seconds_count") == 1
    assert scene.checkpoints.passed[-2:] == ["inbox.inserted", "worker.claimed"], "the chat line comes last"


async def test_an_expiry_that_was_overtaken_by_an_extension_does_nothing(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    await scene.settled(await scene.redeem(channel, ann))
    await scene.desk.intake.accept(expiry_of(session, cause="clock"))
    await scene.finish()
    assert (await scene.row(expiry_of(session, cause="clock").row_id)).result == "extended"
    assert scene.holds_vip(channel, ann)


async def test_an_extension_that_races_with_the_expiry_loses_no_time(scene: Scene) -> None:
    """Both are in the lane at the end: whichever is first, the viewer has what was paid for."""
    channel, ann, session = await a_vip(scene, 60_000)
    event = await scene.pay(channel, ann)
    await asyncio.gather(
        scene.pass_ms(60_000),
        scene.deliver(event),
        scene.desk.intake.accept(expiry_of(session, cause="clock")),
    )
    redemption = await scene.settled(event["id"])
    now = scene.clock.now()
    held = await scene.session(channel, ann)
    assert held is not None
    assert redemption.outcome in ("granted", "extended")
    assert held.expires_at >= session.expires_at + 60_000 - 1
    assert held.expires_at <= now + 120_000
    assert scene.holds_vip(channel, ann)


async def test_an_expiry_of_an_ended_session_ends_nothing_more(scene: Scene) -> None:
    channel, _, session = await a_vip(scene, 1000)
    over = await scene.ended(session.id)
    await scene.desk.intake.accept(expiry_of(over, cause="cron"), again=True)
    await scene.desk.intake.accept(expiry_of(replace(over, expires_at=7), cause="clock"))
    await scene.finish()
    assert scene.deeds("vip_removed") == 1
    assert await scene.actions(channel) == ["vip.ended", "vip.granted"]
    assert len(scene.said(channel)) == 2
    assert scene.counted("vip_ended_total", because="expired") == 1


async def test_an_expiry_of_no_session_is_kept_for_a_person(scene: Scene) -> None:
    _, _, session = await a_vip(scene)
    delivery = expiry_of(replace(session, id="nobody"), cause="clock")
    await scene.desk.intake.accept(delivery)
    await scene.quiet()
    row = await scene.row(delivery.row_id)
    assert row.error is not None
    assert (row.state, row.error.code) == (RowState.DEAD, "vip.no_session")


async def test_who_is_no_vip_any_more_counts_as_done(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene, 5000)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    over = await scene.ended(session.id)
    assert over.ended_because == "expired"
    assert scene.deeds("vip_removed", by="app") == 0


async def test_an_account_that_is_gone_counts_as_done(scene: Scene) -> None:
    _, ann, session = await a_vip(scene, 5000)
    await scene.act("accounts/delete", user_id=ann.id)
    assert (await scene.ended(session.id)).ended_because == "expired"


async def test_a_removal_that_fails_is_tried_again(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene, 5000)
    await scene.fault("DELETE", VIPS_PATH, status=500, times=20)
    await scene.pass_ms(5000)
    over = await scene.ended(session.id)
    assert over.ended_because == "expired"
    assert not scene.holds_vip(channel, ann)
    row = await scene.row(expiry_of(over, cause="clock").row_id)
    assert row.attempts == 21, "for ever: a removal must happen some day"


@pytest.mark.parametrize("how", [{"status": 500}, {"drop": True}, {"html": True, "status": 502}])
async def test_a_removal_whose_answer_is_lost_is_done_once(scene: Scene, how: dict[str, Any]) -> None:
    channel, _, session = await a_vip(scene, 5000)
    await scene.fault("DELETE", VIPS_PATH, after_effect=True, **how)
    await scene.ended(session.id)
    assert scene.deeds("vip_removed") == 1
    assert await scene.actions(channel) == ["vip.ended", "vip.granted"]


@pytest.mark.parametrize("place", ["expiry.claimed", "expiry.removed"])
async def test_an_expiry_that_was_cut_off_is_completed(scene: Scene, place: str) -> None:
    channel, ann, session = await a_vip(scene, 5000)
    scene.checkpoints.arm(place, times=2)
    await scene.ended(session.id)
    assert not scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == ["vip.ended", "vip.granted"]
    assert len(scene.said(channel)) == 2


async def test_removals_keep_twitchs_pace(scene: Scene) -> None:
    channel = await scene.channel(vip_slots=50, vip_ms=30_000)
    viewers = [await scene.viewer(f"viewer{number}") for number in range(12)]
    for viewer in viewers:
        await scene.redeem(channel, viewer)
    await scene.finish()
    for _ in range(80):
        if scene.deeds("vip_removed") == 12:
            break
        await scene.pass_ms(1000)
        await scene.quiet()
    await scene.finish()
    assert scene.sim.world.channels[channel.id].vips == {}
    waits = [row.waits for row in await scene.rows(RowState.DONE) if row.kind == "vip.expire"]
    assert sum(waits) <= 4, "who waits for the pace does not ask again and again"


async def test_a_session_that_a_later_holder_of_its_lane_has_changed_is_left_alone(scene: Scene) -> None:
    """What one writes who was stopped between its last look at the time and its write."""
    channel, ann, session = await a_vip(scene)
    sessions = scene.repositories.sessions
    await sessions.change(session.id, lambda held: replace(held, fence=2**52))
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    row_id = await scene.role("vip.remove", channel, ann)

    async def refused() -> bool:
        return scene.counted("lane_leases_lost_total") >= 1

    await scene.until(refused)
    held = await sessions.get(session.id)
    assert held is not None
    assert (held.status, held.fence) == ("active", 2**52)
    await sessions.change(session.id, lambda held: replace(held, fence=0))
    await scene.finish()
    assert (await scene.row(row_id)).result == "removed_by_hand"


# By hand


async def test_a_vip_removed_by_hand_closes_without_a_refund(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "removed_by_hand"
    over = await scene.repositories.sessions.get(session.id)
    assert over is not None
    assert over.ended_because == "removed_by_hand"
    record = await scene.repositories.audit.get(f"{session.id}:ended")
    assert record is not None
    assert (record.actor.kind, record.actor.id, record.cause) == ("streamer", channel.id, "twitch")
    assert scene.deeds("refunded") == 0
    assert len(scene.said(channel)) == 1, "nothing is said of what the streamer did himself"
    entry = [entry for entry in await scene.entries(channel) if entry.kind == "vip"][-1]
    assert (entry.body["status"], entry.body["ended_because"]) == ("ended", "removed_by_hand")


async def test_our_own_removal_comes_back_as_an_event_and_changes_nothing(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene, 1000)
    await scene.ended(session.id)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "not_ours"


async def test_a_stale_removal_notice_after_a_new_grant_is_ignored(scene: Scene) -> None:
    channel, ann, first = await a_vip(scene, 5000)
    await scene.ended(first.id)
    await scene.settled(await scene.redeem(channel, ann))
    row_id = await scene.role("vip.remove", channel, ann)  # of the first
    await scene.quiet()
    assert (await scene.row(row_id)).result == "still_vip"
    assert await scene.session(channel, ann) is not None


async def test_a_promotion_to_moderator_ends_the_vip(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    removed = await scene.role("vip.remove", channel, ann)
    added = await scene.role("moderator.add", channel, ann)
    await scene.finish()
    assert (await scene.row(removed)).result == "became_moderator"
    assert (await scene.row(added)).result == "not_ours"
    over = await scene.repositories.sessions.get(session.id)
    assert over is not None
    assert over.ended_because == "became_moderator"
    assert scene.counted("vip_ended_total", because="became_moderator") == 1


async def test_a_demotion_of_who_has_nothing_kept_changes_nothing(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    row_id = await scene.role("moderator.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "nothing_kept"
    assert await scene.session(channel, ann) == session


@pytest.mark.parametrize(("collection", "method"), [("vip_sessions", "change"), ("audit", "insert")])
@pytest.mark.parametrize("after_effect", [False, True])
async def test_an_end_by_hand_that_was_cut_off_is_completed_and_told_once(
    scene: Scene, collection: str, method: str, after_effect: bool
) -> None:
    """Cut off between the change of the session and the telling, the retry finds no open session; it still tells."""
    channel, ann, session = await a_vip(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    scene.store.orders.fail(collection, method, times=2, after_effect=after_effect)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "removed_by_hand"
    assert await scene.actions(channel) == ["vip.ended", "vip.granted"]
    shown = [entry.body["status"] for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert shown[-1] == "ended"
    assert [entry.body["action"] for entry in await scene.entries(channel) if entry.kind == "activity"] == [
        "vip.granted",
        "vip.ended",
    ]
    assert (await scene.repositories.sessions.get(session.id)) is not None


async def test_a_look_that_fails_is_taken_again(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.fault("GET", MODERATORS_PATH, status=500, times=3)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "removed_by_hand"


async def test_a_vip_by_hand_is_noticed_and_left_alone(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    row_id = await scene.role("vip.add", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "by_hand"
    (record,) = await scene.trail(channel)
    assert (record.action, record.actor.kind, record.viewer.id) == ("vip.noticed", "streamer", ann.id)
    assert scene.holds_vip(channel, ann)


async def test_our_own_grant_comes_back_as_an_event_and_is_known(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    row_id = await scene.role("vip.add", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "ours"


async def test_a_stale_notice_of_a_vip_by_hand_is_not_noted(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    row_id = await scene.role("vip.add", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "stale"
    assert await scene.trail(channel) == []


# Where the streamer removes VIPs himself


async def test_a_vip_that_is_over_is_left_where_nothing_is_removed(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene, 5000)
    await choose(scene, channel, removes=False)
    await scene.pass_ms(6000)
    await scene.finish()
    left = await scene.session(channel, ann)
    assert left is not None
    assert (left.id, left.expires_at) == (session.id, session.expires_at)
    assert left.left_at >= session.expires_at
    assert scene.holds_vip(channel, ann)
    record = await scene.repositories.audit.get(f"{session.id}:left:{left.left_at}")
    assert record is not None
    assert (record.action, record.reason) == ("vip.left", "expired")
    rows = len(await scene.rows(RowState.DONE))
    for _ in range(5):
        await scene.pass_ms(60_000)
        await scene.quiet()
    assert len(await scene.rows(RowState.DONE)) == rows, "nobody goes on asking"
    await choose(scene, channel, removes=True)
    for _ in range(5):
        await scene.pass_ms(15_000)
        await scene.quiet()
    over = await scene.repositories.sessions.get(session.id)
    assert over is not None
    assert over.ended_because == "expired"
    assert not scene.holds_vip(channel, ann)
    assert scene.counted("vip_removal_delay_seconds_count") == 0, "it was no delay of ours"


async def test_a_vip_that_was_left_can_be_extended_and_revoked(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene, 5000)
    await choose(scene, channel, removes=False)
    await scene.pass_ms(30_000)
    await scene.finish()
    await order(scene, channel, ann, "vip.extend", seconds=20)
    longer = await scene.session(channel, ann)
    assert longer is not None
    assert (longer.id, longer.left_at) == (session.id, 0)
    assert longer.expires_at == scene.clock.now() + 20_000, "counted from now"
    await scene.pass_ms(30_000)
    await scene.finish()
    assert scene.holds_vip(channel, ann), "and left again"
    assert (await order(scene, channel, ann, "vip.revoke"))["result"] == "revoked"
    assert not scene.holds_vip(channel, ann)
    assert (await scene.actions(channel)).count("vip.left") == 2
