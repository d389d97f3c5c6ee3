"""From Twitch's answer to a channel, a moderator, or a refusal; what was granted before is never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.wiring_accounts import Accounts
from domain.audit import streamer
from gateways.twitch.contracts import TwitchDown
from handlers.accounts.consent import BOT, VIEWER, LoginFailed
from handlers.accounts.speakers import BOT_SCOPES
from storage.left import LEFT, LeftChannels
from tests.handlers.accounts.twitch_page import BROWSER, agree, begin, come_back, log_in
from tests.support.scene import MODERATORS_PATH, Scene

VIPS, BITS, SUBS = "channel:manage:vips", "bits:read", "channel:read:subscriptions"


async def stranger(scene: Scene, login: str) -> str:
    """An account at Twitch with a channel that we know nothing of."""
    row = await scene.act("channels", login=login, name=login.title())
    await scene.act("tokens/revoke", user_id=row["id"])
    return str(row["id"])


async def granted(scene: Scene, user_id: str) -> tuple[str, ...]:
    held = await scene.tokens.standing(user_id)
    return () if held is None else tuple(sorted(held.scopes))


async def refused(scene: Scene, accounts: Accounts, who: str, *scopes: str, **more: str) -> str:
    with pytest.raises(LoginFailed) as caught:
        await log_in(scene, accounts, who, *scopes, **more)
    return caught.value.reason


async def test_a_streamer_has_a_channel_without_a_reward(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    arrived = await log_in(scene, accounts, "anna", VIPS)
    assert (arrived.go_to, arrived.again) == ("/back", False)
    assert arrived.user is not None
    assert (arrived.user.id, arrived.user.login, arrived.user.name) == (anna, "anna", "Anna")
    channel = await scene.repositories.channels.get(anna)
    assert channel is not None
    assert (channel.login, channel.name, channel.rewards) == ("anna", "Anna", ())
    assert channel.added_at == scene.clock.now()
    assert scene.watch.told[-1] == ("add", anna)
    assert await granted(scene, anna) == (VIPS,)


async def test_signing_in_again_keeps_everything_but_the_names(scene: Scene, accounts: Accounts) -> None:
    channel = await scene.channel("anna")
    await scene.repositories.channels.put(channel, lambda held: replace(held, login="old", language="de"))
    await log_in(scene, accounts, "anna", VIPS)
    held = await scene.repositories.channels.get(channel.id)
    assert held == replace(channel, language="de")


async def test_who_left_and_comes_back_finds_his_settings(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    left = LeftChannels(await scene.store.collection(LEFT))
    await log_in(scene, accounts, "anna", VIPS)
    channel = await scene.repositories.channels.get(anna)
    assert channel is not None
    await left.put(replace(channel, language="pt"))
    await scene.repositories.channels.remove(anna)
    await log_in(scene, accounts, "anna", VIPS)
    held = await scene.repositories.channels.get(anna)
    assert held is not None
    assert held.language == "pt"
    assert await left.get(anna) is None


async def test_who_says_no_or_is_cut_off(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    assert await refused(scene, accounts, "deny", VIPS) == "access_denied"
    back = await agree(scene, await begin(accounts, VIPS), "anna")
    await scene.fault("POST", "/oauth2/token", status=503)
    with pytest.raises(LoginFailed) as caught:
        await come_back(accounts, back)
    assert caught.value.reason == "twitch_down"
    back = await agree(scene, await begin(accounts, VIPS), "anna")
    await scene.fault("GET", "/oauth2/validate", status=503)
    with pytest.raises(LoginFailed) as caught:
        await come_back(accounts, back)
    assert caught.value.reason == "twitch_down"
    await scene.fault("POST", "/oauth2/token", status=403)
    assert await refused(scene, accounts, "anna", VIPS) == "exchange"
    assert await scene.repositories.channels.get(anna) is None
    await log_in(scene, accounts, "anna", VIPS)
    assert await scene.repositories.channels.get(anna) is not None


async def test_the_login_is_the_name_while_twitch_does_not_tell_it(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    await scene.fault("GET", "/helix/users", times=10, status=500)
    arrived = await log_in(scene, accounts, "anna", VIPS)
    await scene.heal()
    assert arrived.user is not None
    assert (arrived.user.id, arrived.user.name) == (anna, "anna")


async def test_a_stranger_is_refused_and_his_grant_ended(scene: Scene, accounts: Accounts) -> None:
    await stranger(scene, "anna")
    ben = await stranger(scene, "ben")
    await log_in(scene, accounts, "anna", VIPS)
    assert await refused(scene, accounts, "ben", VIPS) == "not_invited"
    assert await scene.repositories.channels.get(ben) is None
    assert await granted(scene, ben) == ()
    assert not scene.sim.stage.tokens.has_grant(scene.sim.client_id, ben)
    assert await refused(scene, accounts, "ben") == "not_invited", "nor as a moderator of nobody"


async def test_a_member_of_a_team_is_let_in_without_a_channel(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    mia = await stranger(scene, "mia")
    await log_in(scene, accounts, "anna", VIPS)
    await accounts.parts.team.add(anna, "mia", actor=streamer(anna))
    for scopes in ((), (VIPS,)):
        arrived = await log_in(scene, accounts, "mia", *scopes)
        assert arrived.user is not None
        assert (arrived.user.id, arrived.user.name) == (mia, "Mia")
    assert await scene.repositories.channels.get(mia) is None
    assert await granted(scene, mia) == ()
    assert not [
        one for one in scene.sim.stage.tokens._grants.values() if one.user_id == mia and one.scopes
    ], "what was not needed is ended"


async def test_a_moderator_who_is_none_any_more_is_found_out_when_he_comes(
    scene: Scene, accounts: Accounts
) -> None:
    anna = await stranger(scene, "anna")
    mia = await stranger(scene, "mia")
    await log_in(scene, accounts, "anna", VIPS, "moderation:read")
    await scene.act("moderators", channel_id=anna, user_id=mia)
    assert await accounts.parts.team.add_moderators(anna, actor=streamer(anna)) == 1
    await log_in(scene, accounts, "mia")
    await scene.act("moderators", channel_id=anna, user_id=mia, remove=True)  # and the notice is lost
    await scene.fault("GET", MODERATORS_PATH, times=10, status=500)
    await log_in(scene, accounts, "mia")
    await scene.heal()
    assert await refused(scene, accounts, "mia") == "not_invited"


async def test_less_than_before_changes_nothing(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    await log_in(scene, accounts, "anna", VIPS, BITS)
    before = await scene.tokens.standing(anna)
    arrived = await log_in(scene, accounts, "anna", VIPS)
    assert not arrived.again
    assert await scene.tokens.standing(anna) == before


async def test_other_than_before_is_asked_for_together(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    await log_in(scene, accounts, "anna", VIPS, BITS)
    arrived = await log_in(scene, accounts, "anna", VIPS, SUBS)
    assert arrived.again
    assert arrived.user is None
    assert await granted(scene, anna) == tuple(sorted((VIPS, BITS)))
    final = await come_back(accounts, await agree(scene, arrived.go_to, "anna"))
    assert (final.go_to, final.again) == ("/back", False)
    assert await granted(scene, anna) == tuple(sorted((VIPS, BITS, SUBS)))


async def test_at_the_second_question_nobody_else_may_answer(scene: Scene, accounts: Accounts) -> None:
    await stranger(scene, "anna")
    await stranger(scene, "ben")
    await log_in(scene, accounts, "anna", VIPS, BITS)
    arrived = await log_in(scene, accounts, "anna", VIPS, SUBS)
    with pytest.raises(LoginFailed) as caught:
        await come_back(accounts, await agree(scene, arrived.go_to, "ben"))
    assert caught.value.reason == "mismatch"


async def test_a_grant_that_is_dead_at_twitch_is_replaced_by_a_smaller_one(
    scene: Scene, accounts: Accounts
) -> None:
    anna = await stranger(scene, "anna")
    await log_in(scene, accounts, "anna", VIPS, BITS)
    await scene.act("tokens/revoke", user_id=anna)  # nobody has told us
    arrived = await log_in(scene, accounts, "anna", VIPS)
    assert not arrived.again
    assert await granted(scene, anna) == (VIPS,)
    assert await scene.tokens.access_token(anna)


async def test_whether_it_is_dead_has_to_be_known(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    await log_in(scene, accounts, "anna", VIPS, BITS)
    back = await agree(scene, await begin(accounts, VIPS), "anna")
    consent = await accounts.login.flow.answer(state=back["state"], binding=BROWSER)
    less = await accounts.login.flow.exchange(back["code"])
    await scene.fault("GET", "/oauth2/validate", status=503)
    with pytest.raises(TwitchDown):
        await accounts.login.signing_in.arrive(consent, less, binding=BROWSER)
    assert await granted(scene, anna) == tuple(sorted((VIPS, BITS)))


async def test_who_was_asked_has_to_answer(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    await stranger(scene, "ben")
    await log_in(scene, accounts, "anna", VIPS)
    assert await refused(scene, accounts, "ben", VIPS, subject=anna) == "mismatch"
    assert (await log_in(scene, accounts, "anna", VIPS, subject=anna)).user is not None


async def test_a_bot_speaks_for_the_streamer_who_asked_for_it(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    bot = await stranger(scene, "lamp_bot")
    await log_in(scene, accounts, "anna", VIPS)
    asked = {"purpose": BOT, "channel_id": anna, "by": anna}
    for by in ("", "999", bot):
        assert await refused(scene, accounts, "lamp_bot", *BOT_SCOPES, **asked, answered_by=by) == "mismatch"
    assert not scene.sim.stage.tokens.has_grant(scene.sim.client_id, bot)
    other = {**asked, "channel_id": bot}
    assert await refused(scene, accounts, "lamp_bot", *BOT_SCOPES, **other, answered_by=anna) == "mismatch"
    assert await refused(scene, accounts, "anna", *BOT_SCOPES, **asked, answered_by=anna) == "mismatch"
    arrived = await log_in(scene, accounts, "lamp_bot", *BOT_SCOPES, **asked, answered_by=anna)
    assert arrived.user is None, "nobody is signed in by it"
    assert (await accounts.parts.speakers.of(anna)).login == "lamp_bot"
    assert await granted(scene, bot) == BOT_SCOPES
    await scene.repositories.channels.remove(anna)
    assert await refused(scene, accounts, "lamp_bot", *BOT_SCOPES, **asked, answered_by=anna) == "mismatch"


async def test_a_bot_that_is_a_streamer_here_keeps_what_it_granted(scene: Scene, accounts: Accounts) -> None:
    anna = await scene.channel("anna")
    ben = await scene.channel("ben")
    before = await granted(scene, ben.id)
    asked = {"purpose": BOT, "channel_id": anna.id, "by": anna.id}
    arrived = await log_in(scene, accounts, "ben", *BOT_SCOPES, **asked, answered_by=anna.id)
    assert not arrived.again
    assert await granted(scene, ben.id) == before
    assert (await accounts.parts.speakers.of(anna.id)).id == ben.id


async def test_a_viewer_needs_no_invitation_and_leaves_no_grant(scene: Scene, accounts: Accounts) -> None:
    anna = await stranger(scene, "anna")
    await log_in(scene, accounts, "anna", VIPS)
    viewer = await scene.viewer("ann")
    arrived = await log_in(scene, accounts, "ann", purpose=VIEWER, return_to="/party/mint-owl-7kq4xz")
    assert arrived.go_to == "/party/mint-owl-7kq4xz"
    assert arrived.user is not None
    assert (arrived.user.id, arrived.user.login, arrived.user.name) == (viewer.id, "ann", "Ann")
    assert await granted(scene, viewer.id) == ()
    assert await scene.repositories.channels.get(viewer.id) is None
    assert await refused(scene, accounts, "ann") == "not_invited", "as anybody else he is still a stranger"
    _, session = await accounts.parts.logins.open(subject=viewer.id, login="ann", name="Ann")
    assert session.roles == {}
    assert await granted(scene, anna) == (VIPS,)


async def test_a_viewer_may_come_before_any_streamer_and_does_not_become_the_host(
    scene: Scene, accounts: Accounts
) -> None:
    viewer = await scene.viewer("ann")
    arrived = await log_in(scene, accounts, "ann", purpose=VIEWER)
    assert arrived.user is not None
    assert (arrived.user.id, arrived.user.name) == (viewer.id, "ann")
    assert await accounts.admission.nobody_yet()


async def test_a_streamer_who_comes_as_a_viewer_keeps_his_grant_and_his_channel(
    scene: Scene, accounts: Accounts
) -> None:
    anna = await stranger(scene, "anna")
    await log_in(scene, accounts, "anna", VIPS)
    arrived = await log_in(scene, accounts, "anna", purpose=VIEWER)
    assert arrived.user is not None
    assert arrived.user.name == "Anna"
    assert await granted(scene, anna) == (VIPS,)
    _, session = await accounts.parts.logins.open(subject=anna, login="anna", name="Anna")
    assert session.roles == {anna: "owner"}
