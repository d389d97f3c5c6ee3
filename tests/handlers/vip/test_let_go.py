"""Who waited in vain: refunded once, whatever else happens to him."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.rules import Refusal
from tests.handlers.vip.slots_story import (
    channel_with,
    in_line,
    redeemed,
    removed_by_hand,
    slots_of,
    status_of,
    stored,
)
from tests.support.scene import VIPS_PATH, Scene


@pytest.mark.parametrize("point", ["vip.refund_intended", "vip.refunded"])
async def test_cut_off_in_the_middle_it_is_one_refund(scene: Scene, point: str) -> None:
    channel = await channel_with(scene)
    await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    scene.checkpoints.arm(point)
    row_id = await scene.desk.slotting.waiting.let_go(await stored(scene, waits), Refusal.LEFT)
    await scene.finish()
    assert await status_of(scene, waits) == ("refunded", "left")
    assert scene.deeds("refunded", redemption_id=waits) == 1
    assert scene.said(channel)[-1] == "@Ben, you are off the waiting list. You have your points back."
    row = await scene.row(row_id)
    assert (row.result, row.steps["outcome"]) == ("refunded", {"result": "refunded"})


async def test_it_is_too_late_for_who_was_let_in(scene: Scene) -> None:
    channel = await channel_with(scene)
    ann, _ = await redeemed(scene, channel, "ann")
    ben, waits = await redeemed(scene, channel, "ben")
    redemption = await stored(scene, waits)
    await scene.fault("POST", VIPS_PATH, status=500, times=2)
    await scene.fault("GET", VIPS_PATH, status=500, times=2, query={"user_id": ben.id})
    await removed_by_hand(scene, channel, ann)
    row_id = await scene.desk.slotting.waiting.let_go(redemption, Refusal.LEFT)
    await scene.finish()
    assert (await scene.row(row_id)).result in ("admitted", "fulfilled")
    assert (await status_of(scene, waits))[0] == "fulfilled"
    assert scene.deeds("refunded", redemption_id=waits) == 0


@pytest.mark.parametrize(
    ("place", "status", "vip"),
    [
        ("slots.reserved", "refunded", False),
        ("vip.refund_intended", "refunded", False),
        ("vip.recorded", "fulfilled", True),
    ],
)
async def test_a_reward_that_is_ours_no_longer_leaves_nothing_in_the_middle(
    scene: Scene, place: str, status: str, vip: bool
) -> None:
    """What was begun comes to its end: taken where there is a VIP, given back where there is none."""
    channel, ann = await channel_with(scene), await scene.viewer()
    if place == "vip.refund_intended":
        await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    scene.checkpoints.arm(place)
    redemption_id = await scene.redeem(channel, ann)
    await scene.quiet()
    assert not (await stored(scene, redemption_id)).settled
    await scene.repositories.channels.put(channel, lambda held: replace(held, rewards=()))
    await scene.finish()
    assert (await status_of(scene, redemption_id))[0] == status
    assert scene.status(channel, redemption_id) == {"refunded": "CANCELED"}.get(status, "FULFILLED")
    assert scene.holds_vip(channel, ann) is vip
    assert len((await slots_of(scene, channel)).held) == vip


async def test_a_reward_that_is_ours_no_longer_gives_back_what_waits_for_it(scene: Scene) -> None:
    channel = await channel_with(scene)
    ann, _ = await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    await scene.repositories.channels.put(channel, lambda held: replace(held, rewards=()))
    await removed_by_hand(scene, channel, ann)
    assert await status_of(scene, waits) == ("refunded", "reward_gone")
    assert await in_line(scene, channel) == []
    assert (await slots_of(scene, channel)).held == ()


async def test_of_what_nobody_knows_nothing_comes(scene: Scene) -> None:
    channel = await channel_with(scene)
    _, paid = await redeemed(scene, channel, "ann")
    strange = replace(await stored(scene, paid), id="404")
    row_id = await scene.desk.slotting.waiting.let_go(strange, Refusal.LEFT)
    await scene.finish()
    assert (await scene.row(row_id)).result == "not_ours"
