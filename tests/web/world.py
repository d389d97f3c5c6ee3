"""A whole web layer on a real socket, with small real ports in memory where the rest of the program would be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from aiohttp import ClientResponse, ClientSession, CookieJar

from daemon.metrics import PrometheusMetrics
from domain.errors import Rejected
from domain.events import Arrival
from domain.signatures import sign_eventsub
from gateways.topics.contracts import NewEntry, Position
from gateways.topics.memory import MemoryTopics
from storage.audit import AuditFilter
from tests.support.clock import ManualClock
from tests.web.logins import MemoryLogins
from web.app import WebApp, WebSettings, build_app
from web.ports import Channel
from web.server import Server
from web.sse import StreamLimits

SECRET = b"0123456789abcdef"
SESSION_SECRET = "a session secret of more than 32 bytes"
REDEMPTION = "channel.channel_points_custom_reward_redemption.add"
SECONDS = 30.0  # no wait of a test takes longer
AUDIT_LINE = {
    "id": "a1",
    "at": 5,
    "action": "vip.granted",
    "actor": {"kind": "viewer", "id": "7", "name": "Ann"},
    "viewer": None,
    "cause": "redemption",
    "reason": "",
    "detail": {"reward_cost": 500},
}


class RecordingSink:
    """Keeps what the webhook hands on, once by id, as an inbox would."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.revoked: list[dict[str, Any]] = []
        self.error: Exception | None = None

    async def notification(self, came: Arrival) -> Literal["new", "duplicate", "conflict", "ignored"]:
        if self.error is not None:
            raise self.error
        row = {"type": came.type, "version": came.version, "payload": came.payload, "raw": came.raw}
        row |= {"key_id": came.key_id, "headers": dict(came.headers), "transport": came.transport}
        first = self.kept.setdefault(came.message_id, row)
        result: Literal["new", "duplicate", "conflict"] = (
            "new" if first is row else "duplicate" if first["raw"] == came.raw else "conflict"
        )
        self.calls.append(result)
        return result

    async def revocation(self, *, message_id: str, subscription: dict[str, Any], transport: str) -> None:
        self.revoked.append(subscription | {"message_id": message_id, "transport": transport})


class Outside:
    """The other ports, each as plain as can be; tests change the attributes."""

    def __init__(self) -> None:
        self.list: list[Channel] = [
            {"id": "100", "login": "anna", "name": "Anna"},
            {"id": "200", "login": "ben", "name": "Ben"},
        ]
        self.vips: list[dict[str, Any]] = []
        self.snapshots = 0
        self.removed = 0
        self.audit_calls: list[dict[str, Any]] = []
        self.pieces: list[bytes | Exception | asyncio.Event] = [b"one", b"two"]
        self.lag = 0.0
        self.waiting_since: int | None = None
        self.probes = 0
        self.probe_error: Exception | None = None
        self.probe_blocks = False
        self.snapshot_error: Exception | None = None

    async def channels(self, ids: Iterable[str] | None = None) -> list[Channel]:
        wanted = None if ids is None else set(ids)
        return [one for one in self.list if wanted is None or one["id"] in wanted]

    async def channel(self, channel_id: str) -> Channel | None:
        return next((one for one in self.list if one["id"] == channel_id), None)

    async def snapshot(self, channel_id: str) -> dict[str, Any]:
        self.snapshots += 1
        if self.snapshot_error is not None:
            raise self.snapshot_error
        return {"channel": {"id": channel_id}, "vips": list(self.vips), "activity": []}

    async def remove_expired(self) -> dict[str, Any]:
        self.removed += 1
        return {"due": 3}

    async def audit(
        self, *, channel_id: str, only: AuditFilter, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        if cursor == "bad":
            raise Rejected("That is no cursor.", code="storage.cursor")
        call = {"channel_id": channel_id, "only": only, "limit": limit, "cursor": cursor}
        self.audit_calls.append(call)
        return [AUDIT_LINE], "more"

    async def viewer_id(self, channel_id: str, written: str) -> str:
        return written if written.isdigit() else f"id of {written}"

    async def export(self, *, kind: str, channel_id: str, only: AuditFilter) -> AsyncIterator[bytes]:
        self.audit_calls.append({"kind": kind, "channel_id": channel_id, "only": only})
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                yield piece

    async def probe(self) -> None:
        self.probes += 1
        if self.probe_blocks:
            await asyncio.Event().wait()
        if self.probe_error is not None:
            raise self.probe_error

    async def oldest_open(self) -> int | None:
        return self.waiting_since

    def lag_seconds(self) -> float:
        return self.lag


@dataclass
class World:
    clock: ManualClock
    metrics: PrometheusMetrics
    topics: MemoryTopics
    sink: RecordingSink
    outside: Outside
    web_app: WebApp
    server: Server
    checkpoints: list[str]
    logins: MemoryLogins
    port: int = 0
    client: ClientSession = field(init=False)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.value(name, **labels) or 0.0

    async def sign_in(self, client: ClientSession | None = None) -> None:
        async with (client or self.client).post(self.url("/api/auth/dev")) as response:
            assert response.status == 200, await response.text()

    async def happen(self, kind: str = "activity", channel: str = "100", **body: Any) -> Position:
        return await self.topics.append(f"channel:{channel}", NewEntry(kind, body))


def settings(**changes: Any) -> WebSettings:
    given: dict[str, Any] = {
        "public_url": "http://127.0.0.1",
        "session_secret": SESSION_SECRET,
        "version": "1.2.3",
        "eventsub_secrets": (("main", SECRET),),
        "development_login": True,
    }
    return WebSettings(**given | changes)


@asynccontextmanager
async def running(
    *,
    limits: StreamLimits | None = None,
    topics: MemoryTopics | None = None,
    static: Path | None = None,
    **options: Any,
) -> AsyncIterator[World]:
    """A running world. `options` are fields of `WebSettings`, but for `ports`: more arguments of `build_app`."""
    clock, metrics, sink, outside = ManualClock(), PrometheusMetrics(), RecordingSink(), Outside()
    topics = topics or MemoryTopics(clock=clock)
    checkpoints: list[str] = []
    logins = MemoryLogins(clock)
    ports = options.pop("ports", {})
    if limits is not None:
        options["stream_limits"] = limits
    if static is not None:
        options["static"] = static
    web_app = build_app(
        settings=settings(**options),
        clock=ports.pop("clock", clock),
        metrics=metrics,
        topics=topics,
        sink=sink,
        snapshots=outside,
        channels=outside,
        logins=ports.pop("logins", logins),
        newcomers=ports.pop("newcomers", logins),
        cron=outside,
        audit=outside,
        storage=outside,
        backlog=outside,
        loop_probe=outside,
        exposition=metrics,
        checkpoint=checkpoints.append,
        **ports,
    )
    server = Server(web_app=web_app, clock=clock)
    world = World(clock, metrics, topics, sink, outside, web_app, server, checkpoints, logins)
    world.port = await server.start("127.0.0.1", 0)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        world.client = client
        try:
            yield world
        finally:
            await server.stop()
            await topics.close()


def stamp(now_ms: int) -> str:
    """A time as Twitch writes it, with nanoseconds."""
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now_ms % 1000:03d}123456Z"


def message(
    now_ms: int,
    *,
    message_id: str = "m-1",
    kind: str = "notification",
    type: str = REDEMPTION,
    version: str = "1",
    body: Any = None,
    secret: bytes = SECRET,
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a signed EventSub message."""
    if body is None:
        body = {"subscription": {"id": "s-1", "type": type}, "event": {"id": "r-1", "user_name": "Zoë"}}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    time = stamp(now_ms)
    headers = {
        "Twitch-Eventsub-Message-Id": message_id,
        "Twitch-Eventsub-Message-Retry": "0",
        "Twitch-Eventsub-Message-Type": kind,
        "Twitch-Eventsub-Message-Timestamp": time,
        "Twitch-Eventsub-Message-Signature": sign_eventsub(
            message_id=message_id, timestamp=time, body=raw, secret=secret
        ),
        "Twitch-Eventsub-Subscription-Type": type,
        "Twitch-Eventsub-Subscription-Version": version,
        "Content-Type": "application/json",
    }
    return headers, raw


@dataclass
class Event:
    """One block of a stream, as a browser would see it; comments and `retry` are kept for the tests."""

    id: str = ""
    name: str = ""
    data: Any = None
    retry: int | None = None
    comment: str = ""


class Events:
    """Reads an event stream block by block, each within a time limit."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response

    async def block(self) -> Event | None:
        """The next block, or `None` at a clean end of the body."""
        event, lines = Event(), 0
        async with asyncio.timeout(SECONDS):
            while True:
                line = (await self.response.content.readuntil(b"\n")).decode()
                if not line:
                    assert lines == 0, "the body ended inside an event"
                    return None
                line = line.removesuffix("\n")
                if not line:
                    return event
                lines += 1
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "":
                    event.comment = value
                elif name == "retry":
                    event.retry = int(value)
                elif name == "data":
                    event.data = json.loads(value)
                elif name == "id":
                    event.id = value
                else:
                    assert name == "event", line
                    event.name = value

    async def event(self) -> Event:
        """The next real event."""
        while True:
            event = await self.block()
            assert event is not None, "the stream ended"
            if event.name:
                return event

    async def rest(self) -> list[Event]:
        """Everything until the clean end."""
        events: list[Event] = []
        while (event := await self.block()) is not None:
            events.append(event)
        return events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.response.close()


async def stream(
    world: World,
    *,
    channel: str = "100",
    after: str | None = None,
    query: str = "",
    client: ClientSession | None = None,
) -> Events:
    """Open a stream; `after` goes into `Last-Event-ID`."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after is not None else {})
    response = await (client or world.client).get(
        world.url(f"/api/ws?channel={channel}{query}"), headers=headers
    )
    assert response.status == 200, await response.text()
    return Events(response)


async def until(condition: Any) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.002)
