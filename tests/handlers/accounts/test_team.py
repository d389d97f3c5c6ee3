"""Who is let in, by whom, for how long."""

from __future__ import annotations

import pytest

from daemon.wiring_accounts import Accounts
from domain.audit import streamer
from domain.channel import Channel
from domain.errors import Conflict, NotFound, Rejected
from handlers.accounts import team as module
from tests.support.scene import MODERATORS_PATH, Scene


async def add(accounts: Accounts, channel: Channel, login: str) -> str:
    return (await accounts.parts.team.add(channel.id, login, actor=streamer(channel.id))).user_id


async def test_somebody_is_let_in_by_name_and_out_again(scene: Scene, accounts: Accounts) -> None:
    team, channel, mia = accounts.parts.team, await scene.channel(), await scene.viewer("mia")
    key, _ = await accounts.parts.logins.open(subject=mia.id, login="mia", name="Mia")
    assert await add(accounts, channel, "MIA") == mia.id
    (listed,) = await team.listed(channel.id)
    assert (listed.member.login, listed.member.name, listed.is_moderator) == ("mia", "Mia", False)
    assert listed.last_seen_at == scene.clock.now()
    found = await accounts.parts.logins.read(key)
    assert found is not None
    assert found.roles == {channel.id: "moderator"}
    await scene.pass_ms(1)
    await team.remove(channel.id, mia.id, actor=streamer(channel.id))
    found = await accounts.parts.logins.read(key)
    assert found is not None
    assert found.roles == {}
    with pytest.raises(NotFound):
        await team.remove(channel.id, mia.id, actor=streamer(channel.id))
    assert [record.detail for record in await scene.trail(channel)] == [
        {"team": {"added": ["mia"]}}, {"team": {"removed": [mia.id]}}
    ]  # fmt: skip
    told = [entry.body["parts"] for entry in await scene.entries(channel) if entry.kind == "settings"]
    assert told == [["team"], ["team"]]


async def test_who_cannot_be_let_in(scene: Scene, accounts: Accounts) -> None:
    channel = await scene.channel()
    with pytest.raises(NotFound):
        await add(accounts, channel, "nobody_there")
    with pytest.raises(Conflict):
        await add(accounts, channel, channel.login)


async def test_adding_twice_changes_nothing(scene: Scene, accounts: Accounts) -> None:
    channel, mia = await scene.channel(), await scene.viewer("mia")
    await add(accounts, channel, "mia")
    (before,) = await accounts.parts.team.listed(channel.id)
    await scene.pass_ms(5000)
    await add(accounts, channel, "mia")
    assert await accounts.parts.team.listed(channel.id) == [before]
    assert before.member.user_id == mia.id


async def test_all_moderators_of_now_are_let_in_at_once(scene: Scene, accounts: Accounts) -> None:
    channel = await scene.channel()
    for login in ("mia", "noah"):
        viewer = await scene.viewer(login)
        await scene.act("moderators", channel_id=channel.id, user_id=viewer.id)
    await scene.viewer("ann")
    assert await accounts.parts.team.add_moderators(channel.id, actor=streamer(channel.id)) == 2
    listed = await accounts.parts.team.listed(channel.id)
    assert [(one.member.login, one.member.moderator, one.is_moderator) for one in listed] == [
        ("mia", True, True), ("noah", True, True)
    ]  # fmt: skip


async def test_who_loses_the_role_on_twitch_is_out(scene: Scene, accounts: Accounts) -> None:
    channel, mia = await scene.channel(), await scene.viewer("mia")
    await add(accounts, channel, "mia")
    await scene.role("moderator.remove", channel, mia)
    await scene.finish()
    assert await accounts.parts.team.listed(channel.id) == []
    await scene.role("moderator.remove", channel, mia)
    await scene.finish()


async def test_while_twitch_cannot_say_it_is_not_known(scene: Scene, accounts: Accounts) -> None:
    channel, mia = await scene.channel(), await scene.viewer("mia")
    await add(accounts, channel, "mia")
    await scene.fault("GET", MODERATORS_PATH, times=10, status=500)
    (listed,) = await accounts.parts.team.listed(channel.id)
    assert listed.is_moderator is None
    assert await accounts.parts.team.still_in(mia.id)
    await scene.heal()


async def test_a_team_is_bounded(scene: Scene, accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MEMBERS", 1)
    channel = await scene.channel()
    await scene.viewer("mia")
    await scene.viewer("noah")
    await add(accounts, channel, "mia")
    await add(accounts, channel, "mia")
    with pytest.raises(Rejected) as caught:
        await add(accounts, channel, "noah")
    assert caught.value.code == "team.full"


async def test_a_channel_that_leaves_has_no_team(scene: Scene, accounts: Accounts) -> None:
    here, there, mia = await scene.channel("here"), await scene.channel("there"), await scene.viewer("mia")
    await add(accounts, here, "mia")
    await add(accounts, there, "mia")
    await accounts.parts.team.disband(here.id)
    assert [member.channel_id for member in await accounts.parts.team.still_in(mia.id)] == [there.id]
