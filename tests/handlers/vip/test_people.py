"""Viewers whose place changes: moderators and back, banned, renamed, VIP by hand; and the look at all of them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channel import Channel, Viewer
from domain.redemption import RedemptionStatus
from domain.slots import Limits, WhenFull
from domain.vip import Method, VipSession
from handlers.vip.people import OLD_MS
from tests.support.orders import choose, order
from tests.support.scene import Scene


async def a_vip(scene: Scene, vip_ms: int = 60_000) -> tuple[Channel, Viewer, VipSession]:
    channel, ann = await scene.channel(vip_ms=vip_ms), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    session = await scene.session(channel, ann)
    assert session is not None
    return channel, ann, session


async def promote(scene: Scene, channel: Channel, viewer: Viewer) -> None:
    await scene.act("moderators", channel_id=channel.id, user_id=viewer.id)
    await scene.role("vip.remove", channel, viewer)
    await scene.role("moderator.add", channel, viewer)
    await scene.finish()


async def demote(scene: Scene, channel: Channel, viewer: Viewer) -> str:
    await scene.act("moderators", channel_id=channel.id, user_id=viewer.id, remove=True)
    return await scene.role("moderator.remove", channel, viewer)


async def kept_ms(scene: Scene, channel: Channel, viewer: Viewer) -> int:
    record = await scene.repositories.viewers.get(channel.id, viewer.id)
    return 0 if record.kept is None else record.kept.ms


# Moderators


async def test_who_was_moderator_gets_back_what_was_left_to_the_millisecond(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    await scene.pass_ms(20_000)
    await promote(scene, channel, ann)
    over = await scene.repositories.sessions.get(session.id)
    assert over is not None
    assert over.ended_at is not None
    assert over.ended_because == "became_moderator"
    left = session.expires_at - over.ended_at
    assert await kept_ms(scene, channel, ann) == left > 30_000
    await scene.pass_ms(300_000)
    await demote(scene, channel, ann)
    await scene.finish()
    again = await scene.session(channel, ann)
    assert again is not None
    assert scene.holds_vip(channel, ann)
    assert (again.method, again.expires_at - again.granted_at) == (Method.KEPT, left)
    assert again.reward_title == session.reward_title
    assert await kept_ms(scene, channel, ann) == 0
    assert await scene.actions(channel) == ["vip.ended", "vip.granted", "vip.granted"]
    assert (await scene.ended(again.id)).ended_because == "expired"


@pytest.mark.parametrize(
    "order",
    [
        ("vip.remove", "moderator.add", "moderator.remove"),
        ("moderator.add", "vip.remove", "moderator.remove"),
        ("moderator.add", "moderator.remove", "vip.remove"),
    ],
)
async def test_who_was_moderator_for_a_moment_only_keeps_his_time(
    scene: Scene, order: tuple[str, ...]
) -> None:
    """When the notices are looked at, nothing of it is to be seen at Twitch any more: no badge, no sword."""
    channel, ann, session = await a_vip(scene)
    await scene.pass_ms(20_000)
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id, remove=True)
    for kind in order:
        await scene.role(kind, channel, ann)
    await scene.finish()
    over = await scene.repositories.sessions.get(session.id)
    again = await scene.session(channel, ann)
    assert over is not None
    assert over.ended_at is not None
    assert again is not None
    assert again.id != session.id
    assert scene.holds_vip(channel, ann)
    assert again.expires_at - again.granted_at == session.expires_at - over.ended_at
    assert await kept_ms(scene, channel, ann) == 0
    assert (await scene.ended(again.id)).ended_because == "expired"


@pytest.mark.parametrize("place", ["vip.intended", "vip.granted", "vip.counted"])
async def test_a_return_that_is_cut_off_gives_the_time_once(scene: Scene, place: str) -> None:
    channel, ann, _ = await a_vip(scene)
    await promote(scene, channel, ann)
    left = await kept_ms(scene, channel, ann)
    scene.checkpoints.arm(place)
    await demote(scene, channel, ann)
    await demote(scene, channel, ann)  # told twice
    await scene.finish()
    again = await scene.session(channel, ann)
    assert again is not None
    assert again.expires_at - again.granted_at == left
    assert scene.deeds("vip_added", by="app") == 2
    assert await scene.actions(channel) == ["vip.ended", "vip.granted", "vip.granted"]


async def test_who_redeems_before_we_hear_of_his_return_has_both(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    await promote(scene, channel, ann)
    left = await kept_ms(scene, channel, ann)
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.settled(await scene.redeem(channel, ann))
    await scene.role("moderator.remove", channel, ann)
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at - session.granted_at == 60_000 + left
    assert scene.deeds("vip_added", by="app") == 2


async def test_who_redeems_as_a_moderator_of_whom_we_have_not_heard_keeps_his_time(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    assert (await scene.settled(await scene.redeem(channel, ann))).reason == "moderator"
    assert await kept_ms(scene, channel, ann) > 0


async def test_what_twitch_refuses_stays_kept_and_is_tried_again(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    await promote(scene, channel, ann)
    left = await kept_ms(scene, channel, ann)
    await scene.act("slots", channel_id=channel.id, vip_slots=0)
    row_id = await demote(scene, channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "refused"
    assert await kept_ms(scene, channel, ann) == left
    await scene.reconcile(channel)
    await scene.finish()
    assert await scene.session(channel, ann) is None
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.reconcile(channel)
    await scene.finish()
    again = await scene.session(channel, ann)
    assert again is not None
    assert again.expires_at - again.granted_at == left
    refused = [record for record in await scene.trail(channel) if record.action == "vip.refused"]
    assert [record.reason for record in refused] == ["slots_full"], "told once"


async def test_a_return_that_nobody_told_of_is_found(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    await promote(scene, channel, ann)
    await scene.reconcile(channel)
    await scene.finish()
    assert await scene.session(channel, ann) is None, "still moderator"
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.reconcile(channel)
    await scene.finish()
    assert await scene.session(channel, ann) is not None


async def test_a_notice_that_is_old_gives_nothing_back(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    await promote(scene, channel, ann)
    row_id = await scene.role("moderator.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "still_moderator"
    assert await kept_ms(scene, channel, ann) > 0


async def test_time_until_the_end_of_a_stream_that_is_over_is_not_given_back(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await order(scene, channel, ann, "vip.grant", until_stream_end=True)
    await promote(scene, channel, ann)
    await scene.repositories.streams.change(
        channel.id, lambda held: type(held)(id=held.id, over_at=scene.clock.now() + 1)
    )
    row_id = await demote(scene, channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "stream_over"
    assert await kept_ms(scene, channel, ann) == 0
    assert await scene.session(channel, ann) is None


@pytest.mark.parametrize("over", [True, False])
async def test_time_by_the_clock_is_given_back_also_when_the_stream_is_over(scene: Scene, over: bool) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await order(scene, channel, ann, "vip.grant", until_stream_end=True)
    await order(scene, channel, ann, "vip.extend", seconds=300)
    await promote(scene, channel, ann)
    at = scene.clock.now() + 1 if over else 0
    await scene.repositories.streams.change(channel.id, lambda held: type(held)(id=held.id, over_at=at))
    await demote(scene, channel, ann)
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    assert (session.until_stream_end, session.after_stream_ms) == (not over, 0 if over else 300_000)
    assert (session.expires_at - session.granted_at == 300_000) is over
    assert await kept_ms(scene, channel, ann) == 0


# Bans


async def ban(scene: Scene, channel: Channel, viewer: Viewer, **more: Any) -> dict[str, Any]:
    event: dict[str, Any] = await scene.act("ban", channel_id=channel.id, user_id=viewer.id, **more)
    return event


@pytest.mark.parametrize("place", ["", "expiry.removed"])
async def test_who_is_banned_for_good_is_vip_no_more(scene: Scene, place: str) -> None:
    channel, ann, session = await a_vip(scene)
    mo = await scene.viewer("mo")
    event = await ban(scene, channel, ann, by=mo.id)
    if place:
        scene.checkpoints.arm(place)
    await scene.deliver(event, "channel.ban")
    await scene.role("vip.remove", channel, ann)
    over = await scene.ended(session.id)
    assert over.ended_because == "banned"
    record = await scene.repositories.audit.get(f"{session.id}:ended")
    assert record is not None
    assert (record.actor.kind, record.actor.id) == ("moderator", mo.id)
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).last_vip_ended_at == over.ended_at
    row = await scene.row(await scene.deliver({**event}, "channel.unban"))
    await scene.finish()
    assert row.kind == "viewer.unbanned"
    assert await scene.session(channel, ann) is None


async def test_a_badge_that_twitch_leaves_is_taken(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    event = await ban(scene, channel, ann)
    scene.sim.world.channels[channel.id].vips[ann.id] = 1
    await scene.deliver(event, "channel.ban")
    assert (await scene.ended(session.id)).ended_because == "banned"
    assert not scene.holds_vip(channel, ann)


async def test_without_the_notice_a_ban_is_seen_when_the_badge_goes(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    await ban(scene, channel, ann)
    await scene.role("vip.remove", channel, ann)
    assert (await scene.ended(session.id)).ended_because == "banned"


async def test_a_timeout_ends_nothing(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    event = await ban(scene, channel, ann, seconds=600)
    row_id = await scene.deliver(event, "channel.ban")
    await scene.finish()
    assert (await scene.row(row_id)).result == "still_vip"
    assert await scene.session(channel, ann) == session


async def test_a_timeout_with_which_twitch_took_the_badge_ends_the_vip(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene)
    event = await ban(scene, channel, ann, seconds=600)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.deliver(event, "channel.ban")
    assert (await scene.ended(session.id)).ended_because == "banned"


async def test_an_old_notice_of_a_ban_that_was_lifted_ends_nothing(scene: Scene) -> None:
    """The store did not answer for a minute; meanwhile the streamer has thought better of it."""
    channel, ann, session = await a_vip(scene, 3_600_000)
    event = await ban(scene, channel, ann, seconds=1)
    await scene.act("unban", channel_id=channel.id, user_id=ann.id)
    scene.store.orders.fail("slots", "get", times=30, error=lambda: RuntimeError("cut off"))
    row_id = await scene.deliver({**event, "is_permanent": True, "ends_at": None}, "channel.ban")
    await scene.finish()
    row = await scene.row(row_id)
    assert (row.finished_at or 0) - row.received_at > OLD_MS
    assert row.result == "pardoned"
    assert await scene.session(channel, ann) == session


async def test_who_is_banned_while_he_waits_has_his_points_back(scene: Scene) -> None:
    channel, ann, _ = await a_vip(scene)
    await choose(scene, channel, limits=Limits(cap=1, when_full=WhenFull.WAIT))
    ben = await scene.viewer("ben")
    redemption_id = await scene.redeem(channel, ben)
    await scene.quiet()
    event = await ban(scene, channel, ben)
    await scene.deliver(event, "channel.ban")
    settled = await scene.settled(redemption_id)
    assert (settled.status, settled.reason) == (RedemptionStatus.REFUNDED, "blocked")
    assert scene.holds_vip(channel, ann)


# By hand


async def test_a_vip_by_hand_appears_and_goes_at_once(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    since = scene.clock.now()
    await scene.role("vip.add", channel, ann)
    await scene.finish()
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).by_hand_since == since
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.role("vip.remove", channel, ann)
    await scene.finish()
    shown = [entry.body for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert [(body["id"], body["status"], body["method"]) for body in shown] == [
        (f"hand:{ann.id}", "active", "by_hand"),
        (f"hand:{ann.id}", "ended", "by_hand"),
    ]
    assert await scene.actions(channel) == ["vip.gone", "vip.noticed"]


@pytest.mark.parametrize(("collection", "method"), [("viewers", "change"), ("audit", "insert")])
@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_goodbye_that_is_cut_off_is_told_once(
    scene: Scene, collection: str, method: str, after_effect: bool
) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await scene.role("vip.add", channel, ann)
    await scene.finish()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    scene.store.orders.fail(
        collection, method, after_effect=after_effect, error=lambda: RuntimeError("cut off")
    )
    await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert await scene.actions(channel) == ["vip.gone", "vip.noticed"]
    shown = [entry.body["status"] for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert shown == ["active", "ended"]


async def test_the_look_at_all_finds_who_came_and_went_by_hand(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await scene.reconcile(channel)
    await scene.finish()
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).by_hand_since
    assert await scene.actions(channel) == [], "dozens would come at the first look"
    await scene.reconcile(channel)
    await scene.finish()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.reconcile(channel)
    await scene.finish()
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).by_hand_since == 0
    shown = [entry.body["status"] for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert shown == ["active", "ended"]


# Names


async def test_who_is_renamed_keeps_his_vip_under_the_new_name(scene: Scene) -> None:
    channel, ann, session = await a_vip(scene, 20_000)
    ben = await scene.viewer("ben")
    await scene.act("vips", channel_id=channel.id, user_id=ben.id)
    await scene.role("vip.add", channel, ben)
    await scene.finish()
    await scene.act("rename", user_id=ann.id, login="anna", name="Anna")
    await scene.act("rename", user_id=ben.id, login="benno", name="Benno")
    await scene.reconcile(channel)
    await scene.finish()
    renamed = await scene.session(channel, ann)
    assert renamed is not None
    assert (renamed.viewer_login, renamed.viewer_name) == ("anna", "Anna")
    assert (renamed.id, renamed.expires_at) == (session.id, session.expires_at)
    record = await scene.repositories.viewers.get(channel.id, ben.id)
    assert (record.login, record.name) == ("benno", "Benno")
    shown = [entry.body["viewer_name"] for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert set(shown[-2:]) == {"Anna", "Benno"}
    await scene.ended(session.id)
    assert scene.said(channel)[-1].startswith("@Anna's VIP")


@pytest.mark.parametrize("told", ["vip.add", "redemption"])
async def test_a_later_event_tells_the_new_name_too(scene: Scene, told: str) -> None:
    channel, ann, _ = await a_vip(scene)
    await scene.act("rename", user_id=ann.id, login="anna", name="Anna")
    if told == "redemption":
        await scene.redeem(channel, ann)
    else:
        await scene.role(told, channel, Viewer(ann.id, "anna", "Anna"))
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.viewer_name == "Anna"
