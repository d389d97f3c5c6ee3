"""A little server for the live page: its real files under the real policy, with answers scripted by a test."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from web.middleware import CONTENT_SECURITY_POLICY
from web.pages import Pages


def now() -> int:
    return int(time.time() * 1000)


def vip(
    id: str, name: str = "ann", *, left: float = 60, total: float = 120, **changes: Any
) -> dict[str, Any]:
    """A VIP with `left` seconds of `total`."""
    at = now()
    return {
        "id": id,
        "viewer_id": f"u-{id}",
        "viewer_login": name.lower(),
        "viewer_name": name,
        "status": "active",
        "granted_at": at - round((total - left) * 1000),
        "expires_at": at + round(left * 1000),
        "method": "redemption",
        "reward_title": "VIP for a while",
        "extensions": 0,
        "ended_at": None,
        "ended_because": "",
    } | changes


def deed(id: str, action: str = "vip.granted", name: str = "ann", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "at": now(),
        "action": action,
        "actor": {"kind": "system", "id": "", "name": "Cuelight"},
        "viewer": {"id": f"u-{name}", "login": name.lower(), "name": name},
        "cause": "redemption",
        "reason": "",
        "detail": {"reward_title": "VIP for a while", "reward_cost": 500, "seconds": 20},
    } | changes


def channel(state: str = "live", name: str = "lumen_live") -> dict[str, Any]:
    since = now() - 60_000
    return {
        "id": "1",
        "login": name,
        "name": name,
        "connection": {"state": state, "since": since, "detail": ""},
    }


@dataclass
class Stage:
    """A little server: what the page asks for, answered by the test."""

    signed_in: bool = True
    vips: list[dict[str, Any]] = field(default_factory=list)
    deeds: list[dict[str, Any]] = field(default_factory=list)
    refuse: bool = False  # answer with a status that ends an EventSource for good
    asked: list[tuple[str, str]] = field(default_factory=list)  # Last-Event-ID and query of each stream
    hold: asyncio.Event = field(default_factory=asyncio.Event)  # while it is cleared, no stream is answered
    origin: str = ""
    _streams: list[asyncio.Queue[bytes | None]] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        self.hold.set()

    def push(self, kind: str, body: dict[str, Any]) -> None:
        """Send one event to each stream that is open."""
        for stream in self._streams:
            stream.put_nowait(self._frame(kind, body))

    def reset(self) -> None:
        """Send the snapshot as it is now."""
        self.push("reset", self._snapshot())

    def drop(self) -> None:
        """End each stream, as a restart of the server does."""
        for stream in self._streams:
            stream.put_nowait(None)

    def _frame(self, kind: str, body: dict[str, Any]) -> bytes:
        self._next += 1
        return f"id: 7-{self._next}\nevent: {kind}\ndata: {json.dumps(body)}\n\n".encode()

    def _snapshot(self) -> dict[str, Any]:
        return {"now": now(), "channel": channel(), "vips": self.vips, "activity": self.deeds}

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.headers.get("Last-Event-ID", ""), request.query_string))
        await self.hold.wait()
        if self.refuse:
            return web.Response(status=404)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 50\n\n")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.append(queue)
        try:
            if not request.headers.get("Last-Event-ID") and "last_event_id" not in request.query:
                await response.write(self._frame("reset", self._snapshot()))
            while (frame := await queue.get()) is not None:
                await response.write(frame)
        except ConnectionError:
            return response
        finally:
            self._streams.remove(queue)
        return response

    async def session(self, request: web.Request) -> web.Response:
        names = ["lumen_live", "otto_plays"] if self.signed_in else []
        channels = [{"id": str(n), "login": name, "name": name} for n, name in enumerate(names, 1)]
        told = {"signed_in": self.signed_in, "name": "Developer", "channels": channels}
        return web.json_response(told | {"development_login": True})

    async def sign_in(self, request: web.Request) -> web.Response:
        self.signed_in = True
        return web.json_response({})


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """A running stage, on a free port."""

    async def policy(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY

    stage, pages, app = Stage(), Pages(), web.Application()
    app.on_response_prepare.append(policy)
    app.router.add_get("/", pages.index)
    app.router.add_get("/static/{path:.*}", pages.static)
    app.router.add_get("/api/auth/session", stage.session)
    app.router.add_post("/api/auth/dev", stage.sign_in)
    app.router.add_get("/api/ws", stage.stream)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stage.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stage
    finally:
        stage.hold.set()
        stage.drop()
        await runner.cleanup()
