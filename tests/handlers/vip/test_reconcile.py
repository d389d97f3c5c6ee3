"""After a gap: what was missed is found, and nothing is done twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from daemon.clock import SystemClock
from domain.channel import Reward
from domain.inbox import Delivery, RowState
from domain.redemption import RedemptionStatus as Status
from handlers.vip.reconcile import reconciliation_of
from tests.handlers.vip.slots_story import channel_with, redeemed, status_of
from tests.support.scene import QUEUE_PATH, Scene
from tests.support.story import StoryClock


async def test_one_gap_makes_one_row() -> None:
    assert reconciliation_of("1", run="boot.1").row_id == "gap:1:boot.1"
    assert reconciliation_of("1", run="boot.1").lane == "channel:1"


async def test_missed_redemptions_are_found(scene: Scene) -> None:
    channel = await scene.channel()
    ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
    first = await scene.pay(channel, ann, user_input="hi")
    second = await scene.pay(channel, ben)
    third = await scene.pay(channel, ann)
    row_id = await scene.reconcile(channel)
    await scene.finish()
    assert (await scene.row(row_id)).result == "3 redemptions, 0 sessions"
    assert (await scene.settled(first["id"])).outcome == "granted"
    assert (await scene.settled(second["id"])).outcome == "granted"
    assert (await scene.settled(third["id"])).outcome == "extended"
    found = await scene.repositories.redemptions.get(first["id"])
    assert found is not None
    assert (found.viewer, found.user_input, found.reward_cost) == (ann, "hi", 500)
    assert scene.counted("reconciled_total", what="redemption") == 3


async def test_a_second_pass_finds_nothing_more(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.pay(channel, ann)
    await scene.reconcile(channel)
    await scene.finish()
    row_id = await scene.reconcile(channel)
    await scene.finish()
    assert (await scene.row(row_id)).result == "0 redemptions, 0 sessions"
    assert scene.deeds("vip_added") == scene.deeds("fulfilled") == 1


async def test_many_pages_of_missed_redemptions(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    events = [await scene.pay(channel, ann) for _ in range(55)]
    await scene.reconcile(channel)
    await scene.finish()
    session = await scene.session(channel, ann)
    assert session is not None
    assert [grant.cause for grant in session.grants] == [event["id"] for event in events], "oldest first"


async def test_vips_that_were_lost_meanwhile_are_closed(scene: Scene) -> None:
    channel = await scene.channel()
    ann, ben, cem = [await scene.viewer(login) for login in ("ann", "ben", "cem")]
    for viewer in (ann, ben, cem):
        await scene.settled(await scene.redeem(channel, viewer))
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.act("moderators", channel_id=channel.id, user_id=ben.id)
    row_id = await scene.reconcile(channel)
    await scene.finish()
    assert (await scene.row(row_id)).result == "0 redemptions, 2 sessions"
    assert await scene.session(channel, ann) is None
    assert await scene.session(channel, ben) is None
    assert await scene.session(channel, cem) is not None
    reasons = {record.viewer.login: record.reason for record in await scene.trail(channel) if record.reason}
    assert reasons == {"ann": "removed_by_hand", "ben": "became_moderator"}
    assert scene.counted("reconciled_total", what="vip") == 2
    assert scene.deeds("refunded") == 0


@pytest.mark.parametrize("place", ["reconcile.listed", "reconcile.queued"])
async def test_a_pass_that_was_cut_off_goes_on(scene: Scene, place: str) -> None:
    channel = await scene.channel()
    viewers = [await scene.viewer(f"viewer{number}") for number in range(3)]
    events = [await scene.pay(channel, viewer) for viewer in viewers]
    scene.checkpoints.arm(place, times=2)
    await scene.reconcile(channel)
    for event in events:
        assert (await scene.settled(event["id"])).status == Status.FULFILLED
    assert scene.deeds("vip_added") == 3


async def test_a_pass_that_meets_a_bad_moment_tries_again(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.fault("GET", QUEUE_PATH, status=502, html=True, times=3)
    await scene.reconcile(channel)
    assert (await scene.settled(event["id"])).status == Status.FULFILLED


async def test_gaps_that_pile_up_are_looked_for_once(scene: Scene) -> None:
    """Each pass asks Twitch once for every reward: fifty of them in a row would use a minute's allowance up."""
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.fault("GET", QUEUE_PATH, status=503, times=20)
    first = await scene.reconcile(channel)
    await scene.quiet()  # it meets a bad moment, and the others come while it waits
    second, third = await scene.reconcile(channel), await scene.reconcile(channel)
    assert (await scene.settled(event["id"])).status == Status.FULFILLED
    assert (await scene.row(first)).result == "1 redemptions, 0 sessions"
    assert (await scene.row(second)).result == (await scene.row(third)).result == "found by a later pass"
    later = await scene.pay(channel, ann)
    fourth = await scene.reconcile(channel)
    assert (await scene.settled(later["id"])).outcome == "extended"
    assert (await scene.row(fourth)).result == "1 redemptions, 0 sessions", "what came after it is looked for"


async def test_a_clock_that_was_set_back_hides_no_gap(scene: Scene) -> None:
    channel, ann = await scene.channel(vip_ms=7_200_000), await scene.viewer()
    await scene.reconcile(channel)
    await scene.finish()
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    clock.step_wall(-3_600_000)
    event = await scene.pay(channel, ann)
    await scene.reconcile(channel)
    assert (await scene.settled(event["id"])).status == Status.FULFILLED


async def test_who_redeemed_first_comes_first_whichever_reward_it_was(scene: Scene) -> None:
    """The rewards are looked through one after the other; a slot is for who was first in all of them."""
    channel = await channel_with(scene)
    body = {"title": "Another", "cost": 100, "should_redemptions_skip_request_queue": False}
    other = Reward((await scene.helix.create_reward(channel.id, body)).id, "Another", 100, 60_000)
    channel = await scene.repositories.channels.put(
        channel, lambda held: replace(held, rewards=(*held.rewards, other))
    )
    viewers = [await scene.viewer(login) for login in ("ann", "ben", "cem", "dora")]
    events = []
    for number, viewer in enumerate(viewers):
        reward = channel.rewards[(number + 1) % 2]
        events.append(await scene.pay(channel, viewer, reward_id=reward.id))
        paid = SystemClock().now()
        while SystemClock().now() == paid:  # the simulator's times are real, in whole milliseconds
            await asyncio.sleep(0)
        await scene.pass_ms(1000)
    await scene.reconcile(channel)
    await scene.finish()
    queued = [row for row in await scene.rows(RowState.DONE) if row.kind == "redemption.add"]
    order = [row.message_id.rsplit(":", 1)[1] for row in sorted(queued, key=lambda row: row.order)]
    assert order == [event["id"] for event in events]


async def test_who_is_on_the_waiting_list_is_not_queued_again_with_each_look(scene: Scene) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    rows = len(await scene.rows(RowState.DONE))
    for _ in range(3):
        await scene.reconcile(channel)
        await scene.finish()
        await scene.pass_ms(1)
    assert len(await scene.rows(RowState.DONE)) == rows + 3, "three looks and nothing else"
    assert (await status_of(scene, waits))[0] == "waiting"


async def test_a_redemption_that_waits_for_its_refund_is_carried_on(scene: Scene) -> None:
    channel, ann = await scene.channel(unlocked=False), await scene.viewer()
    scene.checkpoints.arm("vip.refund_intended")
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.quiet()
    row_id = await scene.reconcile(channel)
    redemption = await scene.settled(event["id"])
    assert (await scene.row(row_id)).result == "1 redemptions, 0 sessions"
    assert redemption.status == Status.REFUNDED
    assert scene.deeds("refunded") == 1


async def test_a_reward_that_is_gone_has_nothing_to_find(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.act("rewards", channel_id=channel.id, reward_id=channel.rewards[0].id, remove=True)
    row_id = await scene.reconcile(channel)
    await scene.finish()
    assert (await scene.row(row_id)).result == "0 redemptions, 0 sessions"


async def test_a_channel_that_was_removed_is_left_alone(scene: Scene) -> None:
    await scene.desk.intake.accept(reconciliation_of("404", run="x"))
    await scene.finish()
    assert (await scene.row("gap:404:x")).result == "not_ours"


async def test_a_row_without_a_channel_is_kept_for_a_person(scene: Scene) -> None:
    await scene.desk.intake.accept(
        Delivery(source="gap", message_id="x", kind="channel.reconcile", lane="channel:1", raw=b"{}")
    )
    await scene.finish()
    assert (await scene.row("gap:x")).state == RowState.DEAD
