"""The oldest VIP of ours makes room; protected ones never do."""

from __future__ import annotations

import json
from dataclasses import replace

from domain import slots as moves
from domain.channel import Channel, Viewer
from domain.inbox import Delivery
from domain.slots import Limits, WhenFull
from domain.viewer import Listed
from handlers.vip.lanes import lane_of
from tests.handlers.vip.slots_story import (
    OLDEST,
    channel_with,
    in_line,
    put_on_list,
    redeemed,
    removed_by_hand,
    slots_of,
    status_of,
    stored,
)
from tests.support.scene import Scene

TWO = replace(OLDEST, cap=2)


async def test_the_one_that_was_granted_first_goes(scene: Scene) -> None:
    channel = await channel_with(scene, TWO)
    ann, paid = await redeemed(scene, channel, "ann")
    await scene.pass_ms(10)
    ben, _ = await redeemed(scene, channel, "ben")
    await scene.pass_ms(10)
    cat, waits = await redeemed(scene, channel, "cat")
    await scene.finish()
    assert (await status_of(scene, waits))[0] == "fulfilled"
    assert [scene.holds_vip(channel, each) for each in (ann, ben, cat)] == [False, True, True]
    session = await scene.repositories.sessions.get(paid)
    assert session is not None
    assert session.ended_because == "made_room"
    assert scene.deeds("vip_added") == 3
    assert scene.deeds("refunded") == 0
    assert (await slots_of(scene, channel)).leaving == ()
    said = [line for line in scene.said(channel) if "Cat" in line]
    assert said == ["@Cat is VIP now, for 1 min. Enjoy!"], "no word of a list that he is not on"


async def test_several_at_once_send_off_as_many(scene: Scene) -> None:
    channel = await channel_with(scene, TWO)
    for login in ("ann", "ben"):
        await redeemed(scene, channel, login)
        await scene.pass_ms(10)
    viewers = [await scene.viewer(login) for login in ("cat", "dan")]
    ids = [await scene.redeem(channel, viewer) for viewer in viewers]
    await scene.finish()
    assert [(await status_of(scene, each))[0] for each in ids] == ["fulfilled"] * 2
    assert all(scene.holds_vip(channel, viewer) for viewer in viewers)
    assert len((await slots_of(scene, channel)).held) == 2
    assert scene.deeds("vip_removed") == 2


async def test_protected_viewers_and_vips_by_hand_stay(scene: Scene) -> None:
    channel = await channel_with(scene, TWO)
    friend = await scene.viewer("friend")
    await scene.act("vips", channel_id=channel.id, user_id=friend.id)
    ann, _ = await redeemed(scene, channel, "ann")
    ben, _ = await redeemed(scene, channel, "ben")
    await put_on_list(scene, channel, ann, Listed.PROTECTED)
    _, first = await redeemed(scene, channel, "cat")
    await scene.finish()
    assert (await status_of(scene, first))[0] == "fulfilled"
    assert not scene.holds_vip(channel, ben)
    await put_on_list(scene, channel, await viewer_of(scene, first), Listed.PROTECTED)
    _, second = await redeemed(scene, channel, "dan")
    await scene.finish()
    assert await status_of(scene, second) == ("refunded", "slots_full")
    assert scene.holds_vip(channel, friend)
    assert scene.holds_vip(channel, ann)


async def viewer_of(scene: Scene, redemption_id: str) -> Viewer:
    return (await stored(scene, redemption_id)).viewer


async def test_who_is_protected_in_the_last_moment_stays_and_another_goes(scene: Scene) -> None:
    channel = await channel_with(scene, TWO)
    ann, _ = await redeemed(scene, channel, "ann")
    await scene.pass_ms(10)
    ben, _ = await redeemed(scene, channel, "ben")
    scene.checkpoints.arm("slots.waiting")
    _, waits = await redeemed(scene, channel, "cat")
    assert (await slots_of(scene, channel)).leaving[0].session_id
    await put_on_list(scene, channel, ann, Listed.PROTECTED)
    await scene.finish()
    assert (await status_of(scene, waits))[0] == "fulfilled"
    assert (scene.holds_vip(channel, ann), scene.holds_vip(channel, ben)) == (True, False)


async def test_where_all_are_protected_in_the_last_moment_the_points_go_back(scene: Scene) -> None:
    channel = await channel_with(scene, OLDEST)
    ann, _ = await redeemed(scene, channel, "ann")
    scene.checkpoints.arm("slots.waiting")
    _, waits = await redeemed(scene, channel, "ben")
    await put_on_list(scene, channel, ann, Listed.PROTECTED)
    await scene.finish()
    assert await status_of(scene, waits) == ("refunded", "slots_full")
    assert scene.holds_vip(channel, ann)
    assert (await slots_of(scene, channel)).leaving == ()


async def test_nobody_goes_when_a_slot_becomes_free_otherwise(scene: Scene) -> None:
    channel = await channel_with(scene, TWO)
    ann, _ = await redeemed(scene, channel, "ann")
    await scene.pass_ms(10)
    ben, _ = await redeemed(scene, channel, "ben")
    scene.checkpoints.arm("slots.waiting")
    _, waits = await redeemed(scene, channel, "cat")
    await scene.act("vips", channel_id=channel.id, user_id=ben.id, remove=True)
    await scene.role("vip.remove", channel, ben)
    await scene.finish()
    assert (await status_of(scene, waits))[0] == "fulfilled"
    assert scene.holds_vip(channel, ann)


async def test_who_ended_before_his_turn_came_or_need_not_go_is_left_alone(scene: Scene) -> None:
    channel = await channel_with(scene, TWO)
    ann, first = await redeemed(scene, channel, "ann")
    ben, second = await redeemed(scene, channel, "ben")
    await removed_by_hand(scene, channel, ann)
    assert await result_of(scene, channel, ann, first) == "gone"
    assert await result_of(scene, channel, ben, second) == "not_needed"
    assert scene.holds_vip(channel, ben)


async def result_of(scene: Scene, channel: Channel, viewer: Viewer, session_id: str) -> str:
    """What comes of an order to make room that is out of date."""
    delivery = Delivery(
        source="slots",
        message_id=f"{session_id}:old",
        kind="vip.make_room",
        lane=lane_of(channel.id, viewer.id),
        channel_id=channel.id,
        raw=json.dumps({"session_id": session_id, "for": "old"}).encode(),
    )
    await scene.desk.intake.accept(delivery)
    await scene.finish()
    return (await scene.row(delivery.row_id)).result


async def test_without_any_vip_of_ours_the_points_go_back(scene: Scene) -> None:
    channel = await channel_with(scene, Limits(when_full=WhenFull.OLDEST_OUT), vip_slots=1)
    friend = await scene.viewer("friend")
    await scene.act("vips", channel_id=channel.id, user_id=friend.id)
    _, paid = await redeemed(scene, channel, "ann")
    await scene.finish()
    assert await status_of(scene, paid) == ("refunded", "slots_full")
    assert scene.holds_vip(channel, friend)


async def test_a_slot_that_the_streamer_takes_himself_costs_one_vip_and_not_all(scene: Scene) -> None:
    """The oldest has gone, and the streamer was faster with the slot: another one does not go as well."""
    channel = await channel_with(scene, Limits(when_full=WhenFull.OLDEST_OUT), vip_slots=2)
    ann, _ = await redeemed(scene, channel, "ann")
    await scene.pass_ms(10)
    ben, _ = await redeemed(scene, channel, "ben")
    await scene.fault("POST", "/channels/vips", times=2, status=409, message="Unable to add VIP. Visit.")
    _, paid = await redeemed(scene, channel, "cat")
    await scene.finish()
    assert await status_of(scene, paid) == ("refunded", "slots_full")
    assert (scene.holds_vip(channel, ann), scene.holds_vip(channel, ben)) == (False, True)


async def test_one_after_the_other_as_long_as_the_scheduler_finds_somebody_uncovered(scene: Scene) -> None:
    channel = await channel_with(scene, OLDEST)
    ann, paid = await redeemed(scene, channel, "ann")
    scene.checkpoints.arm("slots.waiting", times=2)
    _, waits = await redeemed(scene, channel, "ben")
    slots = scene.repositories.slots
    await slots.change(channel.id, lambda held: moves.stays(held, paid))
    await scene.desk.slotting.waiting.look()
    await scene.finish()
    assert (await status_of(scene, waits))[0] == "fulfilled"
    assert not scene.holds_vip(channel, ann)
    assert await in_line(scene, channel) == []
