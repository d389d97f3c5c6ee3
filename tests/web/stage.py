"""A little server for the pages: their real files under the real policy, with answers scripted by a test."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.web.stage_answers import usual_answers
from web.middleware import CONTENT_SECURITY_POLICY
from web.pages import PATHS, Pages

Reply = tuple[int, Any]
Answer = Callable[["Call"], Reply]


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
        "until_stream_end": False,
        "protected": False,
        "reward_id": "r-1",
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


@dataclass(frozen=True)
class Call:
    """A request to the API as the page made it."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class Stage:
    """A little server: what the pages ask for, answered by the test.

    `answers` maps method and path to a status and a body, or to a function of the call. Writes without the token of
    this moment get 403, as they do from the real one.
    """

    signed_in: bool = True
    role: str = "owner"
    sign_in_url: str = ""
    development_login: bool = True
    waiting: dict[str, Any] | None = None
    answers: dict[tuple[str, str], Reply | Answer] = field(default_factory=usual_answers)
    calls: list[Call] = field(default_factory=list)
    token: str = "token-1"
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

    def made(self, method: str, path: str) -> list[Call]:
        """The calls to one place, in order."""
        return [call for call in self.calls if (call.method, call.path) == (method, path)]

    @property
    def streams(self) -> int:
        """How many event streams are open."""
        return len(self._streams)

    def _frame(self, kind: str, body: dict[str, Any]) -> bytes:
        self._next += 1
        return f"id: 7-{self._next}\nevent: {kind}\ndata: {json.dumps(body)}\n\n".encode()

    def _snapshot(self) -> dict[str, Any]:
        told = {"now": now(), "channel": channel(), "vips": self.vips, "activity": self.deeds}
        return told | {"waiting": self.waiting, "me": {"role": self.role}}

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
        channels = [
            {"id": str(n), "login": name, "name": name, "role": self.role} for n, name in enumerate(names, 1)
        ]
        user = {"id": "1", "login": "lumen_live", "name": "Developer"} if self.signed_in else None
        told = {
            "signed_in": self.signed_in,
            "user": user,
            "name": "Developer" if user else "",
            "channels": channels,
        }
        more = {"sign_in_url": self.sign_in_url, "needs_setup": False, "expires_at": None}
        return web.json_response(told | more | {"development_login": self.development_login})

    async def sign_in(self, request: web.Request) -> web.Response:
        self.signed_in = True
        return web.json_response({})

    async def csrf(self, request: web.Request) -> web.Response:
        return web.json_response({"token": self.token, "csrfToken": self.token})

    async def api(self, request: web.Request) -> web.Response:
        """Everything else under `/api/`."""
        text = await request.text()
        call = Call(
            request.method,
            request.path,
            dict(request.query),
            json.loads(text) if text else None,
            {name.lower(): value for name, value in request.headers.items()},
        )
        self.calls.append(call)
        anonymous = request.path.startswith("/api/auth/device")
        if request.method != "GET" and not anonymous and call.headers.get("x-csrf-token") != self.token:
            return problem(403, "csrf.token", "The request lacks the right X-CSRF-Token.")
        answer = self.answers.get((request.method, request.path))
        if answer is None:
            return problem(404, "http.not_found", "There is nothing at this address.")
        status, body = answer(call) if callable(answer) else answer
        if status >= 400:
            return problem(status, **body)
        return web.json_response(body, status=status)


def problem(status: int, code: str, detail: str, advice: str = "") -> web.Response:
    told = {
        "type": "about:blank",
        "title": "",
        "status": status,
        "code": code,
        "detail": detail,
        "advice": advice,
    }
    return web.json_response(
        told | {"request_id": "r-1"}, status=status, content_type="application/problem+json"
    )


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """A running stage, on a free port."""

    async def policy(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY

    stage, pages, app = Stage(), Pages(), web.Application()
    app.on_response_prepare.append(policy)
    for path in PATHS:
        app.router.add_get(path, pages.page)
    app.router.add_get("/static/{path:.*}", pages.static)
    app.router.add_get("/api/auth/session", stage.session)
    app.router.add_post("/api/auth/dev", stage.sign_in)
    app.router.add_get("/api/auth/csrf", stage.csrf)
    app.router.add_get("/api/ws", stage.stream)
    app.router.add_route("*", "/api/{path:.*}", stage.api)
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
