"""EventSub subscriptions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from domain.errors import Conflict, Rejected
from gateways.twitch.contracts import LoginNeeded, TwitchBroken, TwitchDown, Waiting
from tests.gateways.twitch.scripted import CHANNEL, FIRST_TOKEN, Rig, Says, data, html, rigged, sorry
from tests.gateways.twitch.test_oauth import APP
from tests.gateways.twitch.test_shapes import SUBSCRIPTION

PATH = "/eventsub/subscriptions"
SOCKET = {"method": "websocket", "session_id": "S"}
WEBHOOK = {"method": "webhook", "callback": "https://h.example/e", "secret": "s" * 20}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


async def subscribe(
    rig: Rig, transport: dict[str, str] = SOCKET, event_type: str = "channel.vip.add"
) -> object:
    return await rig.helix.subscribe(CHANNEL, event_type, "1", {"broadcaster_user_id": CHANNEL}, transport)


async def test_subscribe_with_the_users_token(rig: Rig) -> None:
    rig.twitch.on(
        "POST", PATH, Says(202, {"data": [SUBSCRIPTION], "total": 1, "total_cost": 0, "max_total_cost": 10})
    )
    made = await rig.helix.subscribe(
        CHANNEL, "channel.vip.add", "1", {"broadcaster_user_id": CHANNEL}, SOCKET
    )
    assert (made.id, made.status, made.session_id) == ("sub-1", "enabled", "S")
    (heard,) = rig.twitch.heard
    assert heard.headers["Authorization"] == f"Bearer {FIRST_TOKEN}"
    assert json.loads(heard.body) == {
        "type": "channel.vip.add",
        "version": "1",
        "condition": {"broadcaster_user_id": CHANNEL},
        "transport": SOCKET,
    }


async def test_webhooks_take_the_applications_token(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", Says(200, APP))
    rig.twitch.on("POST", PATH, Says(202, {"data": [SUBSCRIPTION]}))
    await subscribe(rig, WEBHOOK)
    assert rig.twitch.heard[-1].headers["Authorization"] == f"Bearer {APP['access_token']}"


async def test_the_applications_token_is_fetched_again_once(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", Says(200, APP), Says(200, {**APP, "access_token": "second"}))
    rig.twitch.on("POST", PATH, sorry(401, "Invalid OAuth token"), Says(202, {"data": [SUBSCRIPTION]}))
    await subscribe(rig, WEBHOOK)
    assert rig.twitch.heard[-1].headers["Authorization"] == "Bearer second"
    rig.twitch.on("GET", PATH, sorry(401, "Invalid OAuth token"))
    with pytest.raises(TwitchBroken):
        await rig.helix.subscriptions("")
    assert rig.dead == []


async def test_no_application_token_at_all() -> None:
    async with rigged(app_token=None) as rig:
        with pytest.raises(TwitchBroken):
            await subscribe(rig, WEBHOOK)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (sorry(400, "websocket transport session does not exist"), Rejected),
        (sorry(403, "subscription missing proper authorization"), LoginNeeded),
        (sorry(409, "subscription already exists"), Conflict),
        (sorry(429, "number of websocket transports limit exceeded", Ratelimit_Remaining="700"), Waiting),
        (sorry(401, "Missing scope"), LoginNeeded),
        (html(400), TwitchBroken),
        (html(409), TwitchBroken),
        (Says(202, {"data": []}), TwitchBroken),
        (html(502), TwitchDown),
    ],
)
async def test_subscribe_raises(rig: Rig, answer: Says, error: type[Exception]) -> None:
    rig.twitch.on("POST", PATH, answer)
    with pytest.raises(error):
        await subscribe(rig)


@pytest.mark.parametrize(
    ("event_type", "scopes"),
    [("channel.vip.add", ("channel:manage:vips",)), ("channel.unheard_of", ("unknown",))],
)
async def test_a_403_names_the_scope(rig: Rig, event_type: str, scopes: tuple[str, ...]) -> None:
    rig.twitch.on("POST", PATH, sorry(403, "subscription missing proper authorization"))
    with pytest.raises(LoginNeeded) as caught:
        await subscribe(rig, event_type=event_type)
    assert (caught.value.channel_id, caught.value.scopes) == (CHANNEL, scopes)


async def test_a_401_about_ids_names_no_scope(rig: Rig) -> None:
    rig.twitch.on("POST", PATH, sorry(401, "Client ID and OAuth token do not match"))
    with pytest.raises(LoginNeeded) as caught:
        await subscribe(rig)
    assert caught.value.scopes == ()


async def test_list(rig: Rig) -> None:
    webhook = {
        **SUBSCRIPTION,
        "id": "sub-2",
        "transport": {"method": "webhook", "callback": "https://h.example"},
    }
    rig.twitch.on("GET", PATH, data(SUBSCRIPTION, cursor="c"), data(webhook))
    first, second = await rig.helix.subscriptions(CHANNEL)
    assert (first.session_id, second.callback) == ("S", "https://h.example")


async def test_delete(rig: Rig) -> None:
    rig.twitch.on("DELETE", PATH, Says(204), sorry(404, "gone"), html(503), sorry(404, "gone"))
    assert await rig.helix.unsubscribe(CHANNEL, "sub-1") is True
    assert await rig.helix.unsubscribe(CHANNEL, "sub-1") is False
    assert await rig.helix.unsubscribe(CHANNEL, "sub-1") is True, "the first attempt, behind the 503, did it"
    assert rig.twitch.heard[0].query == (("id", "sub-1"),)
