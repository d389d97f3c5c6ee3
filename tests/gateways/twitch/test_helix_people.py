"""Users and chat."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.errors import Rejected
from gateways.twitch.contracts import Chat, ChatAnswer, LoginNeeded, TwitchBroken, TwitchDown, Waiting
from tests.gateways.twitch.scripted import (
    CHANNEL,
    FIRST_TOKEN,
    VIEWER,
    Rig,
    Says,
    a_token,
    data,
    html,
    rigged,
    sorry,
)

BOT = "55"
CHAT = ("POST", "/chat/messages")


def sent(**row: Any) -> Says:
    return data({"message_id": "m-1", "is_sent": True, "drop_reason": None, **row})


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged(a_token(), a_token(user_id=BOT, access_token="bot")) as rig:
        yield rig


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (sent(), ChatAnswer(Chat.SENT, "m-1")),
        (
            sent(is_sent=False, message_id="", drop_reason={"code": "rate_limited", "message": "x"}),
            ChatAnswer(Chat.DROPPED, "", "rate_limited"),
        ),
        (sent(is_sent=False, message_id=None), ChatAnswer(Chat.DROPPED)),
        (sorry(403, "banned"), ChatAnswer(Chat.FORBIDDEN, reason="banned")),
        (sorry(422, "too long"), ChatAnswer(Chat.TOO_LONG, reason="too long")),
    ],
)
async def test_say(rig: Rig, answer: Says, outcome: ChatAnswer) -> None:
    rig.twitch.on(*CHAT, answer)
    assert await rig.helix.say(CHANNEL, BOT, "Hi ü") == outcome
    (heard,) = rig.twitch.heard
    assert json.loads(heard.body) == {"broadcaster_id": CHANNEL, "sender_id": BOT, "message": "Hi ü"}
    assert heard.headers["Authorization"] == "Bearer bot", "the sender's token"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (sorry(400, "no"), TwitchBroken),
        (html(403), TwitchBroken),
        (html(200), TwitchBroken),
        (data(), TwitchBroken),
        (data({"is_sent": "yes"}), TwitchBroken),
        (html(500), TwitchDown),
        (sorry(401, "Missing scope: user:write:chat"), LoginNeeded),
        (sorry(429, "slow", Ratelimit_Remaining="5"), Waiting),
    ],
)
async def test_say_raises(rig: Rig, answer: Says, error: type[Exception]) -> None:
    rig.twitch.on(*CHAT, answer)
    with pytest.raises(error) as caught:
        await rig.helix.say(CHANNEL, BOT, "Hi")
    if isinstance(caught.value, LoginNeeded):
        assert (caught.value.channel_id, caught.value.scopes) == (BOT, ("user:write:chat",))


@pytest.mark.parametrize("answer", [html(503), Says(drop=True)])
async def test_what_may_have_been_said_is_not_said_again(rig: Rig, answer: Says) -> None:
    rig.twitch.on(*CHAT, answer, sent())
    with pytest.raises(TwitchDown):
        await rig.helix.say(CHANNEL, BOT, "Hi")
    assert len(rig.twitch.heard) == 1


async def test_a_long_message_is_not_sent(rig: Rig) -> None:
    rig.twitch.on(*CHAT, sent())
    assert (await rig.helix.say(CHANNEL, BOT, "x" * 501)).outcome is Chat.TOO_LONG
    assert rig.twitch.heard == []
    assert (await rig.helix.say(CHANNEL, BOT, "x" * 500)).outcome is Chat.SENT


async def test_the_pace_of_chat_is_per_channel_and_sender(rig: Rig) -> None:
    rig.twitch.on(*CHAT, sent())
    for _ in range(20):
        await rig.helix.say(CHANNEL, BOT, "Hi")
    with pytest.raises(Waiting) as caught:
        await rig.helix.say(CHANNEL, BOT, "Hi")
    assert caught.value.retry_after_seconds == pytest.approx(30)
    await rig.helix.say("200", BOT, "Hi")
    await rig.helix.say(CHANNEL, CHANNEL, "Hi")
    assert len(rig.twitch.heard) == 22


async def test_users(rig: Rig) -> None:
    row = {"id": "7", "login": "ann", "display_name": "Ann", "broadcaster_type": "affiliate", "email": "x"}
    rig.twitch.on("GET", "/users", data(row))
    (user,) = await rig.helix.users(CHANNEL, ids=["7"], logins=["ann"])
    assert (user.id, user.login, user.name, user.broadcaster_type) == ("7", "ann", "Ann", "affiliate")
    (heard,) = rig.twitch.heard
    assert heard.query == (("id", "7"), ("login", "ann"))
    assert heard.headers["Authorization"] == f"Bearer {FIRST_TOKEN}"


async def test_users_by_the_hundred(rig: Rig) -> None:
    rig.twitch.on("GET", "/users", data())
    await rig.helix.users(CHANNEL, ids=[str(number) for number in range(150)], logins=["a"] * 60)
    assert [len(heard.query) for heard in rig.twitch.heard] == [100, 100, 10]


async def test_nobody_is_asked_for(rig: Rig) -> None:
    """Without a parameter Twitch would answer with the owner of the token."""
    assert await rig.helix.users(CHANNEL) == []
    assert rig.twitch.heard == []


async def test_a_login_that_cannot_be_one(rig: Rig) -> None:
    rig.twitch.on("GET", "/users", sorry(400, "Bad Identifiers"))
    with pytest.raises(Rejected, match="Bad Identifiers"):
        await rig.helix.users(CHANNEL, logins=["ü"])


@pytest.mark.parametrize(
    ("path", "ask", "row", "yes", "no"),
    [
        ("/moderation/banned", "is_banned", {"user_id": VIEWER, "expires_at": ""}, True, False),
        (
            "/moderation/banned",
            "is_banned",
            {"user_id": VIEWER, "expires_at": "2026-01-01T00:00:00Z"},
            False,
            False,
        ),
        ("/subscriptions", "is_subscriber", {"user_id": VIEWER, "tier": "1000"}, True, False),
        (
            "/channels/followers",
            "followed_at",
            {"user_id": VIEWER, "followed_at": "1970-01-01T00:00:02Z"},
            2000,
            None,
        ),
    ],
)
async def test_what_is_asked_about_one_viewer(
    rig: Rig, path: str, ask: str, row: dict[str, str], yes: object, no: object
) -> None:
    question = getattr(rig.helix, ask)
    rig.twitch.on("GET", path, data(row), data(), data({**row, "user_id": "8"}), data({"nonsense": 1}))
    assert await question(CHANNEL, VIEWER) == yes
    assert await question(CHANNEL, VIEWER) == no
    assert await question(CHANNEL, VIEWER) == no, "an answer about somebody else"
    heard = rig.twitch.calls("GET", path)[0]
    assert heard.many("broadcaster_id") == [CHANNEL]
    assert heard.many("user_id") == [VIEWER]
    assert heard.headers["Authorization"] == f"Bearer {FIRST_TOKEN}", "the broadcaster's token"
    with pytest.raises(TwitchBroken):
        await question(CHANNEL, VIEWER)
    rig.twitch.on("GET", path, sorry(401, "Missing scope: x:y"))
    with pytest.raises(LoginNeeded):
        await question(CHANNEL, VIEWER)


async def test_stream(rig: Rig) -> None:
    row = {"user_id": CHANNEL, "type": "live", "started_at": "1970-01-01T00:00:03.5Z"}
    rig.twitch.on("GET", "/streams", data(row), data())
    assert await rig.helix.stream(CHANNEL) == 3500
    assert await rig.helix.stream(CHANNEL) is None
    assert rig.twitch.calls("GET", "/streams")[0].many("user_id") == [CHANNEL]


async def test_user_by_login(rig: Rig) -> None:
    row = {"id": VIEWER, "login": "ann", "display_name": "Ann"}
    rig.twitch.on("GET", "/users", data(row), data(), sorry(400, "bad login"))
    found = await rig.helix.user_by_login(CHANNEL, " Ann ")
    assert found is not None
    assert (found.id, found.name) == (VIEWER, "Ann")
    assert await rig.helix.user_by_login(CHANNEL, "ann") is None
    assert await rig.helix.user_by_login(CHANNEL, "no login!") is None
    assert rig.twitch.calls("GET", "/users")[0].many("login") == ["ann"]
