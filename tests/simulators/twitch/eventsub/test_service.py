"""Creating subscriptions, their refusals, and the way of an event to its subscribers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.twitch.playground import REDEMPTION_ADD, REDEMPTION_UPDATE, Playground, playground


async def test_subscription_body(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    answer = await play.subscribe(streamer, socket, "channel.vip.add")
    assert answer.status == 202
    assert (answer.json["total"], answer.json["total_cost"], answer.json["max_total_cost"]) == (1, 0, 10)
    row = answer.json["data"][0]
    assert row["condition"] == {"broadcaster_user_id": streamer.id}
    assert (row["status"], row["cost"], row["transport"]["session_id"]) == ("enabled", 0, socket.session_id)


async def test_notification_carries_the_redemption(play: Playground) -> None:
    streamer, socket, viewer = await play.streamer(), await play.socket(), await play.viewer()
    reward = await play.reward(streamer)
    await play.subscribe(streamer, socket)
    await play.subscribe(streamer, socket, REDEMPTION_UPDATE)
    redemption = await play.redeem(streamer, reward, viewer)
    frame = await socket.of_type("notification")
    assert frame["metadata"]["subscription_type"] == REDEMPTION_ADD
    event = frame["payload"]["event"]
    assert (event["id"], event["status"], event["user_id"]) == (redemption, "unfulfilled", viewer)
    await play.resolve(streamer, reward, redemption, "CANCELED")
    frame = await socket.of_type("notification")
    assert frame["payload"]["event"]["status"] == "canceled"


async def test_condition_on_a_reward(play: Playground) -> None:
    streamer, socket, viewer = await play.streamer(), await play.socket(), await play.viewer()
    first, second = await play.reward(streamer, "one"), await play.reward(streamer, "two")
    await play.subscribe(streamer, socket, reward_id=second)
    await play.redeem(streamer, first, viewer)
    wanted = await play.redeem(streamer, second, viewer)
    assert (await socket.of_type("notification"))["payload"]["event"]["id"] == wanted


async def test_one_user_per_socket(play: Playground) -> None:
    one, two, socket = await play.streamer("one"), await play.streamer("two"), await play.socket()
    assert (await play.subscribe(one, socket)).status == 202
    answer = await play.subscribe(two, socket)
    assert answer.json == {
        "error": "Bad Request",
        "status": 400,
        "message": "websocket transport cannot have subscriptions created by different users",
    }


async def test_existing_subscription_is_409_with_its_id(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    first = (await play.subscribe(streamer, socket)).json["data"][0]["id"]
    answer = await play.subscribe(streamer, socket)
    assert (answer.status, answer.json["id"]) == (409, first)


async def test_fourth_socket_is_429(play: Playground) -> None:
    streamer = await play.streamer()
    kinds = ("channel.vip.add", "channel.vip.remove", REDEMPTION_ADD, REDEMPTION_UPDATE)
    answers = [await play.subscribe(streamer, await play.socket(), kind) for kind in kinds]
    assert [answer.status for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].message == "number of websocket transports limit exceeded"


async def test_same_condition_three_times_at_most() -> None:
    async with playground(sockets_per_user=9) as play:
        streamer = await play.streamer()
        answers = [await play.subscribe(streamer, await play.socket()) for _ in range(4)]
        assert [answer.status for answer in answers] == [202, 202, 202, 429]
        assert answers[-1].message == "maximum subscriptions with type and condition exceeded"


async def test_accounting_lags_behind_a_lost_socket() -> None:
    async with playground(accounting_lag_s=30, sockets_per_user=1) as play:
        streamer, socket = await play.streamer(), await play.socket()
        row = (await play.subscribe(streamer, socket)).json["data"][0]
        await play.sim("eventsub/close", code=4000)
        await socket.closed()
        again = await play.socket()
        assert (await play.subscribe(streamer, again)).status == 429
        assert (
            await play.helix("DELETE", "/eventsub/subscriptions", streamer.token, id=row["id"])
        ).status == 204
        assert (await play.subscribe(streamer, again)).status == 202


async def test_subscriptions_per_socket() -> None:
    async with playground(subscriptions_per_socket=1) as play:
        streamer, socket = await play.streamer(), await play.socket()
        assert (await play.subscribe(streamer, socket)).status == 202
        assert (await play.subscribe(streamer, socket, "channel.vip.add")).status == 429


async def test_cost_of_channels_that_do_not_know_the_application() -> None:
    async with playground(user_max_total_cost=1) as play:
        streamer, socket = await play.streamer(), await play.socket()
        assert (await play.subscribe(streamer, socket, "stream.online")).json["total_cost"] == 0
        stranger, other = await play.viewer("stranger"), await play.viewer("other")
        answer = await play.subscribe(streamer, socket, "stream.online", broadcaster_user_id=stranger)
        assert (answer.status, answer.json["total_cost"]) == (202, 1)
        assert (
            await play.subscribe(streamer, socket, "stream.online", broadcaster_user_id=other)
        ).status == 429


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"type": "channel.unknown"}, 400),
        ({"type": 7}, 400),
        ({"version": "9"}, 400),
        ({"condition": {}}, 400),
        ({"condition": {"broadcaster_user_id": 7}}, 400),
        ({"condition": "none"}, 400),
        ({"condition": {"broadcaster_user_id": "999999"}}, 400),
        ({"transport": {}}, 400),
        ({"transport": {"method": "websocket", "session_id": "gone"}}, 400),
        ({"transport": {"method": "webhook", "callback": "https://x.test/", "secret": "1234567890"}}, 400),
        ({"type": "user.authorization.revoke", "condition": {"client_id": "x"}}, 400),
    ],
)
async def test_bad_requests(play: Playground, change: dict[str, Any], status: int) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    body = {
        "type": REDEMPTION_ADD,
        "version": "1",
        "condition": {"broadcaster_user_id": streamer.id},
        "transport": {"method": "websocket", "session_id": socket.session_id},
        **change,
    }
    answer = await play.helix("POST", "/eventsub/subscriptions", streamer.token, json=body)
    assert answer.status == status, answer.text


async def test_app_token_may_not_use_websockets(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    body = {
        "type": REDEMPTION_ADD,
        "version": "1",
        "condition": {"broadcaster_user_id": streamer.id},
        "transport": {"method": "websocket", "session_id": socket.session_id},
    }
    answer = await play.helix("POST", "/eventsub/subscriptions", await play.app_token(), json=body)
    assert (answer.status, answer.message) == (400, "invalid transport and auth combination")


async def test_missing_scope_is_403(play: Playground) -> None:
    streamer, socket = await play.streamer(scopes=["channel:read:vips"]), await play.socket()
    assert (await play.subscribe(streamer, socket, "channel.vip.add")).status == 202
    answer = await play.subscribe(streamer, socket)
    assert (answer.status, answer.message) == (403, "subscription missing proper authorization")


async def test_filters_of_the_list(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    for kind in ("channel.vip.add", "channel.vip.remove"):
        await play.subscribe(streamer, socket, kind)
    path = "/eventsub/subscriptions"
    assert len((await play.helix("GET", path, streamer.token, type="channel.vip.add")).json["data"]) == 1
    assert len((await play.helix("GET", path, streamer.token, status="enabled")).json["data"]) == 2
    assert len((await play.helix("GET", path, streamer.token, user_id=streamer.id)).json["data"]) == 2
    assert (await play.helix("GET", path, streamer.token, status="enabled", type="x")).status == 400
    assert (await play.helix("DELETE", path, streamer.token, id="none")).status == 404
    assert (await play.helix("DELETE", path, streamer.token)).status == 400


async def test_revocation_is_told_once(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket)
    await play.sim("eventsub/revoke", user_id=streamer.id, status="version_removed")
    frame = await socket.of_type("revocation")
    assert frame["metadata"]["subscription_type"] == REDEMPTION_ADD
    assert frame["payload"]["subscription"]["status"] == "version_removed"
    assert "event" not in frame["payload"]


async def test_withdrawn_consent_revokes_and_kills_tokens(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket)
    await play.sim("tokens/revoke", user_id=streamer.id)
    frame = await socket.of_type("revocation")
    assert frame["payload"]["subscription"]["status"] == "authorization_revoked"
    assert (await play.helix("GET", "/users", streamer.token)).status == 401


async def test_deleted_account_is_user_removed(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket)
    await play.sim("accounts/delete", user_id=streamer.id)
    frame = await socket.of_type("revocation")
    assert frame["payload"]["subscription"]["status"] == "user_removed"


async def test_expired_token_leaves_the_socket_alone(play: Playground) -> None:
    streamer, socket, viewer = await play.streamer(), await play.socket(), await play.viewer()
    reward = await play.reward(streamer)
    await play.subscribe(streamer, socket)
    await play.sim("tokens/expire", user_id=streamer.id)
    await play.redeem(streamer, reward, viewer)
    await socket.of_type("notification")


async def test_events_that_nothing_in_the_world_causes(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket, "channel.cheer")
    fired: dict[str, Any] = {"facts": {"broadcaster_user_id": streamer.id}, "event": {"bits": 10**30}}
    await play.sim("eventsub/fire", type="channel.cheer", **fired)
    assert (await socket.of_type("notification"))["payload"]["event"] == {"bits": 10**30}
    assert (await play.control("eventsub/fire", type="channel.unknown", **fired)).status == 400
