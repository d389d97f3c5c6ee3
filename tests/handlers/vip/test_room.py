"""Slots are taken before Twitch is asked and given back whenever a session ends, also across crashes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.slots import Limits
from domain.vip import Ended
from tests.handlers.vip.slots_story import (
    WAIT,
    channel_with,
    in_line,
    redeemed,
    removed_by_hand,
    slots_of,
    status_of,
    stored,
)
from tests.support.scene import REDEMPTION_UPDATE, Scene

CAP_1 = Limits(cap=1)


async def test_a_cap_of_ours_refuses_without_asking_twitch(scene: Scene) -> None:
    channel = await channel_with(scene, CAP_1)
    ann, _ = await redeemed(scene, channel, "ann")
    _, paid = await redeemed(scene, channel, "ben")
    await scene.finish()
    assert await status_of(scene, paid) == ("refunded", "slots_full")
    assert scene.deeds("rejected") == 0
    again = await scene.settled(await scene.redeem(channel, ann))
    assert again.outcome == "extended", "who is VIP needs no second slot"


async def test_vips_by_hand_do_not_count(scene: Scene) -> None:
    channel = await channel_with(scene, CAP_1)
    friend = await scene.viewer("friend")
    await scene.act("vips", channel_id=channel.id, user_id=friend.id)
    await scene.role("vip.add", channel, friend)
    _, paid = await redeemed(scene, channel, "ann")
    assert (await status_of(scene, paid))[0] == "fulfilled"


async def test_of_many_at_once_only_so_many_become_vip_as_there_are_slots(scene: Scene) -> None:
    channel = await channel_with(scene, Limits(cap=3))
    viewers = [await scene.viewer(f"viewer{number}") for number in range(8)]
    ids = [await scene.redeem(channel, viewer) for viewer in viewers]
    await scene.finish()
    outcomes = [await status_of(scene, each) for each in ids]
    assert sorted(outcomes) == [("fulfilled", "")] * 3 + [("refunded", "slots_full")] * 5
    assert sum(scene.holds_vip(channel, viewer) for viewer in viewers) == 3


@pytest.mark.parametrize("refused", ["moderators", "blocked"])
async def test_what_twitch_refuses_takes_no_slot(scene: Scene, refused: str) -> None:
    channel = await channel_with(scene, CAP_1)
    ann = await scene.viewer("ann")
    await scene.act(refused, channel_id=channel.id, user_id=ann.id)
    await scene.settled(await scene.redeem(channel, ann))
    assert (await slots_of(scene, channel)).held == ()


@pytest.mark.parametrize(
    "point", ["slots.reserved", "vip.intended", "vip.granted", "vip.counted", "vip.recorded", "vip.fulfilled"]
)
async def test_cut_off_anywhere_a_viewer_holds_one_slot(scene: Scene, point: str) -> None:
    channel = await channel_with(scene, CAP_1)
    scene.checkpoints.arm(point)
    ann, paid = await redeemed(scene, channel, "ann")
    assert (await scene.settled(paid)).status == "fulfilled"
    assert [hold.viewer_id for hold in (await slots_of(scene, channel)).held] == [ann.id]


@pytest.mark.parametrize("point", ["slots.waiting", "slots.freed", "expiry.removed"])
async def test_cut_off_anywhere_the_next_one_is_let_in(scene: Scene, point: str) -> None:
    channel = await channel_with(scene, vip_ms=5000)
    scene.checkpoints.arm(point)
    _, paid = await redeemed(scene, channel, "ann")
    ben, waits = await redeemed(scene, channel, "ben")
    await scene.finish()
    await scene.ended((await stored(scene, paid)).session_id)
    await scene.pass_ms(31_000)
    await scene.desk.slotting.waiting.look()
    await scene.finish()
    assert point in scene.checkpoints.passed
    assert (await status_of(scene, waits))[0] == "fulfilled"
    assert await in_line(scene, channel) == []
    assert scene.deeds("vip_added", user_id=ben.id) == 1


async def test_every_end_gives_the_slot_back(scene: Scene) -> None:
    channel = await channel_with(scene, WAIT, vip_ms=5000)
    expires, paid = await redeemed(scene, channel, "ann")
    await scene.ended((await stored(scene, paid)).session_id)
    assert (await slots_of(scene, channel)).held == ()
    by_hand, _ = await redeemed(scene, channel, "ben")
    await removed_by_hand(scene, channel, by_hand)
    assert (await slots_of(scene, channel)).held == ()
    scene.checkpoints.arm("vip.recorded")
    _, cancelled = await redeemed(scene, channel, "cat")
    await scene.deliver(await scene.resolve(channel, cancelled, "CANCELED"), REDEMPTION_UPDATE)
    await scene.finish()
    assert (await status_of(scene, cancelled))[0] == "cancelled"
    assert (await slots_of(scene, channel)).held == ()
    records = scene.repositories.viewers
    assert (await records.get(channel.id, expires.id)).last_vip_ended_at > 0
    assert (await records.get(channel.id, by_hand.id)).last_vip_ended_at > 0
    cat = (await stored(scene, cancelled)).viewer_id
    assert (await records.get(channel.id, cat)).last_vip_ended_at == 0, "he has had none of it"


async def test_an_end_that_is_told_twice_frees_no_later_session(scene: Scene) -> None:
    channel = await channel_with(scene, CAP_1)
    ann, paid = await redeemed(scene, channel, "ann")
    await removed_by_hand(scene, channel, ann)
    old = await scene.repositories.sessions.get(paid)
    await scene.settled(await scene.redeem(channel, ann))
    assert old is not None
    assert old.ended_because == Ended.REMOVED_BY_HAND
    await scene.desk.slotting.room.left(old)
    assert [hold.viewer_id for hold in (await slots_of(scene, channel)).held] == [ann.id]


async def test_a_channel_without_a_cap_writes_no_more_than_it_must_and_shows_no_list(scene: Scene) -> None:
    channel = await channel_with(scene, Limits())
    ann, _ = await redeemed(scene, channel, "ann")
    await scene.settled(await scene.redeem(channel, ann))
    assert (await slots_of(scene, channel)).rev == 1
    assert "waiting" not in {entry.kind for entry in await scene.entries(channel)}


async def test_a_session_that_begins_otherwise_holds_a_slot_and_lets_its_viewer_off_the_list(
    scene: Scene,
) -> None:
    channel = await channel_with(scene)
    ann, paid = await redeemed(scene, channel, "ann")
    ben, waits = await redeemed(scene, channel, "ben")
    session = await scene.repositories.sessions.get(paid)
    assert session is not None
    await scene.act("vips", channel_id=channel.id, user_id=ben.id)
    own = replace(session, id="by-order", viewer_id=ben.id, viewer_login="ben", viewer_name="Ben")
    await scene.repositories.sessions.create(own)
    await scene.desk.slotting.room.taken(own)
    await scene.finish()
    assert (await stored(scene, waits)).outcome == "extended"
    assert {hold.viewer_id for hold in (await slots_of(scene, channel)).held} == {ann.id, ben.id}
