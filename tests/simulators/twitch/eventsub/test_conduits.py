"""Conduits and shards over real sockets and webhooks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.simulators.twitch.eventsub.callbacks import SECRET, receiver
from tests.simulators.twitch.playground import REDEMPTION_ADD, Answer, Playground, Streamer, playground

CONDUITS = "/eventsub/conduits"
SHARDS = "/eventsub/conduits/shards"


async def conduit(play: Playground, token: str, count: int = 2) -> str:
    answer = await play.helix("POST", CONDUITS, token, json={"shard_count": count})
    assert answer.status == 200, answer.text
    return str(answer.json["data"][0]["id"])


async def attach(
    play: Playground, token: str, conduit_id: str, shard: str, transport: dict[str, Any]
) -> Answer:
    body = {"conduit_id": conduit_id, "shards": [{"id": shard, "transport": transport}]}
    return await play.helix("PATCH", SHARDS, token, json=body)


async def subscribe(
    play: Playground,
    token: str,
    streamer: Streamer,
    conduit_id: str,
    kind: str = REDEMPTION_ADD,
    **condition: str,
) -> Answer:
    body = {
        "type": kind,
        "version": "1",
        "condition": condition or {"broadcaster_user_id": streamer.id},
        "transport": {"method": "conduit", "conduit_id": conduit_id},
    }
    return await play.helix("POST", "/eventsub/subscriptions", token, json=body)


async def test_events_of_many_channels_over_one_shard(play: Playground) -> None:
    token, viewer = await play.app_token(), await play.viewer()
    conduit_id = await conduit(play, token, 1)
    socket = await play.socket()
    where = {"method": "websocket", "session_id": socket.session_id}
    answer = await attach(play, token, conduit_id, "0", where)
    assert (answer.status, answer.json["errors"]) == (202, [])
    for login in ("one", "two"):
        streamer = await play.streamer(login)
        assert (await subscribe(play, token, streamer, conduit_id)).status == 202
        redemption = await play.redeem(streamer, await play.reward(streamer), viewer)
        frame = await socket.of_type("notification")
        assert frame["payload"]["event"]["id"] == redemption
        assert frame["payload"]["subscription"]["transport"] == {
            "method": "conduit",
            "conduit_id": conduit_id,
        }


async def test_disabled_shard_is_replaced_by_the_next_and_told(play: Playground) -> None:
    token, viewer, streamer = await play.app_token(), await play.viewer(), await play.streamer()
    conduit_id = await conduit(play, token, 2)
    sockets = [await play.socket() for _ in range(2)]
    for number, socket in enumerate(sockets):
        await attach(
            play, token, conduit_id, str(number), {"method": "websocket", "session_id": socket.session_id}
        )
    await subscribe(play, token, streamer, conduit_id)
    await subscribe(
        play, token, streamer, conduit_id, "conduit.shard.disabled", client_id=play.simulator.client_id
    )
    await play.sim("eventsub/close", session_id=sockets[0].session_id, code=4000)
    told = await sockets[1].of_type("notification")
    assert told["payload"]["event"]["shard_id"] == "0"
    assert told["payload"]["event"]["status"] == "websocket_internal_error"
    redemption = await play.redeem(streamer, await play.reward(streamer), viewer)
    assert (await sockets[1].of_type("notification"))["payload"]["event"]["id"] == redemption
    rows = (await play.helix("GET", SHARDS, token, conduit_id=conduit_id, status="enabled")).json["data"]
    assert [row["id"] for row in rows] == ["1"]


async def test_nobody_there_drops_the_event_and_keeps_the_subscription(play: Playground) -> None:
    token, viewer, streamer = await play.app_token(), await play.viewer(), await play.streamer()
    conduit_id = await conduit(play, token)
    await subscribe(play, token, streamer, conduit_id)
    await play.redeem(streamer, await play.reward(streamer), viewer)
    assert len(play.simulator.ledger.of("event_dropped")) == 1
    rows = (await play.helix("GET", "/eventsub/subscriptions", token)).json["data"]
    assert rows[0]["status"] == "enabled"


async def test_webhook_shard(play: Playground) -> None:
    async with receiver() as at:
        token, viewer, streamer = await play.app_token(), await play.viewer(), await play.streamer()
        conduit_id = await conduit(play, token, 1)
        where = {"method": "webhook", "callback": at.url, "secret": SECRET}
        assert (await attach(play, token, conduit_id, "0", where)).status == 202
        challenge = await at.next("webhook_callback_verification")
        assert challenge.body["conduit_shard"] == {"conduit_id": conduit_id, "shard": "0"}
        async with asyncio.timeout(30):
            while not (await play.helix("GET", SHARDS, token, conduit_id=conduit_id, status="enabled")).json[
                "data"
            ]:
                await asyncio.sleep(0.005)
        await subscribe(play, token, streamer, conduit_id)
        redemption = await play.redeem(streamer, await play.reward(streamer), viewer)
        assert (await at.next("notification")).body["event"]["id"] == redemption
        await play.sim("tokens/revoke", user_id=streamer.id)
        assert (await at.next("revocation")).body["subscription"]["status"] == "authorization_revoked"


async def test_limits_and_errors(play: Playground) -> None:
    token, streamer = await play.app_token(), await play.streamer()
    conduit_id = await conduit(play, token, 3)
    assert (await play.helix("POST", CONDUITS, token, json={"shard_count": 0})).status == 400
    assert (await play.helix("POST", CONDUITS, token, json={"shard_count": 20_001})).status == 400
    assert (await play.helix("PATCH", CONDUITS, token, json={"id": "x", "shard_count": 1})).status == 404
    shrunk = await play.helix("PATCH", CONDUITS, token, json={"id": conduit_id, "shard_count": 1})
    assert shrunk.json["data"] == [{"id": conduit_id, "shard_count": 1}]
    partial = await attach(play, token, conduit_id, "2", {"method": "websocket", "session_id": "x"})
    assert (partial.status, partial.json["errors"][0]["id"]) == (202, "2")
    dead = await attach(play, token, conduit_id, "0", {"method": "websocket", "session_id": "x"})
    assert "session" in dead.json["errors"][0]["message"]
    for _ in range(4):
        await conduit(play, token, 1)
    assert (await play.helix("POST", CONDUITS, token, json={"shard_count": 1})).status == 429
    assert (await play.helix("GET", CONDUITS, streamer.token)).status == 401
    assert (await subscribe(play, token, streamer, "nowhere")).status == 400


async def test_deleting_a_conduit_deletes_its_subscriptions(play: Playground) -> None:
    token, streamer = await play.app_token(), await play.streamer()
    conduit_id = await conduit(play, token)
    await subscribe(play, token, streamer, conduit_id)
    assert (await play.helix("DELETE", CONDUITS, token, id=conduit_id)).status == 204
    assert (await play.helix("GET", "/eventsub/subscriptions", token)).json["data"] == []


async def test_dead_conduit_is_buried_after_its_time() -> None:
    async with playground(conduit_survives_s=-1) as play:
        token = await play.app_token()
        await conduit(play, token)
        assert (await play.helix("GET", CONDUITS, token)).json["data"] == []


async def test_conduit_needs_the_consent_of_the_broadcaster(play: Playground) -> None:
    token, streamer = await play.app_token(), await play.streamer(scopes=["channel:read:vips"])
    answer = await subscribe(play, token, streamer, await conduit(play, token))
    assert answer.status == 403


async def served(play: Playground, token: str, conduit_id: str) -> list[tuple[str, str]]:
    """Status and session of each shard."""
    rows = (await play.helix("GET", SHARDS, token, conduit_id=conduit_id)).json["data"]
    return [(row["status"], row["transport"].get("session_id", "")) for row in rows]


@pytest.mark.parametrize("moves", [True, False])
async def test_a_hand_over_and_the_shard(moves: bool) -> None:
    async with playground(reconnect_moves_shard=moves) as play:
        token, viewer, streamer = await play.app_token(), await play.viewer(), await play.streamer()
        conduit_id = await conduit(play, token, 1)
        old = await play.socket()
        where = {"method": "websocket", "session_id": old.session_id}
        await attach(play, token, conduit_id, "0", where)
        await subscribe(play, token, streamer, conduit_id)
        await play.sim("eventsub/reconnect")
        frame = await old.of_type("session_reconnect")
        new = await play.socket(frame["payload"]["session"]["reconnect_url"])
        assert new.session_id != old.session_id
        if moves:
            assert await served(play, token, conduit_id) == [("enabled", new.session_id)]
        else:
            assert (await served(play, token, conduit_id))[0][0] == "websocket_failed_to_reconnect"
            where = {"method": "websocket", "session_id": new.session_id}
            assert (await attach(play, token, conduit_id, "0", where)).json["errors"] == []
        await old.close()
        redemption = await play.redeem(streamer, await play.reward(streamer), viewer)
        assert (await new.of_type("notification"))["payload"]["event"]["id"] == redemption


async def test_the_end_of_a_session_that_was_replaced_disables_nothing(play: Playground) -> None:
    token = await play.app_token()
    conduit_id = await conduit(play, token, 2)
    old, new = await play.socket(), await play.socket()
    for socket in (old, new):
        where = {"method": "websocket", "session_id": socket.session_id}
        await attach(play, token, conduit_id, "0", where)
    await play.sim("eventsub/close", session_id=old.session_id, code=4000)
    assert (await served(play, token, conduit_id))[0] == ("enabled", new.session_id)
    other = await attach(play, token, conduit_id, "1", {"method": "websocket", "session_id": new.session_id})
    assert "another shard" in other.json["errors"][0]["message"]


async def test_totals_of_many_subscriptions_are_right(play: Playground) -> None:
    token, streamer = await play.app_token(), await play.streamer()
    conduit_id = await conduit(play, token)
    for event_type in ("channel.vip.add", "channel.vip.remove", "stream.online"):
        made = await subscribe(play, token, streamer, conduit_id, event_type)
    assert (made.json["total"], made.json["total_cost"]) == (3, 0)
    await play.sim("eventsub/revoke", type="channel.vip.add")
    answer = (await play.helix("GET", "/eventsub/subscriptions", token, user_id=streamer.id)).json
    assert sorted(row["status"] for row in answer["data"]) == ["authorization_revoked", "enabled", "enabled"]
    assert answer["total"] == 3
