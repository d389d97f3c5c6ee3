"""A reward is deleted, and nobody loses points."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Channel
from domain.inbox import Delivery
from domain.redemption import Alarm, Redemption
from domain.redemption import RedemptionStatus as Status
from domain.slots import Limits, WhenFull
from handlers.vip.rewards import lane_of_rewards
from tests.support.scene import Scene

NUMBERS = itertools.count()


async def ask(scene: Scene, channel: Channel, reward_id: str = "") -> str:
    body = {
        "reward_id": reward_id or channel.rewards[0].id,
        "actor": {"kind": "streamer", "id": channel.id, "name": "Streamer"},
    }
    delivery = Delivery(
        source="dashboard",
        message_id=f"delete-{next(NUMBERS)}",
        kind="reward.delete",
        lane=lane_of_rewards(channel.id),
        channel_id=channel.id,
        raw=json.dumps(body).encode(),
    )
    await scene.desk.intake.accept(delivery)
    return delivery.row_id


async def result(scene: Scene, row_id: str) -> tuple[str, dict[str, Any]]:
    await scene.finish()
    row = await scene.row(row_id)
    return row.result, row.steps.get("outcome", {})


async def with_waiting(scene: Scene, count: int) -> tuple[Channel, list[str]]:
    """A channel with one slot, which is taken, and so many on its waiting list. The redemptions."""
    channel = await scene.channel()
    limits = Limits(1, WhenFull.WAIT, 3_600_000)
    _, channel = await scene.repositories.channels.change(
        channel.id, lambda held: replace(held, settings=replace(held.settings, limits=limits))
    )
    ids = [await scene.redeem(channel, await scene.viewer(f"viewer{n}")) for n in range(count + 1)]
    await scene.quiet()
    return channel, ids


async def found(scene: Scene, redemption_id: str) -> Redemption:
    redemption = await scene.repositories.redemptions.get(redemption_id)
    assert redemption is not None
    return redemption


async def test_a_reward_with_nothing_pending_is_deleted_at_once(scene: Scene) -> None:
    channel = await scene.channel()
    assert await result(scene, await ask(scene, channel)) == ("deleted", {"result": "deleted"})
    assert scene.sim.world.channels[channel.id].rewards == {}
    held = await scene.repositories.channels.get(channel.id)
    assert held is not None
    assert held.rewards == ()
    (record,) = await scene.trail(channel)
    assert (record.action, record.actor.kind) == ("reward.deleted", "streamer")
    assert record.detail["reward_title"] == "VIP of streamer"
    assert [entry.body["parts"] for entry in await scene.entries(channel) if entry.kind == "settings"] == [
        ["rewards"]
    ]


async def test_everybody_who_waits_has_his_points_back_before(scene: Scene) -> None:
    channel, (vip, *waiting) = await with_waiting(scene, 3)
    row_id = await ask(scene, channel)
    assert (await result(scene, row_id))[0] == "deleted"
    assert scene.status(channel, vip) == "FULFILLED"
    for redemption_id in waiting:
        assert scene.status(channel, redemption_id) == "CANCELED"
        redemption = await found(scene, redemption_id)
        assert (redemption.status, redemption.reason) == (Status.REFUNDED, "reward_gone")
    assert scene.deeds("refunded", by="app") == 3
    order = [
        entry.kind
        for entry in scene.sim.ledger
        if entry.kind in ("reward_updated", "refunded", "reward_deleted")
    ]
    assert order[0] == "reward_updated", "switched off first"
    assert order.count("refunded") == 3
    assert order[-1] == "reward_deleted"
    assert "this reward does not exist any more" in scene.said(channel)[-1]
    assert (await scene.repositories.slots.get(channel.id)).waiting == ()


async def test_who_was_never_heard_of_has_his_points_back_too(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    assert (await result(scene, await ask(scene, channel)))[0] == "deleted"
    assert scene.status(channel, event["id"]) == "CANCELED"
    assert (await found(scene, event["id"])).status is Status.REFUNDED
    await scene.deliver(event)  # the notice comes after all
    assert (await scene.settled(event["id"])).status is Status.REFUNDED
    assert not scene.holds_vip(channel, ann)


async def test_what_our_books_had_given_up_is_given_back_as_well(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    broken = Redemption(
        event["id"], channel.id, channel.rewards[0].id, "VIP", 500, ann.id, "ann", "Ann", "", 1, 2
    )
    await scene.repositories.redemptions.begin(
        replace(broken, status=Status.ALARMED, reason=Alarm.BROKEN.value, settled_at=3)
    )
    assert (await result(scene, await ask(scene, channel)))[0] == "deleted"
    assert scene.status(channel, event["id"]) == "CANCELED"


async def test_who_is_being_granted_at_that_moment_is_waited_for(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("PATCH", "/custom_rewards/redemptions", times=3, status=500)
    redemption_id = await scene.redeem(channel, ann)
    row_id = await ask(scene, channel)
    assert (await result(scene, row_id))[0] == "deleted"
    assert (await found(scene, redemption_id)).status is Status.FULFILLED
    assert (await scene.row(row_id)).waits > 0
    assert scene.holds_vip(channel, ann)
    assert scene.status(channel, redemption_id) == "FULFILLED"


async def test_nobody_can_redeem_it_meanwhile(scene: Scene) -> None:
    channel, _ = await with_waiting(scene, 1)
    await scene.fault("GET", "/custom_rewards/redemptions", times=1, status=500)
    row_id = await ask(scene, channel)
    await scene.quiet()
    there = scene.sim.world.channels[channel.id].rewards[channel.rewards[0].id]
    assert not there.is_enabled
    assert (await result(scene, row_id))[0] == "deleted"


@pytest.mark.parametrize("place", ["reward.disabled", "reward.deleted"])
async def test_cut_off_anywhere_it_is_completed_once(scene: Scene, place: str) -> None:
    channel, (_, *waiting) = await with_waiting(scene, 2)
    scene.checkpoints.arm(place, times=2)
    assert (await result(scene, await ask(scene, channel)))[0] == "deleted"
    assert [scene.status(channel, one) for one in waiting] == ["CANCELED"] * 2
    assert scene.deeds("reward_deleted") == 1
    assert (await scene.actions(channel)).count("reward.deleted") == 1


async def test_a_call_whose_answer_is_lost_is_completed(scene: Scene) -> None:
    channel, (_, waiting) = await with_waiting(scene, 1)
    await scene.fault("DELETE", "/custom_rewards", drop=True, after_effect=True)
    assert (await result(scene, await ask(scene, channel)))[0] == "deleted"
    assert scene.status(channel, waiting) == "CANCELED"
    assert scene.deeds("reward_deleted") == 1


async def test_a_reward_that_is_gone_on_twitch_is_removed_here(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.act("rewards", channel_id=channel.id, reward_id=channel.rewards[0].id, remove=True)
    assert (await result(scene, await ask(scene, channel)))[0] == "deleted"
    held = await scene.repositories.channels.get(channel.id)
    assert held is not None
    assert held.rewards == ()


async def test_what_is_not_ours_is_left_alone(scene: Scene) -> None:
    channel = await scene.channel()
    foreign = await scene.act("rewards", channel_id=channel.id, title="Hydrate", cost=1)
    assert (await result(scene, await ask(scene, channel, foreign["id"])))[1] == {"result": "not_ours"}
    row_id = await ask(scene, channel)
    again = await ask(scene, channel)
    assert (await result(scene, row_id))[0] == "deleted"
    assert (await result(scene, again))[0] == "not_ours"
    assert foreign["id"] in scene.sim.world.channels[channel.id].rewards


async def test_where_twitch_does_not_let_us_the_streamer_is_told_why(scene: Scene) -> None:
    channel = await scene.channel()
    scene.sim.world.channels[channel.id].user.broadcaster_type = ""
    word, outcome = await result(scene, await ask(scene, channel))
    assert (word, outcome["result"], outcome["code"]) == ("refused", "refused", "twitch.reward_forbidden")
    assert outcome["message"]
    assert outcome["advice"]
    assert await scene.repositories.channels.get(channel.id) == channel
