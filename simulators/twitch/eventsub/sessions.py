"""EventSub over WebSocket: welcome, keepalive, ping, hand-over and every close code.

A session ends in exactly one place, `SessionHall.end`, which also tells what becomes of its subscriptions.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from simulators.twitch.eventsub.subscriptions import SubscriptionRegister
from simulators.twitch.ids import Ids
from simulators.twitch.moment import now_ms, rfc3339, rfc3339_nanoseconds
from simulators.twitch.settings import SimulatorSettings

CLOSES = {
    4000: ("internal server error", "websocket_internal_error"),
    4001: ("client sent inbound traffic", "websocket_received_inbound_traffic"),
    4002: ("client failed ping-pong", "websocket_failed_ping_pong"),
    4003: ("connection unused", "websocket_connection_unused"),
    4004: ("client reconnect grace time expired", "websocket_failed_to_reconnect"),
    4005: ("network timeout", "websocket_network_timeout"),
    4006: ("network error", "websocket_network_error"),
    4007: ("invalid reconnect", "websocket_failed_to_reconnect"),
}


def envelope(message_type: str, message_id: str, payload: dict[str, Any], **metadata: str) -> str:
    """One text frame."""
    head = {
        "message_id": message_id,
        "message_type": message_type,
        "message_timestamp": rfc3339_nanoseconds(),
        **metadata,
    }
    return json.dumps({"metadata": head, "payload": payload}, ensure_ascii=False, separators=(",", ":"))


class Session:
    """One socket. `owner` is the (client, user) of its first subscription; `shard` says whose shard it is."""

    def __init__(
        self, session_id: str, socket: web.WebSocketResponse, request: web.Request, keepalive: int
    ) -> None:
        self.id = session_id
        self.socket = socket
        self.keepalive_seconds = keepalive
        self.connected_at = now_ms()
        self.owner: tuple[str, str] | None = None
        self.shard: tuple[str, str] | None = None
        self.used = False
        self.silent = False
        self.ended = False
        self.predecessor: Session | None = None
        self.successor: Session | None = None
        self.timers: list[asyncio.TimerHandle] = []
        self.pinged_at: float | None = None
        self._request = request
        self._outbox: deque[str] = deque()
        self._news = asyncio.Event()

    def send(self, text: str) -> None:
        """Queue a frame; frames leave in this order."""
        self._outbox.append(text)
        self._news.set()

    def backlog(self) -> int:
        return len(self._outbox)

    def abort(self) -> None:
        """Cut the TCP connection without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self, keepalive_every_s: float, make_keepalive: Callable[[], str]) -> None:
        """Send what is queued; after `keepalive_every_s` without a message send a keepalive."""
        while not self.ended:
            if not self._outbox:
                self._news.clear()
                try:
                    async with asyncio.timeout(keepalive_every_s):
                        await self._news.wait()
                except TimeoutError:
                    self._outbox.append(make_keepalive())
                continue
            text = self._outbox.popleft()
            if not self.silent:
                await self.socket.send_str(text)

    def describe(self, status: str, *, keepalive: int | None, reconnect_url: str | None) -> dict[str, Any]:
        return {
            "session": {
                "id": self.id,
                "status": status,
                "keepalive_timeout_seconds": keepalive,
                "reconnect_url": reconnect_url,
                "connected_at": rfc3339(self.connected_at),
            }
        }


class SessionHall:
    """All living sessions. `on_end(session, status)` is called once for each that ends, `on_move(old, new)` for each
    that goes on on another socket."""

    def __init__(
        self,
        *,
        settings: SimulatorSettings,
        ids: Ids,
        register: SubscriptionRegister,
        on_end: Callable[[Session, str], None],
        on_move: Callable[[Session, Session], None],
    ) -> None:
        self._settings = settings
        self._ids = ids
        self._register = register
        self._on_end = on_end
        self._on_move = on_move
        self._moves: dict[str, Session] = {}
        self._closing: set[asyncio.Task[Any]] = set()
        self._pinger: asyncio.Task[None] | None = None
        self.base_url = ""
        self.sessions: dict[str, Session] = {}

    def start(self) -> None:
        self._pinger = asyncio.create_task(self._ping_all(), name="twitch-simulator-ping")

    async def stop(self) -> None:
        """Close every socket as a server that goes away does."""
        if self._pinger is not None:
            self._pinger.cancel()
            await asyncio.gather(self._pinger, return_exceptions=True)
        for session in list(self.sessions.values()):
            if session.predecessor is not None:
                self.end(session.predecessor, 1001, "going away")
            self.end(session, 1001, "going away")
        if self._closing:
            await asyncio.wait(self._closing, timeout=2)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The endpoint `/ws`."""
        socket = web.WebSocketResponse(timeout=1.0, autoping=False, compress=False, max_msg_size=65536)
        await socket.prepare(request)
        challenge = request.query.get("challenge")
        old = self._moves.pop(challenge, None) if challenge is not None else None
        if challenge is not None and (old is None or old.ended):
            await socket.close(code=4007, message=CLOSES[4007][0].encode())
            return socket
        session = self._open(request, socket, old)
        every = self._settings.keepalive_send_every_s or session.keepalive_seconds
        writer = asyncio.create_task(
            session.write(every, self._keepalive), name=f"twitch-session-{session.id}"
        )
        try:
            await self._read(session)
        finally:
            self._forget(session, "websocket_disconnected")
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    def find(self, session_id: str) -> Session | None:
        session = self.sessions.get(session_id)
        return None if session is None or session.ended else session

    def chosen(self, *, session_id: str = "", user_id: str = "") -> list[Session]:
        """The sessions that a control command means: one, those of a user, or all."""
        return [
            s
            for s in list(self.sessions.values())
            if (not session_id or s.id == session_id) and (not user_id or (s.owner or ("", ""))[1] == user_id)
        ]

    def end(self, session: Session, code: int, reason: str = "") -> None:
        """Close with a code, in the background; its subscriptions end at once."""
        if session.ended:
            return
        text, status = CLOSES.get(code, (reason, "websocket_disconnected"))
        self._forget(session, status)
        task = asyncio.create_task(session.socket.close(code=code, message=(reason or text).encode()))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def ask_to_move(self, session: Session, *, valid: bool = True) -> str:
        """Send `session_reconnect`. The URL works once, for the grace period; `valid=False` makes a bad one."""
        challenge = self._ids.token()
        url = f"{self.base_url}?challenge={challenge}&id={session.id}"
        if valid:
            self._moves[challenge] = session
        session.send(
            envelope(
                "session_reconnect",
                self._ids.unique(),
                session.describe("reconnecting", keepalive=None, reconnect_url=url),
            )
        )
        self._later(session, self._settings.reconnect_grace_s, lambda: self._grace_over(session, challenge))
        return url

    def _grace_over(self, session: Session, challenge: str) -> None:
        self._moves.pop(challenge, None)
        self.end(session, 4004)

    def _open(self, request: web.Request, socket: web.WebSocketResponse, old: Session | None) -> Session:
        if old is None:
            session = Session(self._ids.session(), socket, request, self._keepalive_for(request))
            self._later(session, self._settings.subscribe_window_s, lambda: self._check_used(session))
        else:
            keep = self._settings.reconnect_keeps_session_id
            session_id = old.id if keep else self._ids.session()
            session = Session(session_id, socket, request, old.keepalive_seconds)
            session.owner, session.shard, session.used = old.owner, old.shard, True
            session.predecessor, old.successor = old, session
        session.send(
            envelope(
                "session_welcome",
                self._ids.unique(),
                session.describe("connected", keepalive=session.keepalive_seconds, reconnect_url=None),
            )
        )
        if old is not None:
            self._register.move_session(old.id, session.id)
            self._on_move(old, session)
            self.sessions.pop(old.id, None)
        self.sessions[session.id] = session
        return session

    def _keepalive_for(self, request: web.Request) -> int:
        """Out-of-range numbers are clamped to the nearest bound; anything else gives the default."""
        settings = self._settings
        asked = request.query.get("keepalive_timeout_seconds", "")
        try:
            wanted = int(asked)
        except ValueError:
            wanted = settings.keepalive_default_seconds
        return max(settings.keepalive_min_seconds, min(wanted, settings.keepalive_max_seconds))

    def _keepalive(self) -> str:
        return envelope("session_keepalive", self._ids.unique(), {})

    def _check_used(self, session: Session) -> None:
        if not session.used:
            self.end(session, 4003)

    def _later(self, session: Session, seconds: float, call: Callable[[], None]) -> None:
        session.timers.append(asyncio.get_running_loop().call_later(seconds, call))

    async def _read(self, session: Session) -> None:
        while True:
            message = await session.socket.receive()
            if message.type is WSMsgType.PONG:
                session.pinged_at = None
            elif message.type is WSMsgType.PING:
                with contextlib.suppress(ConnectionError):
                    await session.socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self.end(session, 4001)
            else:
                return

    def _forget(self, session: Session, status: str) -> None:
        """Take the session out and end its subscriptions, unless a successor carries them."""
        if session.ended:
            return
        session.ended = True
        for timer in session.timers:
            timer.cancel()
        if session.successor is not None:
            session.successor.predecessor = None
            return
        self.sessions.pop(session.id, None)
        for subscription in self._register.of_session(session.id):
            self._register.end(subscription, status)
        self._on_end(session, status)

    async def _ping_all(self) -> None:
        loop = asyncio.get_running_loop()
        step = min(self._settings.ping_every_s, self._settings.pong_within_s)
        while True:
            await asyncio.sleep(step)
            for session in list(self.sessions.values()):
                if session.pinged_at is not None:
                    if loop.time() - session.pinged_at >= self._settings.pong_within_s:
                        self.end(session, 4002)
                    continue
                if session.silent:
                    continue
                with contextlib.suppress(ConnectionError):
                    session.pinged_at = loop.time()
                    await session.socket.ping()
