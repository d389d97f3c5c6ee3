"""Who speaks in a channel, and what becomes of the grant of who speaks no more."""

from __future__ import annotations

from pathlib import Path

from daemon.wiring_accounts import Accounts
from domain.channel import Channel
from gateways.twitch.contracts import User
from tests.support.desk import open_scene
from tests.support.scene import Scene, grant_of


async def bot(scene: Scene, login: str) -> User:
    """An account that has granted us to speak as it."""
    row = await scene.act("viewers", login=login, name=login.title())
    told = await scene.act(
        "login", user_id=row["id"], scopes=["user:bot", "user:write:chat", "user:read:chat"]
    )
    await scene.tokens.put(row["id"], login, grant_of(told))
    return User(row["id"], login, login.title())


def alive(scene: Scene, user: User) -> bool:
    return scene.sim.stage.tokens.has_grant(scene.sim.client_id, user.id)


async def speaks(accounts: Accounts, channel: Channel) -> tuple[str, str]:
    speaker = await accounts.parts.speakers.of(channel.id)
    return speaker.id, speaker.kind


async def test_the_streamer_speaks_himself_until_somebody_else_does(scene: Scene, accounts: Accounts) -> None:
    speakers, channel, lamp = accounts.parts.speakers, await scene.channel(), await bot(scene, "lamp")
    assert await speaks(accounts, channel) == (channel.id, "self")
    await speakers.connect(channel.id, lamp)
    assert await speaks(accounts, channel) == (lamp.id, "bot")
    assert await speakers.disconnect(channel.id)
    assert await speaks(accounts, channel) == (channel.id, "self")
    assert not alive(scene, lamp)
    assert await scene.grants.load(lamp.id) is None
    assert not await speakers.disconnect(channel.id)
    assert await scene.actions(channel) == ["settings.changed", "settings.changed"]


async def test_a_grant_that_speaks_elsewhere_lives_on(scene: Scene, accounts: Accounts) -> None:
    speakers, lamp = accounts.parts.speakers, await bot(scene, "lamp")
    here, there = await scene.channel("here"), await scene.channel("there")
    await speakers.connect(here.id, lamp)
    await speakers.connect(there.id, lamp)
    await speakers.disconnect(here.id)
    assert alive(scene, lamp)
    await speakers.disconnect(there.id)
    assert not alive(scene, lamp)


async def test_one_who_is_a_streamer_here_keeps_his_own_grant(scene: Scene, accounts: Accounts) -> None:
    here, there = await scene.channel("here"), await scene.channel("there")
    other = User(there.id, there.login, there.name)
    await accounts.parts.speakers.connect(here.id, other)
    await accounts.parts.speakers.disconnect(here.id)
    assert alive(scene, other)


async def test_a_new_speaker_replaces_the_old_one(scene: Scene, accounts: Accounts) -> None:
    channel, lamp, torch = await scene.channel(), await bot(scene, "lamp"), await bot(scene, "torch")
    await accounts.parts.speakers.connect(channel.id, lamp)
    await accounts.parts.speakers.connect(channel.id, torch)
    assert await speaks(accounts, channel) == (torch.id, "bot")
    assert (alive(scene, lamp), alive(scene, torch)) == (False, True)


async def test_an_access_token_that_ran_out_is_no_reason_to_leave_the_grant(
    scene: Scene, accounts: Accounts
) -> None:
    channel, lamp = await scene.channel(), await bot(scene, "lamp")
    await accounts.parts.speakers.connect(channel.id, lamp)
    await scene.act("tokens/expire", user_id=lamp.id)
    await accounts.parts.speakers.disconnect(channel.id)
    assert not alive(scene, lamp)


async def test_lines_are_said_by_who_speaks_and_by_the_streamer_when_he_cannot(
    scene: Scene, accounts: Accounts
) -> None:
    channel, lamp = await scene.channel(), await bot(scene, "lamp")
    await accounts.parts.speakers.connect(channel.id, lamp)
    await scene.settled(await scene.redeem(channel, await scene.viewer("ann")))
    assert [entry.user_id for entry in scene.sim.ledger.of("chat", channel_id=channel.id)] == [lamp.id]
    await scene.act("tokens/revoke", user_id=lamp.id)
    await scene.settled(await scene.redeem(channel, await scene.viewer("ben")))
    said = [entry.user_id for entry in scene.sim.ledger.of("chat", channel_id=channel.id)]
    assert said == [lamp.id, channel.id]


async def test_the_operators_account_speaks_where_no_other_was_connected(tmp_path: Path) -> None:
    async with open_scene(tmp_path, accounts=True, chat_sender_id="101001") as scene:
        assert scene.accounts is not None
        shared = await bot(scene, "shared")
        assert shared.id == "101001"
        channel = await scene.channel()
        assert await speaks(scene.accounts, channel) == (shared.id, "shared_bot")
        await scene.accounts.parts.speakers.connect(channel.id, shared)
        await scene.accounts.parts.speakers.disconnect(channel.id)
        assert alive(scene, shared), "it is the operator's to end"
