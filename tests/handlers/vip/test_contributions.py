"""Subscriptions, cheers and power-ups: VIP time by the streamer's choice, once each, refused aloud."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channel import Causes, Channel, Lasting, Viewer, VipTime
from domain.rules import Rules
from domain.slots import Limits, WhenFull
from domain.viewer import Listed
from tests.support.orders import choose, done, order
from tests.support.scene import Scene

BITS = "channel.bits.use"
SUBSCRIBE = "channel.subscribe"
POWER_UP = "channel.custom_power_up_redemption.add"
PER_100_BITS = VipTime(10_000, Lasting.PER_UNIT, 100)
ALL = Causes(subscription=VipTime(30_000, Lasting.PER_UNIT), bits=PER_100_BITS, power_up=PER_100_BITS)


async def stage(scene: Scene, causes: Causes = ALL, **settings: Any) -> tuple[Channel, Viewer]:
    channel = await scene.channel()
    return await choose(scene, channel, causes=causes, **settings), await scene.viewer()


async def cheer(scene: Scene, channel: Channel, viewer: Viewer, bits: int = 200, **more: Any) -> str:
    event = await scene.act("bits", channel_id=channel.id, user_id=viewer.id, bits=bits, **more)
    return (await done(scene, await scene.deliver(event, BITS))).result


@pytest.mark.parametrize(
    ("act", "body", "type", "seconds", "method", "detail"),
    [
        ("subscribe", {"tier": "1000"}, SUBSCRIBE, 30, "subscription", {"tier": 1}),
        ("subscribe", {"tier": "3000", "is_gift": True}, SUBSCRIBE, 90, "subscription", {"tier": 3}),
        ("bits", {"bits": 250}, BITS, 25, "bits", {"bits": 250}),
        ("bits", {"bits": 100, "type": "combo"}, BITS, 10, "bits", {"bits": 100}),
        ("bits", {"bits": 300, "type": "power_up"}, BITS, 30, "power_up", {"bits": 300}),
        ("powerup", {"bits": 500, "title": "VIP!"}, POWER_UP, 50, "power_up", {"bits": 500, "title": "VIP!"}),
    ],
)
async def test_each_cause_makes_a_vip(
    scene: Scene, act: str, body: Any, type: str, seconds: int, method: str, detail: Any
) -> None:
    channel, ann = await stage(scene)
    event = await scene.act(act, channel_id=channel.id, user_id=ann.id, **body)
    assert (await done(scene, await scene.deliver(event, type))).result == "granted"
    session = await scene.session(channel, ann)
    assert session is not None
    assert scene.holds_vip(channel, ann)
    assert (session.method, session.granted_by) == (method, ann.id)
    assert session.expires_at - session.granted_at == seconds * 1000
    (record,) = await scene.trail(channel)
    assert (record.action, record.cause, record.actor.kind) == ("vip.granted", method, "viewer")
    assert record.detail | detail == record.detail
    (line,) = scene.said(channel)
    assert line.startswith("@Ann, thank you! You are VIP now, for ")


async def test_the_second_one_extends(scene: Scene) -> None:
    channel, ann = await stage(scene)
    assert await cheer(scene, channel, ann) == "granted"
    first = await scene.session(channel, ann)
    assert await cheer(scene, channel, ann) == "extended"
    second = await scene.session(channel, ann)
    assert first is not None
    assert second is not None
    assert second.expires_at == first.expires_at + 20_000
    assert await scene.actions(channel) == ["vip.extended", "vip.granted"]


@pytest.mark.parametrize("place", ["vip.intended", "vip.granted", "vip.counted"])
async def test_one_that_is_cut_off_counts_once(scene: Scene, place: str) -> None:
    channel, ann = await stage(scene)
    scene.checkpoints.arm(place)
    assert await cheer(scene, channel, ann) == "granted"
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at - session.granted_at == 20_000
    assert scene.deeds("vip_added") == 1
    assert await scene.actions(channel) == ["vip.granted"]


async def test_a_power_up_that_is_told_twice_under_other_message_ids_counts_once(scene: Scene) -> None:
    channel, ann = await stage(scene)
    event = await scene.act("powerup", channel_id=channel.id, user_id=ann.id, bits=100)
    used = {**event, "bits": 100, "type": "custom_power_up"}
    assert (await done(scene, await scene.deliver(event, POWER_UP))).result == "granted"
    assert (await done(scene, await scene.deliver(event, POWER_UP))).result == "counted_before"
    assert (await done(scene, await scene.deliver(used, BITS))).result == "counted_elsewhere"
    session = await scene.session(channel, ann)
    assert session is not None
    assert len(session.grants) == 1
    await scene.ended(session.id)
    assert (await done(scene, await scene.deliver(event, POWER_UP))).result == "counted_before"


@pytest.mark.parametrize(
    ("causes", "bits", "type", "word"),
    [
        (Causes(), 100, "cheer", "off"),
        (Causes(power_up=PER_100_BITS), 100, "cheer", "off"),
        (Causes(bits=PER_100_BITS), 100, "power_up", "off"),
        (ALL, 1, "cheer", "granted"),
        (Causes(bits=VipTime(1, Lasting.PER_UNIT, 100)), 99, "cheer", "too_little"),
        (Causes(bits=VipTime(7000)), 1, "cheer", "granted"),
    ],
)
async def test_what_is_switched_off_or_buys_nothing_changes_nothing(
    scene: Scene, causes: Causes, bits: int, type: str, word: str
) -> None:
    channel, ann = await stage(scene, causes)
    assert await cheer(scene, channel, ann, bits, type=type) == word
    assert scene.holds_vip(channel, ann) == (word == "granted")
    assert len(scene.said(channel)) == (word == "granted")


@pytest.mark.parametrize(
    ("settings", "act", "reason"),
    [
        ({"rules": Rules(subscribers_only=True)}, "", "not_subscribed"),
        ({"rules": Rules(min_follow_ms=1000)}, "", "follows_too_short"),
        ({"rules": Rules(allow_only=True)}, "", "not_on_list"),
        ({"rules": Rules(most_ms=5000)}, "", "enough"),
        ({"paused": True}, "", "paused"),
        ({}, "moderators", "moderator"),
        ({}, "blocked", "blocked"),
        ({}, "vips", "vip_by_hand"),
    ],
)
async def test_a_refusal_is_recorded_and_told_with_its_reason(
    scene: Scene, settings: dict[str, Any], act: str, reason: str
) -> None:
    channel, ann = await stage(scene, **settings)
    if act:
        await scene.act(act, channel_id=channel.id, user_id=ann.id)
    assert await cheer(scene, channel, ann) == "refused"
    assert await scene.session(channel, ann) is None
    (record,) = await scene.trail(channel)
    assert (record.action, record.reason, record.cause) == ("vip.refused", reason, "bits")
    assert record.detail == {"bits": 200}
    (line,) = scene.said(channel)
    assert line.startswith("@Ann, ")
    assert "points" not in line
    assert scene.counted("vip_refused_total", reason=reason) == 1
    assert (await scene.desk.slotting.room.of(channel.id)).held == ()


async def test_the_cap_holds_for_contributions_too(scene: Scene) -> None:
    channel, ann = await stage(scene, limits=Limits(cap=1))
    ben = await scene.viewer("ben")
    assert await cheer(scene, channel, ann) == "granted"
    assert await cheer(scene, channel, ben) == "refused"
    assert await cheer(scene, channel, ann) == "extended"
    session = await scene.session(channel, ann)
    assert session is not None
    await scene.ended(session.id)
    assert await cheer(scene, channel, ben) == "granted"


async def test_the_lists_hold_for_contributions_too(scene: Scene) -> None:
    channel, ann = await stage(scene, rules=Rules(allow_only=True))
    await order(scene, channel, ann, "viewer.list", listed=Listed.ALLOW.value)
    assert await cheer(scene, channel, ann) == "granted"
    ben = await scene.viewer("ben")
    await order(scene, channel, ben, "viewer.list", listed=Listed.BLOCK.value)
    assert await cheer(scene, channel, ben) == "refused"


async def test_a_new_name_is_taken_over(scene: Scene) -> None:
    channel, ann = await stage(scene)
    await cheer(scene, channel, ann)
    await scene.act("rename", user_id=ann.id, login="anna", name="Anna")
    await cheer(scene, channel, ann)
    session = await scene.session(channel, ann)
    assert session is not None
    assert (session.viewer_login, session.viewer_name) == ("anna", "Anna")


async def test_nobody_is_made_vip_for_the_accounts_of_the_anonymous(scene: Scene) -> None:
    channel, _ = await stage(scene)
    event = {
        "broadcaster_user_id": channel.id, "user_id": "407665396", "user_login": "ananonymouscheerer",
        "user_name": "AnAnonymousCheerer", "bits": 100, "type": "cheer",
    }  # fmt: skip
    assert (await done(scene, await scene.deliver(event, BITS))).result == "anonymous"
    own = {**event, "user_id": channel.id}
    assert (await done(scene, await scene.deliver(own, BITS))).result == "refused"
    assert (await done(scene, await scene.deliver({**event, "broadcaster_user_id": "9"}, BITS))).result == (
        "not_ours"
    )


async def test_vip_until_the_stream_ends(scene: Scene) -> None:
    channel, ann = await stage(scene, Causes(bits=VipTime(3_600_000, Lasting.STREAM)))
    assert await cheer(scene, channel, ann) == "granted"
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.until_stream_end
    assert await cheer(scene, channel, ann) == "refused", "he has for sure already what he would get"


async def test_twitch_is_asked_again_for_what_cannot_be_given_back(scene: Scene) -> None:
    """It said a moment ago that it has no slot. There is one again, and nobody told us."""
    channel = await scene.channel(vip_slots=0)
    channel = await choose(scene, channel, causes=ALL)
    ann, ben, cat = [await scene.viewer(login) for login in ("ann", "ben", "cat")]
    assert await cheer(scene, channel, ann) == "refused"
    scene.sim.world.channels[channel.id].vip_slots = 1
    assert await cheer(scene, channel, ben) == "granted"
    assert scene.holds_vip(channel, ben)
    assert not (await scene.repositories.slots.get(channel.id)).full_since, "that was wrong"
    assert await cheer(scene, channel, cat) == "refused"
    assert (await scene.repositories.slots.get(channel.id)).full_since
    assert await scene.actions(channel) == ["vip.granted", "vip.refused", "vip.refused"]


async def test_who_waits_is_not_overtaken_by_who_contributes(scene: Scene) -> None:
    channel = await scene.channel(vip_slots=0)
    channel = await choose(scene, channel, causes=ALL, limits=Limits(when_full=WhenFull.WAIT))
    ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
    await scene.redeem(channel, ann)
    await scene.quiet()
    scene.sim.world.channels[channel.id].vip_slots = 1
    event = await scene.act("bits", channel_id=channel.id, user_id=ben.id, bits=200)
    row_id = await scene.deliver(event, BITS)
    await scene.quiet()
    assert (await scene.row(row_id)).result == "refused"
    await scene.reconcile(channel)
    await scene.quiet()
    assert scene.holds_vip(channel, ann), "let in by a comparison"
