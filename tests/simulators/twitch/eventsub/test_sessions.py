"""Welcome, keepalive, windows, hand-over and close codes, over real sockets."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.simulators.twitch.playground import Playground, playground


async def test_welcome_announces_the_keepalive(play: Playground) -> None:
    socket = await play.socket(welcome=False)
    frame = await socket.next()
    assert set(frame["metadata"]) == {"message_id", "message_type", "message_timestamp"}
    session = frame["payload"]["session"]
    assert session.pop("id")
    assert session.pop("connected_at").endswith("Z")
    assert session == {"status": "connected", "keepalive_timeout_seconds": 10, "reconnect_url": None}


@pytest.mark.parametrize(("asked", "announced"), [("5", 10), ("30", 30), ("900", 600), ("many", 10)])
async def test_keepalive_is_clamped(play: Playground, asked: str, announced: int) -> None:
    url = f"{play.simulator.eventsub_url}?keepalive_timeout_seconds={asked}"
    frame = await (await play.socket(url, welcome=False)).next()
    assert frame["payload"]["session"]["keepalive_timeout_seconds"] == announced


async def test_keepalives_fill_the_silence() -> None:
    async with playground(keepalive_send_every_s=0.02) as play:
        socket = await play.socket()
        frame = await socket.next()
        assert frame["metadata"]["message_type"] == "session_keepalive"
        assert frame["payload"] == {}


async def test_silence_stops_the_keepalives() -> None:
    async with playground(keepalive_send_every_s=0.02) as play:
        socket = await play.socket()
        await play.sim("eventsub/silence", session_id=socket.session_id)
        await socket.connection.ping()  # whatever was under way has arrived when the answer does
        while True:
            try:
                async with asyncio.timeout(0.15):
                    await socket.connection.recv()
            except TimeoutError:
                break
        await play.sim("eventsub/silence", silent=False)
        await socket.of_type("session_keepalive")


async def test_unused_socket_is_closed_4003() -> None:
    async with playground(subscribe_window_s=0.05) as play:
        assert await (await play.socket()).closed() == 4003


async def test_used_socket_stays_open() -> None:
    async with playground(subscribe_window_s=0.5, keepalive_send_every_s=0.2) as play:
        streamer, socket = await play.streamer(), await play.socket()
        assert (await play.subscribe(streamer, socket)).status == 202
        for _ in range(3):
            await socket.of_type("session_keepalive")


async def test_inbound_traffic_is_closed_4001(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket)
    await socket.connection.send("hello")
    assert await socket.closed() == 4001
    row = (await play.helix("GET", "/eventsub/subscriptions", streamer.token)).json["data"][0]
    assert row["status"] == "websocket_received_inbound_traffic"


async def test_client_pings_are_answered(play: Playground) -> None:
    socket = await play.socket()
    async with asyncio.timeout(30):
        await (await socket.connection.ping())


async def test_silent_client_is_closed_4002() -> None:
    async with playground(ping_every_s=0.05, pong_within_s=0.05) as play:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(play.simulator.api_url.split(":")[2].split("/")[0])
        )
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        async with asyncio.timeout(30):
            await reader.readuntil(b"\x88")  # a close frame: never answered any ping
            length = (await reader.readexactly(1))[0]
            assert int.from_bytes((await reader.readexactly(length))[:2], "big") == 4002
        writer.close()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (4000, "websocket_internal_error"),
        (4005, "websocket_network_timeout"),
        (4006, "websocket_network_error"),
        (1012, "websocket_disconnected"),
    ],
)
async def test_closed_with_any_code(play: Playground, code: int, status: str) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket)
    await play.sim("eventsub/close", user_id=streamer.id, code=code)
    assert await socket.closed() == code
    row = (await play.helix("GET", "/eventsub/subscriptions", streamer.token)).json["data"][0]
    assert row["status"] == status


async def test_connection_cut_without_a_close_frame(play: Playground) -> None:
    socket = await play.socket()
    await play.sim("eventsub/close", abort=True)
    assert await socket.closed() in (1006, None)


async def test_hand_over_keeps_both_sockets_and_the_subscriptions(play: Playground) -> None:
    streamer, old = await play.streamer(), await play.socket()
    viewer, reward = await play.viewer(), await play.reward(streamer)
    await play.subscribe(streamer, old)
    await play.sim("eventsub/reconnect", user_id=streamer.id)
    frame = await old.of_type("session_reconnect")
    session = frame["payload"]["session"]
    assert (session["status"], session["keepalive_timeout_seconds"]) == ("reconnecting", None)

    before = await play.redeem(streamer, reward, viewer)
    assert (await old.of_type("notification"))["payload"]["event"]["id"] == before

    new = await play.socket(session["reconnect_url"])
    assert new.session_id != old.session_id
    after = await play.redeem(streamer, reward, viewer)
    mine = await new.of_type("notification")
    theirs = await old.of_type("notification")
    assert mine["payload"]["event"]["id"] == after
    assert mine["metadata"]["message_id"] == theirs["metadata"]["message_id"]
    assert mine["payload"]["subscription"]["transport"]["session_id"] == new.session_id

    await old.close()
    last = await play.redeem(streamer, reward, viewer)
    assert (await new.of_type("notification"))["payload"]["event"]["id"] == last
    rows = (await play.helix("GET", "/eventsub/subscriptions", streamer.token)).json["data"]
    assert [row["status"] for row in rows] == ["enabled"]


async def test_old_socket_is_closed_4004_after_the_grace() -> None:
    async with playground(reconnect_grace_s=0.6) as play:
        streamer, old = await play.streamer(), await play.socket()
        await play.subscribe(streamer, old)
        url = (await play.sim("eventsub/reconnect"))["urls"][0]
        new = await play.socket(url)
        assert await old.closed() == 4004
        rows = (await play.helix("GET", "/eventsub/subscriptions", streamer.token)).json["data"]
        assert (rows[0]["status"], rows[0]["transport"]["session_id"]) == ("enabled", new.session_id)


async def test_not_moving_ends_the_subscriptions() -> None:
    async with playground(reconnect_grace_s=0.05) as play:
        streamer, old = await play.streamer(), await play.socket()
        await play.subscribe(streamer, old)
        url = (await play.sim("eventsub/reconnect"))["urls"][0]
        assert await old.closed() == 4004
        rows = (await play.helix("GET", "/eventsub/subscriptions", streamer.token)).json["data"]
        assert rows[0]["status"] == "websocket_failed_to_reconnect"
        assert await (await play.socket(url, welcome=False)).closed() == 4007


async def test_bad_reconnect_address_is_closed_4007(play: Playground) -> None:
    await play.socket()
    url = (await play.sim("eventsub/reconnect", valid=False))["urls"][0]
    assert await (await play.socket(url, welcome=False)).closed() == 4007


async def test_session_id_can_be_kept() -> None:
    async with playground(reconnect_keeps_session_id=True) as play:
        streamer, old = await play.streamer(), await play.socket()
        await play.subscribe(streamer, old)
        new = await play.socket((await play.sim("eventsub/reconnect"))["urls"][0])
        assert new.session_id == old.session_id
        await old.close()
        await play.redeem(streamer, await play.reward(streamer), await play.viewer())
        await new.of_type("notification")


async def test_raw_frames_reach_the_client(play: Playground) -> None:
    socket = await play.socket()
    await play.sim("eventsub/raw", text="{not json")
    with pytest.raises(json.JSONDecodeError):
        await socket.next()


async def test_stop_closes_every_socket() -> None:
    async with playground() as play:
        sockets = [await play.socket() for _ in range(3)]
        await play.simulator.stop()
        assert [await socket.closed() for socket in sockets] == [1001] * 3
