"""One EventSub WebSocket on the wire: `websockets`, set up to read little, send nothing and hold little memory."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from domain.errors import Unavailable
from gateways.twitch.frames import MAX_FRAME_BYTES
from gateways.twitch.tls import SmallBufferConnect, client_context

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 2.0
# Frames that wait for our reader before the TCP window closes; four of the largest are 1 MiB.
QUEUE_FRAMES = 4
# We send a handshake, pongs and a close frame.
WRITE_LIMIT_BYTES = 4 * 1024


class SocketDown(Unavailable):
    """The socket could not be opened."""

    code = "twitch.socket_down"


class SocketClosed(Unavailable):
    """The socket is gone. `close_code`: the one that the server sent, or ours if we failed the connection for what
    the server sent (1009: too large); `None` if the connection just broke."""

    code = "twitch.socket_closed"

    def __init__(self, close_code: int | None, reason: str) -> None:
        super().__init__(f"The EventSub socket closed ({close_code}).")
        self.close_code = close_code
        self.reason = reason


class Socket:
    """An open socket. One task receives; any task closes."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def receive(self) -> bytes:
        """The next message, undecoded. Raises `SocketClosed`. Safe to cancel."""
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            frame = error.rcvd or error.sent
            raise SocketClosed(frame.code if frame else None, frame.reason if frame else "") from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order, by force after `CLOSE_SECONDS`. What is under way is still received."""
        await self._connection.close(code, reason)

    def abort(self) -> None:
        """Close at once, without a word."""
        self._connection.transport.abort()


Dial = Callable[[str], Coroutine[Any, Any, Socket]]
"""Open this address. Raises `SocketDown`."""


def dialer(context: ssl.SSLContext | None = None) -> Dial:
    """How sockets are opened.

    Args:
        context: for `wss://`, shared by all connections; by default `tls.client_context()`, made at the first need.
    """

    async def dial(url: str) -> Socket:
        nonlocal context
        try:
            if not url.startswith("wss:"):
                return Socket(await connect(url, proxy=None, **_OPTIONS))
            context = context or client_context()
            return Socket(await SmallBufferConnect(url, context=context, **_OPTIONS))
        except (OSError, TimeoutError, WebSocketException, ValueError) as error:
            # ValueError: an address that is none (UnicodeError is one).
            raise SocketDown(f"The EventSub socket could not be opened: {type(error).__name__}.") from error

    return dial


# No compression: 50 KiB per socket for frames of 1 KiB. No pings: Twitch forbids traffic from us but for pongs, and
# says itself when it is alive. No proxy from the environment (above), like every other call that we make.
_OPTIONS: dict[str, Any] = {
    "compression": None,
    "ping_interval": None,
    "open_timeout": OPEN_SECONDS,
    "close_timeout": CLOSE_SECONDS,
    "max_size": MAX_FRAME_BYTES,
    "max_queue": QUEUE_FRAMES,
    "write_limit": WRITE_LIMIT_BYTES,
    "user_agent_header": "cuelight",
}


def with_keepalive(url: str, seconds: int) -> str:
    """The base address with the keepalive that we ask for (10 to 600 seconds), unless it names one itself."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if all(name != "keepalive_timeout_seconds" for name, _ in query):
        query.append(("keepalive_timeout_seconds", str(seconds)))
    return urlunsplit(parts._replace(query=urlencode(query)))


class Gate:
    """Spreads new connections: at most `per_second`, in the order of asking."""

    def __init__(self, *, per_second: float, monotonic: Callable[[], float]) -> None:
        self._interval = 1.0 / per_second
        self._monotonic = monotonic
        self._free_at = float("-inf")

    def reserve(self) -> float:
        """Take the next place; the answer is how many seconds to wait for it."""
        now = self._monotonic()
        at = max(now, self._free_at)
        self._free_at = at + self._interval
        return at - now
