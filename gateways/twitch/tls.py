"""TLS with small buffers, for thousands of connections that are nearly always silent.

asyncio's `SSLProtocol` allocates a receive buffer of 256 KiB when it is made and keeps it as long as the connection
lives, and asks OpenSSL for 256 KiB at each read. For a file transfer that is right; for 1,000 EventSub sockets that
see a 200-byte keepalive every half minute it is 250 MiB of nothing (websockets issue 1644 is about the same).

The size is a class attribute of `SSLProtocol`. We neither patch that class (other connections of the process keep
theirs) nor swap buffers of a living connection (a proactor loop may be writing into it): `connect_tls` connects plain
TCP with a *subclass* as the protocol, which is what `loop.create_connection(ssl=...)` does inside.

Honestly: `asyncio.sslproto` is importable but not documented. `tests/gateways/twitch/test_tls.py` measures the buffer
on the running Python, so an incompatible release shows there; if the attribute is gone it has no effect, and if the
constructor changed, `SUPPORTED` is false and connections are made by the documented way, with the large buffer.
What stays per connection (OpenSSL's own state and the peer's certificate chain) is OpenSSL's.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
from asyncio import sslproto
from collections.abc import Callable
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect

# One read takes at most so much; a TLS record has up to 16 KiB and is joined by OpenSSL over several reads, so this
# bounds memory, not the size of a frame.
BUFFER_BYTES = 8 * 1024
HANDSHAKE_SECONDS = 10
SHUTDOWN_SECONDS = 2


class SmallBufferProtocol(sslproto.SSLProtocol):
    """asyncio's TLS protocol with a receive buffer of `BUFFER_BYTES`."""

    max_size = BUFFER_BYTES


_EXPECTED = ("loop", "app_protocol", "sslcontext", "waiter", "server_side", "server_hostname")

SUPPORTED = tuple(inspect.signature(sslproto.SSLProtocol).parameters)[
    : len(_EXPECTED)
] == _EXPECTED and hasattr(sslproto.SSLProtocol, "max_size")
"""Whether this Python's TLS protocol is the one that we know."""


def client_context() -> ssl.SSLContext:
    """Verifies host names against the system's authorities. Make one and share it: each holds its own copy of them."""
    return ssl.create_default_context()


P = TypeVar("P", bound=asyncio.Protocol)


async def connect_tls(
    factory: Callable[[], P], *, host: str, port: int, context: ssl.SSLContext, server_hostname: str
) -> P:
    """Connect and return the protocol that `factory` made, once the TLS handshake is done.

    Raises what `loop.create_connection` raises: `OSError` (`ssl.SSLError` is one), `TimeoutError`.
    """
    loop = asyncio.get_running_loop()
    if not SUPPORTED:
        _, plain = await loop.create_connection(
            factory,
            host,
            port,
            ssl=context,
            server_hostname=server_hostname,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=SHUTDOWN_SECONDS,
        )
        return plain
    protocol = factory()
    handshake: asyncio.Future[None] = loop.create_future()
    transport, _ = await loop.create_connection(
        lambda: SmallBufferProtocol(
            loop,
            protocol,
            context,
            handshake,
            server_side=False,
            server_hostname=server_hostname,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=SHUTDOWN_SECONDS,
        ),
        host,
        port,
    )
    try:
        await handshake
    except BaseException:
        transport.abort()
        raise
    return protocol


class SmallBufferConnect(connect):
    """`websockets.asyncio.client.connect` for `wss://` without a proxy, with TLS as above."""

    def __init__(self, uri: str, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(uri, proxy=None, **options)
        self._context = context

    async def open_tcp_connection(self) -> ClientConnection:
        """Called by websockets for each attempt (again after a redirect)."""
        address = self.ws_uri
        return await connect_tls(
            lambda: self.factory(address),
            host=address.host,
            port=address.port,
            context=self._context,
            server_hostname=address.host,
        )
