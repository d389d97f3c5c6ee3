"""What is granted, needed, missing, and asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.wiring_accounts import Accounts
from domain.channel import Channel
from domain.errors import NotFound
from domain.rules import Rules
from gateways.twitch.scopes import VIP_FEATURES, Feature, features_of, missing_scopes, scopes_for
from gateways.twitch.tokens import StoredToken
from handlers.accounts.permissions import (
    GRANTABLE,
    Uses,
    features_named,
    permissions_of,
    scopes_to_ask,
)
from storage.channels import CHANNELS, Channels
from storage.open import open_store, sqlite_url
from storage.team import BOTS, Bot, Bots
from tests.support.clock import ManualClock
from tests.support.scene import Scene

CHANNEL = Channel("1", "anna", "Anna", chat=False)
CHANNEL = replace(
    CHANNEL,
    settings=replace(CHANNEL.settings, messages=replace(CHANNEL.settings.messages, answers_vip=False)),
)
BASICS = scopes_for((Feature.REWARDS, Feature.VIPS, Feature.MODERATOR_CHECK))


def grant(*scopes: str, dead: str = "") -> StoredToken:
    return StoredToken("1", "anna", "a", "r", scopes, 0, dead)


def test_everything_is_granted() -> None:
    found = permissions_of(CHANNEL, grant(*BASICS))
    assert (found.good, found.detail, found.missing) == (True, "", ())
    assert found.granted == BASICS
    on = {need.feature: need for need in found.needs}
    assert on[Feature.VIPS].on
    assert not on[Feature.BANS].on
    assert all(need.why for need in found.needs)


def test_a_rule_that_is_switched_on_needs_its_permission() -> None:
    rules = replace(CHANNEL.settings, rules=Rules(subscribers_only=True))
    found = permissions_of(replace(CHANNEL, settings=rules), grant(*BASICS))
    assert not found.good
    assert found.missing == ("channel:read:subscriptions",)
    assert "channel:read:subscriptions" in found.detail
    assert Feature.SUBSCRIBERS in found.ask_for


def test_what_was_granted_before_is_asked_for_again() -> None:
    found = permissions_of(CHANNEL, grant(*BASICS, "bits:read"))
    assert Feature.BITS in found.ask_for
    assert Feature.BANS not in found.ask_for, "what is only offered is not"


@pytest.mark.parametrize("held", [None, grant(*BASICS, dead="the password was changed")])
def test_of_a_grant_that_is_none_nothing_is_granted(held: StoredToken | None) -> None:
    found = permissions_of(CHANNEL, held)
    assert not found.good
    assert found.granted == ()
    assert found.missing == BASICS
    assert ("password" in found.detail) is (held is not None)


async def test_a_grant_is_measured_by_what_it_is_used_for(tmp_path: Path) -> None:
    store = await open_store(sqlite_url(tmp_path), clock=ManualClock())
    channels, bots = Channels(await store.collection(CHANNELS)), Bots(await store.collection(BOTS))
    uses = Uses(channels=channels, bots=bots, shared_id="9")
    assert await uses.lacking("1", []) == (), "nothing yet"
    rules = replace(CHANNEL.settings, rules=Rules(subscribers_only=True))
    await channels.put(replace(CHANNEL, settings=rules), lambda held: held)
    assert await uses.lacking("1", BASICS) == ("channel:read:subscriptions",)
    await bots.put(Bot("1", "7", "lamp_bot", "LampBot", 1))
    for speaker in ("7", "9"):
        assert await uses.lacking(speaker, ["user:bot"]) == ("user:write:chat",)
        assert await uses.lacking(speaker, ["user:write:chat"]) == (), "a bot manages no rewards"
    await bots.put(Bot("2", "1", "anna", "Anna", 1))
    assert await uses.lacking("1", ()) == tuple(
        sorted({*BASICS, "channel:read:subscriptions", "user:write:chat"})
    ), "a streamer who speaks elsewhere"
    await store.close()


def test_features_by_name_are_those_of_a_streamer() -> None:
    assert features_named(["bits", "nonsense", "chat_as_app_bot", "vips", ""]) == (Feature.BITS, Feature.VIPS)
    assert Feature.CHAT_AS_APP_CHANNEL not in GRANTABLE


def test_a_login_asks_for_the_basics_the_wish_and_what_there_was() -> None:
    basics = set(scopes_for(VIP_FEATURES))
    assert set(scopes_to_ask([], None)) == basics
    assert set(scopes_to_ask([Feature.BITS], grant("channel:moderate"))) == basics | {
        "bits:read",
        "channel:moderate",
    }
    assert set(scopes_to_ask([], grant("channel:moderate", dead="x"))) == basics


async def test_of_a_channel(scene: Scene, accounts: Accounts) -> None:
    channel = await scene.channel()
    found = await accounts.login.permissions.of(channel.id)
    assert "channel:manage:vips" in found.granted
    assert "bits:read" in await accounts.login.permissions.to_ask(channel.id, [])
    assert "bits:read" not in await accounts.login.permissions.to_ask("", [])
    fresh = await accounts.login.permissions.to_ask("", [])
    assert "user:read:chat" in fresh, "what a new channel has on is asked for with the rest"
    assert missing_scopes(fresh, features_of(Channel("", "", ""))) == ()
    with pytest.raises(NotFound):
        await accounts.login.permissions.of("999")
