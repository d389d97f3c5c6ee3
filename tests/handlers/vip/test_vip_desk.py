"""What a streamer asks for is carried out in the lane of the viewer, by the handlers that carry out everything else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.audit import Actor
from domain.channel import Channel
from domain.errors import NotFound
from domain.slots import Limits, WhenFull
from handlers.vip.operations import Operations
from handlers.vip.vip_desk import Asker, VipDesk, Wish
from handlers.vip.who import Who
from tests.support.scene import SECONDS, Scene

ANNA = Actor("streamer", "7", "Anna")


def desk(scene: Scene) -> VipDesk:
    r = scene.repositories
    return VipDesk(
        operations=Operations(inbox=r.inbox, intake=scene.desk.intake, clock=scene.clock),
        who=Who(helix=scene.helix),
        slots=r.slots,
        redemptions=r.redemptions,
    )


def asker(channel: Channel, key: str = "") -> Asker:
    return Asker(channel.id, "7", ANNA, key)


def grant(written: str, seconds: int | None = 60) -> Wish:
    fields = {"seconds": seconds, "until_stream_end": False, "adopt": False, "note": "a raffle"}
    return Wish("vip.grant", written, fields)


async def test_a_vip_from_the_first_to_the_last(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer("ann")
    granted = await desk(scene).ask(asker(channel), grant("@Ann"))
    assert (granted.result, granted.viewer_id) == ("granted", ann.id)
    assert scene.holds_vip(channel, ann)
    extended = await desk(scene).ask(asker(channel), Wish("vip.extend", ann.id, {"seconds": 30}))
    assert extended.result == "extended"
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at - session.granted_at == 90_000
    revoked = await desk(scene).ask(asker(channel), Wish("vip.revoke", "ann", {"note": ""}))
    assert revoked.result == "revoked"
    assert not scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == ["vip.ended", "vip.extended", "vip.granted"]
    assert {record.actor for record in await scene.trail(channel)} == {ANNA}


async def test_a_refusal_says_why(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer("ann")
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    refused = await desk(scene).ask(asker(channel), grant("ann"))
    assert (refused.refused, refused.code) == (True, "vip.by_hand")
    assert refused.message
    assert refused.advice


async def test_a_repetition_is_answered_although_the_viewer_is_gone(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.viewer("ann")
    first = await desk(scene).ask(asker(channel, "raffle-17"), grant("ann"))
    await scene.fault("GET", "/users", times=1000, status=500)
    assert await desk(scene).ask(asker(channel, "raffle-17"), grant("ann")) == first
    assert await scene.actions(channel) == ["vip.granted"]


async def test_two_at_the_same_time_under_one_key_are_one(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.viewer("ann")
    async with asyncio.timeout(SECONDS):
        told = await asyncio.gather(
            *(desk(scene).ask(asker(channel, "raffle-17"), grant("ann")) for _ in range(4))
        )
    assert len({one.id for one in told}) == 1
    assert {one.result for one in told} == {"granted"}
    assert await scene.actions(channel) == ["vip.granted"]


async def test_who_is_taken_off_the_waiting_list_has_his_points_back(scene: Scene) -> None:
    channel = await scene.channel()
    settings = replace(channel.settings, limits=Limits(cap=1, when_full=WhenFull.WAIT))
    await scene.repositories.channels.put(channel, lambda held: replace(held, settings=settings))
    ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
    await scene.settled(await scene.redeem(channel, ann))
    redemption_id = await scene.redeem(channel, ben)
    await scene.quiet()
    (entry,) = (await scene.desk.live.waiting(channel.id) or {})["entries"]
    assert (entry["redemption_id"], entry["viewer_login"], entry["position"]) == (redemption_id, "ben", 1)
    done = await desk(scene).let_go(asker(channel), redemption_id)
    assert (done.state, done.result) == ("done", "refunded")
    assert scene.status(channel, redemption_id) == "CANCELED"
    (told,) = [one for one in await scene.trail(channel) if one.action == "vip.refunded"]
    assert (told.actor, told.reason) == (asker(channel).actor, "left")
    with pytest.raises(NotFound):
        await desk(scene).let_go(asker(channel), redemption_id)


async def test_reconciliation_on_demand_finds_what_was_missed(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer("ann")
    await scene.pay(channel, ann)
    done = await desk(scene).reconcile(asker(channel, "now"))
    assert done.state == "done"
    await scene.finish()
    assert scene.holds_vip(channel, ann)
    assert await desk(scene).reconcile(asker(channel, "now")) == done
