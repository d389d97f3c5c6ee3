from __future__ import annotations

import asyncio
import ssl
from asyncio import sslproto

import pytest
import trustme

from gateways.twitch import tls
from gateways.twitch.frames import MAX_FRAME_BYTES
from gateways.twitch.socket import SocketDown, dialer
from gateways.twitch.tls import BUFFER_BYTES, SmallBufferProtocol, client_context, connect_tls
from tests.gateways.twitch.eventsub_server import ScriptedServer


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = client_context()
    authority.configure_trust(context)
    return context


def test_this_python_has_the_protocol_that_we_know() -> None:
    assert tls.SUPPORTED
    assert sslproto.SSLProtocol.max_size == 256 * 1024, "the class of everybody else is untouched"


async def test_frames_many_times_the_buffer_arrive_whole(
    server_context: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    async with ScriptedServer(tls=server_context) as server:
        socket = await dialer(context)(server.url)
        peer = await server.peer()
        sizes = [1, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 16 * 1024, 100_000, MAX_FRAME_BYTES]
        for size in sizes:
            await peer.send("x" * size)
            assert await socket.receive() == b"x" * size

        async def flood() -> None:
            for size in sizes * 5:
                await peer.send("y" * size)

        async with asyncio.TaskGroup() as group:
            group.create_task(flood())
            assert [len(await socket.receive()) for _ in sizes * 5] == sizes * 5
        await socket.close()
        assert await peer.gone() == 1000


async def test_the_buffer_of_a_connection_is_small_and_stays_small(
    server_context: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    made: list[SmallBufferProtocol] = []
    loop = asyncio.get_running_loop()
    async with ScriptedServer(tls=server_context) as server:
        port = int(server.url.rsplit(":", 1)[1].removesuffix("/ws"))
        greeting = loop.create_future()

        class Http(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                made.append(transport._ssl_protocol)  # type: ignore[attr-defined]
                self.transport = transport
                transport.write(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n")

            def data_received(self, data: bytes) -> None:
                if not greeting.done():
                    greeting.set_result(data)

        protocol = await connect_tls(
            Http, host="localhost", port=port, context=context, server_hostname="localhost"
        )
        async with asyncio.timeout(30):
            assert (await greeting).startswith(b"HTTP/1.1 4")
        assert isinstance(made[0], SmallBufferProtocol)
        assert len(made[0]._ssl_buffer) == BUFFER_BYTES  # type: ignore[attr-defined]
        assert len(made[0].get_buffer(-1)) == BUFFER_BYTES
        protocol.transport.abort()


async def test_without_support_the_documented_way_is_taken(
    server_context: ssl.SSLContext, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "SUPPORTED", False)
    async with ScriptedServer(tls=server_context) as server:
        socket = await dialer(context)(server.url)
        peer = await server.peer()
        await peer.send("hello")
        assert await socket.receive() == b"hello"
        await socket.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(server_context: ssl.SSLContext) -> None:
    async with ScriptedServer(tls=server_context) as server:
        with pytest.raises(SocketDown, match="SSLCertVerificationError"):
            await dialer()(server.url)


async def test_a_certificate_for_another_host_is_refused(
    authority: trustme.CA, context: ssl.SSLContext
) -> None:
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.test").configure_cert(other)
    async with ScriptedServer(tls=other) as server:
        with pytest.raises(SocketDown, match="SSLCertVerificationError"):
            await dialer(context)(server.url)


async def test_a_dial_that_is_given_up_during_the_handshake_leaves_no_connection(
    context: ssl.SSLContext,
) -> None:
    accepted: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()
    done = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accepted.put(reader)
        await done.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        dialing = asyncio.create_task(dialer(context)(f"wss://127.0.0.1:{port}/ws"))
        async with asyncio.timeout(30):
            reader = await accepted.get()
            dialing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialing
            hello = b""
            try:
                while chunk := await reader.read(65536):
                    hello += chunk
            except ConnectionResetError:
                hello += b"reset"
        done.set()
    assert hello
