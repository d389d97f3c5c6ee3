from __future__ import annotations

import asyncio

import pytest

from gateways.twitch.socket import Gate, SocketClosed, SocketDown, dialer, with_keepalive
from tests.gateways.twitch.eventsub_server import ScriptedServer
from tests.support.clock import ManualClock


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wss://a.test/ws", "wss://a.test/ws?keepalive_timeout_seconds=30"),
        ("ws://a.test/ws?x=1", "ws://a.test/ws?x=1&keepalive_timeout_seconds=30"),
        ("ws://a.test/ws?keepalive_timeout_seconds=600", "ws://a.test/ws?keepalive_timeout_seconds=600"),
    ],
)
def test_the_keepalive_is_asked_for_unless_the_address_does(url: str, expected: str) -> None:
    assert with_keepalive(url, 30) == expected


def test_the_gate_spreads_connections_and_forgets_quiet_times() -> None:
    clock = ManualClock()
    gate = Gate(per_second=4.0, monotonic=clock.monotonic)
    assert [gate.reserve() for _ in range(4)] == [0.0, 0.25, 0.5, 0.75]


async def test_the_gate_is_free_again_later() -> None:
    clock = ManualClock()
    gate = Gate(per_second=4.0, monotonic=clock.monotonic)
    for _ in range(4):
        gate.reserve()
    await clock.advance(60.0)
    assert [gate.reserve(), gate.reserve()] == [0.0, 0.25]


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:1/ws", "http://a.test/", "ws://", "", "ws://a\u0000b/", "ws://127.0.0.1:99999/"]
)
async def test_what_cannot_be_opened_is_one_error(url: str) -> None:
    with pytest.raises(SocketDown):
        await dialer()(url)


async def test_an_http_answer_is_not_a_socket() -> None:
    async def deny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nBusy")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(deny, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SocketDown, match="InvalidStatus"):
            await dialer()(f"ws://127.0.0.1:{port}/ws")


async def test_messages_come_as_bytes_then_the_close_code() -> None:
    async with ScriptedServer() as server:
        socket = await dialer()(server.url)
        peer = await server.peer()
        await peer.send("ä")
        await peer.send(b"\xff")
        await peer.close(4000)
        assert await socket.receive() == "ä".encode()
        assert await socket.receive() == b"\xff"
        with pytest.raises(SocketClosed) as caught:
            await socket.receive()
        assert caught.value.close_code == 4000


async def test_a_broken_connection_has_no_code() -> None:
    async with ScriptedServer() as server:
        socket = await dialer()(server.url)
        peer = await server.peer()
        peer.connection.transport.abort()
        with pytest.raises(SocketClosed) as caught:
            await socket.receive()
        assert caught.value.close_code is None


async def test_what_is_too_large_is_refused_by_us() -> None:
    async with ScriptedServer() as server:
        socket = await dialer()(server.url)
        peer = await server.peer()
        await peer.send("x" * (256 * 1024 + 1))
        with pytest.raises(SocketClosed) as caught:
            await socket.receive()
        assert caught.value.close_code == 1009


async def test_closing_in_order_and_at_once() -> None:
    async with ScriptedServer() as server:
        socket = await dialer()(server.url)
        peer = await server.peer()
        await socket.close(1000, "done")
        assert await peer.gone() == 1000
        socket = await dialer()(server.url)
        peer = await server.peer()
        socket.abort()
        assert await peer.gone() == 1006
