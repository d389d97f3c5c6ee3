"""A channel leaves: nobody has paid for nothing, nothing of ours is left. Cut off anywhere, a retry completes it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.audit import Action
from domain.channel import Channel, Viewer
from domain.inbox import Delivery, RowState
from domain.slots import Limits, WhenFull
from handlers.accounts.leaving import LONGEST_WAIT_MS, leave_lane
from storage.team import TEAM, Member, Team, member_id
from tests.support.desk import open_scene
from tests.support.scene import VIPS_PATH, Scene, grant_of
from tests.support.story import StoryClock


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, accounts=True) as scene:
        yield scene


async def leave(scene: Scene, channel: Channel, *, remove_vips: bool = True, erase: bool = False) -> str:
    """The row by which a channel leaves."""
    actor = {"kind": "streamer", "id": channel.id, "name": channel.name}
    body = {"remove_vips": remove_vips, "erase": erase, "actor": actor}
    delivery = Delivery(
        source="dashboard",
        message_id="f" * 32,
        kind="channel.leave",
        lane=leave_lane(channel.id),
        channel_id=channel.id,
        raw=json.dumps(body).encode(),
    )
    await scene.desk.intake.accept(delivery)
    return delivery.row_id


def logins(scene: Scene) -> Any:
    assert scene.accounts is not None
    return scene.accounts.parts.logins


async def vip(scene: Scene, channel: Channel, login: str) -> tuple[Viewer, str]:
    viewer = await scene.viewer(login)
    redemption_id = await scene.redeem(channel, viewer)
    await scene.settled(redemption_id)
    return viewer, redemption_id


async def left_nothing(scene: Scene, channel: Channel) -> None:
    """What holds whenever a channel has left."""
    assert await scene.repositories.channels.get(channel.id) is None
    assert ("remove", channel.id) in scene.watch.told
    assert await scene.grants.load(channel.id) is None
    assert not scene.sim.stage.tokens.has_grant(scene.sim.client_id, channel.id)
    rewards = scene.sim.world.channels[channel.id].rewards.values()
    assert [reward.is_enabled for reward in rewards] == [False], "nobody can pay any more"
    assert not await scene.repositories.sessions.active(channel.id)
    assert not await scene.rows(RowState.OPEN)


async def test_vips_are_removed_and_the_settings_kept(scene: Scene) -> None:
    channel = await scene.channel()
    ann, _ = await vip(scene, channel, "ann")
    await logins(scene).open(subject=channel.id, login="streamer", name="S")
    row = await leave(scene, channel)
    await scene.finish()
    assert (await scene.row(row)).result == "left"
    await left_nothing(scene, channel)
    assert not scene.holds_vip(channel, ann)
    assert not await logins(scene).of(channel.id), "everybody of the channel is signed out"
    assert scene.accounts is not None
    kept = await scene.accounts.parts.left.get(channel.id)
    assert kept is not None
    assert (kept.rewards, kept.paused) == (channel.rewards, False)
    ended = await scene.repositories.sessions.recently_ended(channel.id, limit=5)
    assert [one.ended_because for one in ended] == ["disconnected"]


async def test_vips_may_stay_and_are_ours_no_more(scene: Scene) -> None:
    channel = await scene.channel()
    ann, _ = await vip(scene, channel, "ann")
    await leave(scene, channel, remove_vips=False)
    await scene.finish()
    await left_nothing(scene, channel)
    assert scene.holds_vip(channel, ann)
    await scene.pass_ms(600_000)
    await scene.finish()
    assert scene.holds_vip(channel, ann), "no end is due any more"


async def test_who_waits_and_who_was_missed_get_their_points_back(scene: Scene) -> None:
    channel = await scene.channel()
    limits = Limits(cap=1, when_full=WhenFull.WAIT)
    channel = await scene.repositories.channels.put(
        channel, lambda held: replace(held, settings=replace(held.settings, limits=limits))
    )
    await vip(scene, channel, "ann")
    waits = await scene.redeem(channel, await scene.viewer("ben"))
    await scene.quiet()
    missed = (await scene.pay(channel, await scene.viewer("cem")))["id"]
    await leave(scene, channel)
    await scene.finish()
    await left_nothing(scene, channel)
    assert [scene.status(channel, one) for one in (waits, missed)] == ["CANCELED", "CANCELED"]


async def test_everything_is_erased_if_wished(scene: Scene) -> None:
    channel, other = await scene.channel(), await scene.channel("other")
    await vip(scene, channel, "ann")
    await vip(scene, other, "ben")
    row = await leave(scene, channel, erase=True)
    await scene.finish()
    await left_nothing(scene, channel)
    mentioned: dict[str, set[str]] = {}
    async for collection, document in scene.store.export():
        told = json.dumps(document)
        if collection not in ("lanes", "daemons") and (f'"{channel.id}"' in told or '"ann"' in told):
            mentioned.setdefault(collection, set()).add("ann" if '"ann"' in told else document["_id"])
    assert set(mentioned) == {"inbox", "audit"}, "keys and commitments are left"
    assert "ann" not in mentioned["inbox"] | mentioned["audit"]
    for row_id in mentioned["inbox"] - {row}:
        assert (await scene.row(row_id)).raw == "{}"
    [note] = await scene.trail(channel)
    assert note.action is Action.ERASURE
    assert await scene.repositories.sessions.active(other.id)
    assert await scene.trail(other)


async def test_the_team_and_the_bot_go_too(scene: Scene) -> None:
    assert scene.accounts is not None
    channel = await scene.channel()
    bot = await scene.act("viewers", login="bot")
    told = await scene.act("login", user_id=bot["id"], scopes=["user:bot", "user:write:chat"])
    await scene.tokens.put(bot["id"], "bot", grant_of(told))
    users = await scene.helix.users(channel.id, ids=[bot["id"]])
    await scene.accounts.parts.speakers.connect(channel.id, users[0])
    team = Team(await scene.store.collection(TEAM))
    await team.put(Member(member_id(channel.id, "7"), channel.id, "7", "mia", "Mia", 1, channel.id))
    await leave(scene, channel)
    await scene.finish()
    await left_nothing(scene, channel)
    assert not scene.sim.stage.tokens.has_grant(scene.sim.client_id, bot["id"])
    assert await team.of_channel(channel.id) == []


async def test_a_grant_that_is_dead_stops_nobody_from_leaving(scene: Scene) -> None:
    channel = await scene.channel()
    ann, _ = await vip(scene, channel, "ann")
    await scene.act("tokens/revoke", user_id=channel.id)
    held = await scene.grants.load(channel.id)
    assert held is not None
    await scene.tokens.condemn(channel.id, held.access_token, "revoked")
    row = await leave(scene, channel)
    await scene.finish()
    assert (await scene.row(row)).result == "left"
    assert await scene.repositories.channels.get(channel.id) is None
    assert await scene.grants.load(channel.id) is None
    assert not await scene.repositories.sessions.active(channel.id)
    assert scene.holds_vip(channel, ann), "we may not take it away; the streamer can"


async def test_what_waits_for_a_login_that_will_not_come_is_closed(scene: Scene) -> None:
    channel = await scene.channel()
    held = await scene.grants.load(channel.id)
    assert held is not None
    await scene.act("tokens/revoke", user_id=channel.id)
    await scene.tokens.condemn(channel.id, held.access_token, "revoked")
    line = Delivery(
        source="chat",
        message_id="line",
        kind="chat.say",
        lane=f"chat:{channel.id}",
        channel_id=channel.id,
        raw=json.dumps({"channel_id": channel.id, "text": "hello"}).encode(),
    )
    await scene.desk.intake.accept(line)
    await scene.quiet()
    assert (await scene.row(line.row_id)).waiting_for == "login"
    await leave(scene, channel)
    await scene.quiet()
    assert (await scene.row(line.row_id)).result == "channel_left"


async def test_twitch_that_does_not_answer_holds_it_up_for_a_while_only(scene: Scene) -> None:
    channel = await scene.channel()
    await vip(scene, channel, "ann")
    await scene.fault("DELETE", VIPS_PATH, times=10_000, status=500)
    row = await leave(scene, channel)
    await scene.quiet()
    assert (await scene.row(row)).state is RowState.OPEN
    assert await scene.repositories.channels.get(channel.id) is not None
    assert isinstance(scene.clock, StoryClock)
    scene.clock.step_wall(LONGEST_WAIT_MS)
    for _ in range(60):
        await scene.pass_ms(1000)
        await scene.quiet()
        if (await scene.row(row)).state is RowState.DONE:
            break
    assert (await scene.row(row)).result == "left_unfinished"
    assert await scene.repositories.channels.get(channel.id) is None
    await scene.heal()


CUTS = (
    ("channels", "change", True),  # paused, nothing queued
    ("inbox", "insert", True),  # some of it queued
    ("left_channels", "change", True),  # kept, not removed
    ("channels", "delete", True),  # removed, the grant lives
    ("tokens", "delete", False),  # revoked, not forgotten
    ("tokens", "delete", True),  # forgotten, the team is still in
    ("team", "find", False),
    ("logins", "find", True),
)


@pytest.mark.parametrize(("collection", "method", "after_effect"), CUTS)
@pytest.mark.parametrize("erase", [False, True])
async def test_cut_off_anywhere_it_is_completed(
    tmp_path: Path, collection: str, method: str, after_effect: bool, erase: bool
) -> None:
    async with open_scene(tmp_path, accounts=True) as scene:
        channel = await scene.channel()
        ann, _ = await vip(scene, channel, "ann")
        await logins(scene).open(subject=channel.id, login="streamer", name="S")
        row = await leave(scene, channel, erase=erase)
        scene.store.orders.fail(collection, method, after_effect=after_effect, times=2)
        await scene.finish()
        assert (await scene.row(row)).result == "left"
        await left_nothing(scene, channel)
        assert not scene.holds_vip(channel, ann)
        assert not await logins(scene).of(channel.id)
        assert scene.accounts is not None
        assert (await scene.accounts.parts.left.get(channel.id) is None) is erase
