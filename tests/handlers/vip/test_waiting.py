"""The waiting list, against the simulator: first redeemed, first served; nobody waits for ever, nobody loses points."""

from __future__ import annotations

from dataclasses import replace

from domain.channel import ChannelSettings
from domain.redemption import Refusal
from domain.slots import IN_FLIGHT_MS, TWITCH_FULL_MS, Limits, WhenFull
from domain.vip import Ended
from tests.handlers.vip.slots_story import (
    WAIT,
    channel_with,
    chosen,
    in_line,
    look,
    redeemed,
    removed_by_hand,
    slots_of,
    status_of,
    stored,
)
from tests.support.scene import QUEUE_PATH, REDEMPTION_UPDATE, VIPS_PATH, Scene

SHORT = 60_000


async def test_who_finds_no_slot_waits_unfulfilled_and_is_told_his_place(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    ben, first = await redeemed(scene, channel, "ben")
    _, second = await redeemed(scene, channel, "cat")
    assert await in_line(scene, channel) == [first, second]
    assert await status_of(scene, first) == ("waiting", "")
    assert scene.status(channel, first) == "UNFULFILLED"
    assert not scene.holds_vip(channel, ben)
    await scene.finish()
    assert scene.said(channel)[1:] == [
        "@Ben, all VIP slots are taken. You are number 1 on the waiting list.",
        "@Cat, all VIP slots are taken. You are number 2 on the waiting list.",
    ]
    assert await scene.actions(channel) == ["redemption.waiting", "redemption.waiting", "vip.granted"]
    shown = [entry.body for entry in await scene.entries(channel) if entry.kind == "waiting"]
    assert [each["redemption_id"] for each in shown[-1]["entries"]] == [first, second]


async def test_the_next_one_is_let_in_when_a_vip_ends(scene: Scene) -> None:
    channel = await channel_with(scene, vip_ms=20_000)
    ann, paid = await redeemed(scene, channel, "ann")
    ben, first = await redeemed(scene, channel, "ben")
    cat, second = await redeemed(scene, channel, "cat")
    await scene.ended((await stored(scene, paid)).session_id)
    assert (await status_of(scene, first))[0] == "fulfilled"
    assert (scene.holds_vip(channel, ann), scene.holds_vip(channel, ben)) == (False, True)
    assert await in_line(scene, channel) == [second]
    await removed_by_hand(scene, channel, ben)
    assert (await status_of(scene, second))[0] == "fulfilled"
    assert scene.holds_vip(channel, cat)
    assert scene.deeds("rejected") == 0


async def test_who_redeemed_first_is_first_whenever_we_hear_of_it(scene: Scene) -> None:
    channel = await channel_with(scene)
    ann, _ = await redeemed(scene, channel, "ann")
    ben, cat = await scene.viewer("ben"), await scene.viewer("cat")
    earlier = await scene.pay(channel, ben)
    later = await scene.pay(channel, cat)
    later["redeemed_at"] = "2026-11-21T12:00:02Z"
    earlier["redeemed_at"] = "2026-11-21T12:00:01Z"
    await scene.deliver(later)
    await scene.quiet()
    await scene.deliver(earlier)
    await scene.quiet()
    assert await in_line(scene, channel) == [earlier["id"], later["id"]]
    await removed_by_hand(scene, channel, ann)
    assert scene.holds_vip(channel, ben)


async def test_a_redemption_that_is_sent_again_keeps_its_place(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    ben = await scene.viewer("ben")
    event = await scene.pay(channel, ben)
    await scene.deliver(event)
    await scene.quiet()
    _, second = await redeemed(scene, channel, "cat")
    asked = scene.deeds("rejected") + scene.deeds("vip_added")
    await scene.deliver(event, transport="webhook")
    await scene.reconcile(channel)
    await scene.finish()
    assert await in_line(scene, channel) == [event["id"], second]
    assert scene.deeds("rejected") + scene.deeds("vip_added") == asked
    # Lost from the list, say by a restored backup, it gets back.
    await scene.repositories.slots.forget(channel.id)
    await scene.reconcile(channel)
    await scene.finish()
    assert await in_line(scene, channel) == [event["id"], second]
    assert len((await slots_of(scene, channel)).held) == 1
    assert scene.counted("inbox_conflicts_total", source="chat") == 0


async def test_who_gets_back_on_the_list_at_another_place_was_told_already(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    _, first = await redeemed(scene, channel, "ben")
    event = await scene.pay(channel, await scene.viewer("cat"))
    await scene.deliver(event)
    await scene.finish()
    await scene.repositories.slots.forget(channel.id)
    await scene.desk.slotting.waiting.mend(channel, run="1")
    await scene.deliver(event, transport="webhook")
    await scene.finish()
    assert await in_line(scene, channel) == [event["id"]], (
        "he is the first now, and was told that he is the second"
    )
    await scene.reconcile(channel)
    await scene.finish()
    assert await in_line(scene, channel) == [first, event["id"]]
    assert scene.said(channel)[-1] == "@Cat, all VIP slots are taken. You are number 2 on the waiting list."
    assert len(scene.said(channel)) == 3
    assert scene.counted("inbox_conflicts_total", source="chat") == 0


async def test_after_a_409_the_slots_of_twitch_count(scene: Scene) -> None:
    channel = await channel_with(scene, Limits(when_full=WhenFull.WAIT), vip_slots=1)
    ann, _ = await redeemed(scene, channel, "ann")
    _, first = await redeemed(scene, channel, "ben")
    await redeemed(scene, channel, "cat")
    assert scene.deeds("rejected") == 1, "after the first, nobody asks in vain"
    assert (await slots_of(scene, channel)).full_since > 0
    await removed_by_hand(scene, channel, ann)
    assert (await status_of(scene, first))[0] == "fulfilled"
    # The next in line has asked meanwhile, and heard that there is no slot.
    assert len(await in_line(scene, channel)) == 1


async def test_after_some_minutes_one_asks_again(scene: Scene) -> None:
    channel = await channel_with(scene, Limits(when_full=WhenFull.WAIT), vip_slots=0)
    _, first = await redeemed(scene, channel, "ann")
    _, second = await redeemed(scene, channel, "ben")
    await scene.pass_ms(TWITCH_FULL_MS)
    await look(scene)
    assert scene.deeds("rejected") == 2
    assert await in_line(scene, channel) == [first, second], "in the same order as before"
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.pass_ms(TWITCH_FULL_MS)
    await look(scene)
    assert (await status_of(scene, first))[0] == (await status_of(scene, second))[0] == "fulfilled"


async def test_a_vip_by_hand_that_goes_frees_a_slot(scene: Scene) -> None:
    channel = await channel_with(scene, Limits(when_full=WhenFull.WAIT), vip_slots=1)
    friend = await scene.viewer("friend")
    await scene.act("vips", channel_id=channel.id, user_id=friend.id)
    ann, paid = await redeemed(scene, channel, "ann")
    assert await in_line(scene, channel) == [paid]
    await removed_by_hand(scene, channel, friend)
    assert (await status_of(scene, paid))[0] == "fulfilled"
    assert scene.holds_vip(channel, ann)


async def test_after_the_longest_wait_the_points_go_back(scene: Scene) -> None:
    channel = await channel_with(scene, replace(WAIT, longest_wait_ms=SHORT), vip_ms=10 * SHORT)
    await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    await scene.pass_ms(SHORT - 1)
    await look(scene)
    assert (await status_of(scene, waits))[0] == "waiting"
    await scene.pass_ms(1)
    await look(scene)
    await look(scene)
    assert await status_of(scene, waits) == ("refunded", "waited")
    assert scene.status(channel, waits) == "CANCELED"
    assert await in_line(scene, channel) == []
    assert scene.said(channel)[-1] == "@Ben, no VIP slot became free in time. You have your points back."
    assert scene.deeds("refunded", redemption_id=waits) == 1


async def test_the_end_of_the_stream_lets_all_go(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    ids = [(await redeemed(scene, channel, login))[1] for login in ("ben", "cat")]
    assert await scene.desk.slotting.waiting.let_all_go(channel.id, Refusal.STREAM_OVER) == 2
    await scene.finish()
    assert [await status_of(scene, each) for each in ids] == [("refunded", "stream_over")] * 2
    assert await in_line(scene, channel) == []


async def test_a_moderator_cancels_what_waits_and_it_leaves_the_list(scene: Scene) -> None:
    channel = await channel_with(scene)
    ann, _ = await redeemed(scene, channel, "ann")
    ben, waits = await redeemed(scene, channel, "ben")
    await scene.deliver(await scene.resolve(channel, waits, "CANCELED"), REDEMPTION_UPDATE)
    await scene.finish()
    assert (await status_of(scene, waits))[0] == "cancelled"
    assert await in_line(scene, channel) == []
    await removed_by_hand(scene, channel, ann)
    assert not scene.holds_vip(channel, ben)


async def test_in_a_paused_channel_all_have_their_points_back(scene: Scene) -> None:
    channel = await channel_with(scene)
    ann, _ = await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    await chosen(scene, channel, channel.settings, paused=True)
    await removed_by_hand(scene, channel, ann)
    assert (await status_of(scene, waits))[0] == "waiting", "nobody is let in"
    await look(scene)
    assert await status_of(scene, waits) == ("refunded", "paused")


async def test_more_slots_let_more_in_without_anything_else_happening(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    ids = [(await redeemed(scene, channel, login))[1] for login in ("ben", "cat", "dan")]
    await chosen(scene, channel, ChannelSettings(limits=replace(WAIT, cap=3)))
    await look(scene)
    assert [(await status_of(scene, each))[0] for each in ids] == ["fulfilled", "fulfilled", "waiting"]


async def test_who_is_let_in_is_judged_again(scene: Scene) -> None:
    channel = await channel_with(scene)
    ann, _ = await redeemed(scene, channel, "ann")
    ben, waits = await redeemed(scene, channel, "ben")
    cat, second = await redeemed(scene, channel, "cat")
    await scene.act("moderators", channel_id=channel.id, user_id=ben.id)
    await removed_by_hand(scene, channel, ann)
    assert await status_of(scene, waits) == ("refunded", "moderator")
    assert (await status_of(scene, second))[0] == "fulfilled", "his slot went to the next"
    assert scene.holds_vip(channel, cat)


async def test_a_second_redemption_of_who_waits_extends_when_he_is_let_in(scene: Scene) -> None:
    channel = await channel_with(scene, vip_ms=60_000)
    ann, _ = await redeemed(scene, channel, "ann")
    ben, first = await redeemed(scene, channel, "ben")
    _, second = await redeemed(scene, channel, "cat")
    third = await scene.redeem(channel, ben)
    await scene.quiet()
    assert await in_line(scene, channel) == [first, second, third]
    await removed_by_hand(scene, channel, ann)
    assert (await stored(scene, third)).outcome == "extended"
    session = await scene.session(channel, ben)
    assert session is not None
    assert session.expires_at == session.granted_at + 120_000
    assert await in_line(scene, channel) == [second]


async def test_who_was_let_in_and_stays_away_holds_up_the_others_for_a_moment_only(scene: Scene) -> None:
    channel = await channel_with(scene, Limits(when_full=WhenFull.WAIT), vip_slots=0)
    ann, first = await redeemed(scene, channel, "ann")
    ben, second = await redeemed(scene, channel, "ben")
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.fault("POST", VIPS_PATH, times=2, status=500, query={"user_id": ann.id})
    await scene.fault("GET", VIPS_PATH, times=60, status=500, query={"user_id": ann.id})
    await scene.pass_ms(TWITCH_FULL_MS)
    await scene.desk.slotting.waiting.look()
    await scene.quiet()
    assert (await slots_of(scene, channel)).hold_of(ann.id) is not None
    assert await in_line(scene, channel) == [second]
    await scene.pass_ms(IN_FLIGHT_MS)
    await scene.desk.slotting.waiting.look()
    await scene.quiet()
    assert scene.holds_vip(channel, ben)
    await scene.heal()
    await scene.finish()
    assert (await status_of(scene, first))[0] == "fulfilled"


async def test_reconciliation_gives_back_what_a_crash_left(scene: Scene) -> None:
    channel = await channel_with(scene, replace(WAIT, cap=5))
    ann, paid = await redeemed(scene, channel, "ann")
    slots = scene.repositories.slots
    room, waiting = scene.desk.slotting.room, scene.desk.slotting.waiting
    assert await room.reserve(channel, viewer_id="404", session_id="nobody")
    assert await room.reserve(channel, viewer_id="405", session_id=paid)
    await slots.change(channel.id, lambda held: replace(held, held=held.held[1:]))
    assert await waiting.mend(channel, run="1") == 2
    assert {hold.viewer_id for hold in (await slots.get(channel.id)).held} == {ann.id, "404"}
    await scene.pass_ms(5 * 60_000)
    await scene.reconcile(channel)
    await scene.finish()
    held = (await slots.get(channel.id)).held
    assert held == ()
    session = await scene.repositories.sessions.get(paid)
    assert session is not None
    assert session.ended_because == Ended.EXPIRED


async def test_reconciliation_hears_of_what_was_cancelled_while_nobody_listened(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    await scene.resolve(channel, waits, "CANCELED")
    await scene.reconcile(channel)
    await scene.finish()
    assert (await status_of(scene, waits))[0] == "cancelled"
    assert await in_line(scene, channel) == []


async def test_a_badge_by_hand_that_comes_after_a_409_is_not_taken_for_ours(scene: Scene) -> None:
    """Cut off when Twitch had said no; before the next attempt the streamer makes the viewer VIP."""
    channel = await channel_with(scene, Limits(when_full=WhenFull.WAIT), vip_slots=0)
    scene.checkpoints.arm("slots.waiting")
    ann, paid = await redeemed(scene, channel, "ann")
    assert await status_of(scene, paid) == ("received", "")
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await scene.finish()
    assert await status_of(scene, paid) == ("refunded", "vip_by_hand")
    assert scene.holds_vip(channel, ann)
    assert await in_line(scene, channel) == []


async def test_a_refund_that_takes_long_is_made_once(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    await scene.fault("PATCH", QUEUE_PATH, times=3, status=500)
    await scene.desk.slotting.waiting.let_go(await stored(scene, waits), Refusal.LEFT)
    await scene.finish()
    assert await status_of(scene, waits) == ("refunded", "left")
    assert scene.deeds("refunded", redemption_id=waits) == 1
