"""What by_hand, contributions and people share: one cause, one grant; a slot that is given back when Twitch refuses."""

from __future__ import annotations

import json

import pytest

from domain.channel import Channel, Viewer
from domain.inbox import Delivery
from domain.redemption import Refusal
from domain.slots import Limits
from domain.vip import Method
from gateways.twitch.contracts import AddVip
from handlers.vip.granting import REFUSALS, Gift, anybody
from handlers.vip.lanes import lane_of
from tests.support.orders import choose, done, order, put
from tests.support.scene import VIPS_PATH, Scene


def test_every_answer_but_added_has_its_meaning() -> None:
    assert set(REFUSALS) == set(AddVip) - {AddVip.ADDED}
    assert all(isinstance(refusal, Refusal) for refusal in REFUSALS.values())


def test_the_session_of_a_cause_has_one_id_that_fits_into_rows() -> None:
    gift = Gift("dashboard:k", Viewer("7"), 5, Method.DASHBOARD, "1")
    same = Gift("dashboard:k", Viewer("8"), 9, Method.BITS, "2")
    other = Gift("dashboard:l", Viewer("7"), 5, Method.DASHBOARD, "1")
    assert gift.session_id == same.session_id != other.session_id
    assert not set(gift.session_id) & set(" :#")


async def test_no_rule_applies_to_what_needs_no_permit() -> None:
    assert await anybody(None) is None


@pytest.mark.parametrize("how", [{"status": 500}, {"drop": True}])
async def test_an_answer_that_is_lost_is_one_grant(scene: Scene, how: dict[str, object]) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, after_effect=True, **how)
    assert (await order(scene, channel, ann, "vip.grant", seconds=60))["result"] == "granted"
    assert scene.deeds("vip_added") == 1
    session = await scene.session(channel, ann)
    assert session is not None
    assert len(session.grants) == 1


async def test_what_a_streamer_orders_goes_beyond_his_own_cap_and_counts(scene: Scene) -> None:
    channel = await scene.channel()
    await choose(scene, channel, limits=Limits(cap=1))
    for login in ("ann", "ben"):
        viewer = await scene.viewer(login)
        assert (await order(scene, channel, viewer, "vip.grant", seconds=60))["result"] == "granted"
    slots = await scene.desk.slotting.room.of(channel.id)
    assert len(slots.held) == 2
    carl = await scene.viewer("carl")
    redemption = await scene.settled(await scene.redeem(channel, carl))
    assert redemption.reason == "slots_full"


async def test_a_badge_that_comes_after_a_refusal_is_not_of_our_making(scene: Scene) -> None:
    """Cut off between Twitch's refusal and the answer; meanwhile the streamer found a slot and did it by hand."""
    channel, ann = await scene.channel(vip_slots=0), await scene.viewer()
    scene.store.orders.fail("slots", "change", times=1, error=lambda: RuntimeError("cut off"))
    row_id = await put(scene, channel, ann, "vip.grant", seconds=60)
    await scene.until(lambda: _refused(scene, row_id))
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await scene.finish()
    row = await scene.row(row_id)
    assert row.steps["outcome"]["code"] == "vip.by_hand"
    assert await scene.session(channel, ann) is None


async def _refused(scene: Scene, row_id: str) -> bool:
    return bool((await scene.row(row_id)).steps.get("grant", {}).get("refused"))


async def test_a_grant_that_reached_twitch_when_it_was_refused_already_is_withdrawn(scene: Scene) -> None:
    """A process that was stopped in the middle of the call: Twitch hears it long after."""
    channel, ann = await scene.channel(vip_slots=0), await scene.viewer()
    row_id = await put(scene, channel, ann, "vip.grant", seconds=60)
    await scene.finish()
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    assert await check(scene, channel, ann, row_id) == "withdrawn"
    assert not scene.holds_vip(channel, ann)


async def test_a_badge_that_was_protected_since_is_not_withdrawn(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    row_id = await put(scene, channel, ann, "vip.grant", seconds=60)
    await scene.finish()
    assert await check(scene, channel, ann, row_id) == "as_it_should_be"
    await order(scene, channel, ann, "vip.protect", protected=True)
    assert await check(scene, channel, ann, row_id) == "as_it_should_be"
    assert scene.holds_vip(channel, ann)


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_grant_that_is_given_up_leaves_no_badge_behind(scene: Scene, after_effect: bool) -> None:
    """Twitch answers what nobody foresees; whether it has done it, is seen afterwards."""
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", VIPS_PATH, status=418, message="teapot", after_effect=after_effect)
    row_id = await put(scene, channel, ann, "vip.grant", seconds=60)
    await scene.finish()
    assert (await scene.row(row_id)).state == "dead"
    assert not scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == (["vip.withdrawn"] if after_effect else [])
    assert (await order(scene, channel, ann, "vip.grant", seconds=60))["result"] == "granted"


async def check(scene: Scene, channel: Channel, viewer: Viewer, row_id: str) -> str:
    """What a worker that was overtaken has looked after."""
    body = {"row_id": row_id, "channel_id": channel.id, "viewer_id": viewer.id}
    delivery = Delivery(
        source="fence",
        message_id=f"{row_id}:{next(scene.numbers)}",
        kind="vip.check",
        lane=lane_of(channel.id, viewer.id),
        channel_id=channel.id,
        raw=json.dumps(body).encode(),
    )
    await scene.desk.intake.accept(delivery)
    return (await done(scene, delivery.row_id)).result
