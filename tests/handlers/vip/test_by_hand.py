"""Orders from the dashboard: granted, adopted, extended, revoked, protected; each once, each answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.channel import Channel, Viewer
from domain.viewer import Listed
from domain.vip import Method, VipSession
from handlers.vip.by_hand import LONGEST_STREAM_MS
from handlers.vip.quotas import Quota
from tests.support.desk import open_scene
from tests.support.orders import MODERATOR, choose, done, order, put
from tests.support.scene import VIPS_PATH, Scene


async def stage(scene: Scene, **channel: Any) -> tuple[Channel, Viewer]:
    return await scene.channel(**channel), await scene.viewer()


async def granted(scene: Scene, **body: Any) -> tuple[Channel, Viewer, VipSession]:
    channel, ann = await stage(scene)
    assert (await order(scene, channel, ann, "vip.grant", **({"seconds": 20} | body)))["result"] == "granted"
    session = await scene.session(channel, ann)
    assert session is not None
    return channel, ann, session


# Grant


async def test_a_grant_from_the_dashboard_is_a_vip_with_an_end(scene: Scene) -> None:
    channel, ann, session = await granted(scene, note="for the art", actor=MODERATOR)
    assert scene.holds_vip(channel, ann)
    assert (session.method, session.granted_by, session.until_stream_end) == (Method.DASHBOARD, "77", False)
    assert session.expires_at - session.granted_at == 20_000
    assert (await scene.desk.slotting.room.of(channel.id)).hold_of(ann.id) is not None
    (record,) = await scene.trail(channel)
    assert (record.action, record.cause) == ("vip.granted", "dashboard")
    assert (record.actor.kind, record.actor.name, record.viewer.id) == ("moderator", "Mo", ann.id)
    assert (record.detail["seconds"], record.detail["note"]) == (20, "for the art")
    assert scene.said(channel) == ["@Ann is VIP now, for 20 s. Enjoy!"]
    assert (await scene.ended(session.id)).ended_because == "expired"
    assert not scene.holds_vip(channel, ann)


async def test_without_a_length_it_is_the_channels(scene: Scene) -> None:
    channel, ann = await stage(scene)
    await choose(scene, channel, default_vip_ms=123_000)
    await order(scene, channel, ann, "vip.grant")
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at - session.granted_at == 123_000


@pytest.mark.parametrize(("seconds", "longest_ms"), [(None, LONGEST_STREAM_MS), (3600, 3_600_000)])
async def test_until_the_stream_ends(scene: Scene, seconds: int | None, longest_ms: int) -> None:
    channel, ann = await stage(scene)
    await choose(scene, channel, default_vip_ms=1000)
    await order(scene, channel, ann, "vip.grant", seconds=seconds, until_stream_end=True)
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.until_stream_end
    assert session.expires_at - session.granted_at == longest_ms


async def test_who_is_vip_of_ours_is_vip_already(scene: Scene) -> None:
    channel, ann, session = await granted(scene)
    outcome = await order(scene, channel, ann, "vip.grant", seconds=60, adopt=True)
    assert (outcome["result"], outcome["code"]) == ("already_vip", "vip.already")
    assert await scene.session(channel, ann) == session


async def test_a_vip_by_hand_is_adopted_only_if_that_was_asked(scene: Scene) -> None:
    channel, ann = await stage(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await scene.role("vip.add", channel, ann)
    outcome = await order(scene, channel, ann, "vip.grant", seconds=60)
    assert (outcome["result"], outcome["code"]) == ("refused", "vip.by_hand")
    assert outcome["advice"]
    outcome = await order(scene, channel, ann, "vip.grant", seconds=20, adopt=True)
    assert outcome["result"] == "adopted"
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.method is Method.ADOPTED
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).by_hand_since == 0
    assert scene.deeds("vip_added", by="app") == 0, "the badge was there"
    assert scene.said(channel) == []
    await scene.ended(session.id)
    assert not scene.holds_vip(channel, ann), "and ends like every other"


@pytest.mark.parametrize(
    ("world", "code"),
    [
        ({"vip_slots": 0}, "vip.slots_full"),
        ({"unlocked": False}, "vip.not_unlocked"),
        ({"act": "moderators"}, "vip.moderator"),
        ({"act": "blocked"}, "vip.blocked"),
        ({"act": "accounts/delete"}, "vip.no_viewer"),
    ],
)
async def test_twitch_has_the_last_word(scene: Scene, world: dict[str, Any], code: str) -> None:
    act = world.pop("act", "")
    channel, ann = await stage(scene, **world)
    if act:
        await scene.act(act, channel_id=channel.id, user_id=ann.id)
    outcome = await order(scene, channel, ann, "vip.grant", seconds=60)
    assert (outcome["result"], outcome["code"]) == ("refused", code)
    assert outcome["message"]
    assert await scene.session(channel, ann) is None
    assert (await scene.desk.slotting.room.of(channel.id)).hold_of(ann.id) is None
    assert await scene.actions(channel) == []


async def test_the_streamers_own_account_is_no_viewer(scene: Scene) -> None:
    channel, _ = await stage(scene)
    outcome = await order(scene, channel, Viewer(channel.id, channel.login, channel.name), "vip.grant")
    assert outcome["code"] == "vip.broadcaster"


async def test_a_channel_that_we_do_not_know_is_refused(scene: Scene) -> None:
    ann = await scene.viewer()
    outcome = await order(scene, Channel("404", "x", "X"), ann, "vip.grant")
    assert outcome["code"] == "vip.no_channel"


@pytest.mark.parametrize("place", ["vip.intended", "vip.granted", "vip.counted"])
async def test_a_grant_that_is_cut_off_anywhere_happens_once(scene: Scene, place: str) -> None:
    channel, ann = await stage(scene)
    scene.checkpoints.arm(place)
    outcome = await order(scene, channel, ann, "vip.grant", seconds=60)
    assert outcome["result"] == "granted"
    session = await scene.session(channel, ann)
    assert session is not None
    assert len(session.grants) == 1
    assert scene.deeds("vip_added", by="app") == 1
    assert await scene.actions(channel) == ["vip.granted"]
    assert len(scene.said(channel)) == 1


async def test_a_session_that_lost_its_badge_is_closed_before_the_next_begins(scene: Scene) -> None:
    channel, ann, session = await granted(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    assert (await order(scene, channel, ann, "vip.grant", seconds=60))["result"] == "granted"
    fresh = await scene.session(channel, ann)
    assert fresh is not None
    assert fresh.id != session.id
    before = await scene.repositories.sessions.get(session.id)
    assert before is not None
    assert before.ended_because == "removed_by_hand"


# Extend


async def test_an_extension_adds_to_what_is_left(scene: Scene) -> None:
    channel, ann, session = await granted(scene)
    outcome = await order(scene, channel, ann, "vip.extend", seconds=30)
    assert outcome == {"result": "extended", "session_id": session.id}
    longer = await scene.session(channel, ann)
    assert longer is not None
    assert longer.expires_at == session.expires_at + 30_000
    assert await scene.actions(channel) == ["vip.extended", "vip.granted"]


async def test_an_extension_that_is_cut_off_adds_once(scene: Scene) -> None:
    channel, ann, session = await granted(scene)
    scene.checkpoints.arm("vip.counted")
    assert (await order(scene, channel, ann, "vip.extend", seconds=30))["result"] == "extended"
    longer = await scene.session(channel, ann)
    assert longer is not None
    assert longer.expires_at == session.expires_at + 30_000


async def test_who_is_no_vip_of_ours_cannot_be_extended(scene: Scene) -> None:
    channel, ann = await stage(scene)
    outcome = await order(scene, channel, ann, "vip.extend", seconds=30)
    assert (outcome["result"], outcome["code"]) == ("not_vip", "vip.not_vip")
    channel, ann, _ = await granted_in(scene, channel, ann)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    assert (await order(scene, channel, ann, "vip.extend", seconds=30))["result"] == "not_vip"
    assert await scene.session(channel, ann) is None


async def granted_in(scene: Scene, channel: Channel, viewer: Viewer) -> tuple[Channel, Viewer, VipSession]:
    await order(scene, channel, viewer, "vip.grant", seconds=60)
    session = await scene.session(channel, viewer)
    assert session is not None
    return channel, viewer, session


# Revoke


@pytest.mark.parametrize("place", ["", "expiry.removed"])
async def test_a_vip_of_ours_is_revoked(scene: Scene, place: str) -> None:
    channel, ann, session = await granted(scene)
    if place:
        scene.checkpoints.arm(place)
    assert (await order(scene, channel, ann, "vip.revoke", note="enough"))["result"] == "revoked"
    assert not scene.holds_vip(channel, ann)
    over = await scene.repositories.sessions.get(session.id)
    assert over is not None
    assert over.ended_because == "revoked"
    record = await scene.repositories.audit.get(f"{session.id}:ended")
    assert record is not None
    assert (record.actor.kind, record.cause, record.detail["note"]) == ("streamer", "dashboard", "enough")
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).last_vip_ended_at == over.ended_at
    assert (await scene.desk.slotting.room.of(channel.id)).held == ()
    assert (await order(scene, channel, ann, "vip.revoke"))["result"] == "not_vip"


@pytest.mark.parametrize("after_effect", [None, False, True])
async def test_a_vip_by_hand_may_be_revoked_too(scene: Scene, after_effect: bool | None) -> None:
    channel, ann = await stage(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await scene.role("vip.add", channel, ann)
    await scene.finish()
    if after_effect is not None:
        await scene.fault("DELETE", VIPS_PATH, status=500, after_effect=after_effect)
    assert (await order(scene, channel, ann, "vip.revoke"))["result"] == "revoked"
    assert not scene.holds_vip(channel, ann)
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).by_hand_since == 0
    assert await scene.actions(channel) == ["vip.ended", "vip.noticed"]
    shown = [entry.body for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert [(body["id"], body["status"]) for body in shown] == [
        (f"hand:{ann.id}", "active"),
        (f"hand:{ann.id}", "ended"),
    ]


# Protect and lists


async def test_a_protected_vip_keeps_the_badge_and_has_no_end(scene: Scene) -> None:
    channel, ann, session = await granted(scene)
    assert (await order(scene, channel, ann, "vip.protect", protected=True))["result"] == "protected"
    over = await scene.repositories.sessions.get(session.id)
    assert over is not None
    assert over.ended_because == "protected"
    assert scene.holds_vip(channel, ann)
    record = await scene.repositories.viewers.get(channel.id, ann.id)
    assert (record.listed, record.by_hand_since) == (Listed.PROTECTED, over.ended_at)
    for kind, body in (("vip.revoke", {}), ("vip.grant", {"seconds": 5, "adopt": True})):
        outcome = await order(scene, channel, ann, kind, **body)
        assert (outcome["result"], outcome["code"]) == ("refused", "vip.protected")
    await scene.pass_ms(120_000)
    await scene.finish()
    assert scene.holds_vip(channel, ann)
    assert (await order(scene, channel, ann, "vip.protect", protected=False))["result"] == "unprotected"
    assert (await order(scene, channel, ann, "vip.revoke"))["result"] == "revoked"
    assert await scene.actions(channel) == [
        "vip.ended", "vip.ended", "vip.granted", "vip.protected", "vip.unprotected",
    ]  # fmt: skip


async def test_a_protected_viewer_without_badge_is_granted_none(scene: Scene) -> None:
    channel, ann = await stage(scene)
    await order(scene, channel, ann, "vip.protect", protected=True)
    assert (await order(scene, channel, ann, "vip.grant"))["code"] == "vip.protected"


async def test_an_end_that_comes_due_leaves_a_badge_that_was_protected_otherwise(scene: Scene) -> None:
    """The list was changed by another way than an order (a restored backup, say): the badge stays all the same."""
    channel, ann, session = await granted(scene)
    await scene.repositories.viewers.change(
        channel.id, ann, lambda held: replace(held, listed=Listed.PROTECTED)
    )
    over = await scene.ended(session.id)
    assert over.ended_because == "protected"
    assert scene.holds_vip(channel, ann)


@pytest.mark.parametrize(
    ("listed", "word"), [("allow", "listed"), ("block", "listed"), ("protected", "protected"), ("", "listed")]
)
async def test_a_viewer_is_put_on_a_list(scene: Scene, listed: str, word: str) -> None:
    channel, ann = await stage(scene)
    assert (await order(scene, channel, ann, "viewer.list", listed=listed))["result"] == word
    record = await scene.repositories.viewers.get(channel.id, ann.id)
    assert (record.listed, record.login, record.name) == (listed, "ann", "Ann")
    (kept,) = await scene.trail(channel)
    assert kept.detail == {"listed": listed, "was": ""}
    settings = [entry.body for entry in await scene.entries(channel) if entry.kind == "settings"]
    assert [body["parts"] for body in settings] == [["viewers"]]


async def test_lists_have_an_end(tmp_path: Path) -> None:
    """Who is on one may be put on another, and taken off; nobody new comes in until somebody is."""
    async with open_scene(tmp_path, quota=Quota(viewers=1)) as scene:
        channel, ann = await stage(scene)
        ben = await scene.viewer("ben")
        await order(scene, channel, ann, "viewer.list", listed="block")
        for kind, wish in (("viewer.list", {"listed": "allow"}), ("vip.protect", {"protected": True})):
            refused = await order(scene, channel, ben, kind, **wish)
            assert (refused["result"], refused["code"]) == ("refused", "viewers.full")
        assert (await scene.repositories.viewers.get(channel.id, ben.id)).listed is Listed.NONE
        assert (await order(scene, channel, ann, "vip.protect", protected=True))["result"] == "protected"
        assert (await order(scene, channel, ann, "viewer.list", listed=""))["result"] == "unprotected"
        assert (await order(scene, channel, ben, "viewer.list", listed="allow"))["result"] == "listed"


async def test_taking_a_protection_away_leaves_other_lists_alone(scene: Scene) -> None:
    channel, ann = await stage(scene)
    await order(scene, channel, ann, "viewer.list", listed="block")
    assert (await order(scene, channel, ann, "vip.protect", protected=False))["result"] == "unprotected"
    assert (await scene.repositories.viewers.get(channel.id, ann.id)).listed is Listed.BLOCK


async def test_an_order_that_nobody_can_read_is_kept_for_a_person(scene: Scene) -> None:
    channel, ann = await stage(scene)
    row_id = await put(scene, channel, ann, "vip.grant", seconds=-1)
    await scene.finish()
    row = await scene.row(row_id)
    assert row.error is not None
    assert (row.state, row.error.code) == ("dead", "event.malformed")
    assert (await done(scene, await put(scene, channel, ann, "vip.grant", seconds=1))).result == "granted"
