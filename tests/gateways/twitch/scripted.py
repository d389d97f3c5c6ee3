"""A Twitch on a real socket that answers what a test wrote down, and what else the calls need: store, tasks, counts."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateways.http import HttpClient
from gateways.pace import MemoryPace
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import AppToken, TwitchOAuth
from gateways.twitch.tokens import StoredToken, TokenKeeper
from tests.support.clock import ManualClock

CHANNEL, VIEWER = "100", "7"
FIRST_TOKEN = "accessaccessaccessaccess000001"
FIRST_REFRESH = "refreshrefreshrefreshrefresh01"
CLIENT_ID = "clientclientclientclientclient"
CLIENT_SECRET = "secretsecretsecretsecretsecret"


@dataclass(frozen=True)
class Says:
    """One answer. `body` wins over `json`. `hold` waits until set; `drop` cuts the connection instead."""

    status: int = 200
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: asyncio.Event | None = None
    drop: bool = False


@dataclass(frozen=True)
class Heard:
    """One request that came in."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: str

    def many(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


def sorry(status: int, message: str, **headers: str) -> Says:
    """The error object of Helix."""
    body = {"error": "Error", "status": status, "message": message}
    return Says(status, body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def data(*rows: Any, cursor: str = "") -> Says:
    return Says(200, {"data": list(rows), "pagination": {"cursor": cursor} if cursor else {}})


def html(status: int) -> Says:
    return Says(status, body=b"<html><h1>Hi</h1></html>", headers={"Content-Type": "text/html"})


def vip_row(user_id: str) -> dict[str, str]:
    return {"user_id": user_id, "user_login": f"u{user_id}", "user_name": f"U{user_id}"}


class ScriptedTwitch:
    """Answers per method and path, in the order in which they were written down; the last one stays."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._script: dict[tuple[str, str], deque[Says]] = defaultdict(deque)
        self._arrived = asyncio.Event()
        self.url = ""

    def on(self, method: str, path: str, *answers: Says) -> None:
        """`path` without the prefix: "/channels/vips" (Helix) or "/token" (id)."""
        self._script[method, path] = deque(answers)

    def calls(self, method: str, path: str) -> list[Heard]:
        return [heard for heard in self.heard if (heard.method, heard.path) == (method, path)]

    async def until(self, method: str, path: str, count: int = 1) -> None:
        """Wait until so many requests came in."""
        async with asyncio.timeout(30):
            while len(self.calls(method, path)) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/helix").removeprefix("/oauth2")
        query = tuple(request.query.items())
        text = await request.text()
        self.heard.append(Heard(request.method, path, query, request.headers.copy(), text))
        self._arrived.set()
        script = self._script[request.method, path]
        if not script:
            return web.json_response(
                {"error": "Unscripted", "message": f"{request.method} {path}"}, status=418
            )
        says = script.popleft() if len(script) > 1 else script[0]
        if says.hold is not None:
            await says.hold.wait()
        if says.drop:
            assert request.transport is not None
            request.transport.abort()
        body = (
            says.body
            if says.body is not None
            else b""
            if says.json is None
            else json.dumps(says.json).encode()
        )
        return web.Response(status=says.status, body=body, headers=dict(says.headers))


@asynccontextmanager
async def serving(answer: Any) -> AsyncIterator[TestServer]:
    """A server on port 0 that gives every request to `answer`."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield server
    finally:
        await server.close()


class Store:
    """A `TokenStore` in memory; `fail_next` makes the next write raise; `raced` is written by somebody else first."""

    def __init__(self, *tokens: StoredToken) -> None:
        self.tokens = {token.user_id: token for token in tokens}
        self.log: list[str] = []
        self.fail_next: Exception | None = None
        self.raced: StoredToken | None = None

    async def load(self, user_id: str) -> StoredToken | None:
        await asyncio.sleep(0)
        return self.tokens.get(user_id)

    async def replace(self, user_id: str, expected_revision: int, new: StoredToken) -> bool:
        return await self._write(user_id, expected_revision, new)

    async def mark_dead(self, user_id: str, expected_revision: int, why: str) -> bool:
        return await self._write(user_id, expected_revision, replace(self.tokens[user_id], dead=why))

    async def remove(self, user_id: str, expected_revision: int) -> bool:
        await asyncio.sleep(0)
        held = self.tokens.get(user_id)
        if held is None or held.revision != expected_revision:
            return False
        del self.tokens[user_id]
        return True

    async def ids(self) -> list[str]:
        return list(self.tokens)

    async def _write(self, user_id: str, expected_revision: int, new: StoredToken) -> bool:
        await asyncio.sleep(0)
        if self.fail_next is not None:
            error, self.fail_next = self.fail_next, None
            raise error
        if self.raced is not None:
            self.tokens[user_id], self.raced = self.raced, None
        held = self.tokens.get(user_id)
        if (held.revision if held else 0) != expected_revision:
            return False
        self.tokens[user_id] = replace(new, revision=expected_revision + 1)
        self.log.append(f"stored {new.access_token}")
        return True


class Crew:
    """Implements `domain.ports.Tasks`. Leave it with no task running and none failed."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.append(task)
        return task

    async def home(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Counts:
    """Implements `domain.ports.Metrics` for what this package counts; knows each name and its labels."""

    LABELS: ClassVar[dict[str, set[str]]] = {
        "twitch_calls_total": {"call", "outcome"},
        "twitch_call_seconds": {"call"},
        "twitch_waits_total": {"reason"},
    }

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, ...]] = Counter()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        assert set(labels) == self.LABELS[name]
        self.counted[(name, *labels.values())] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        raise KeyError(name)

    def observe(self, name: str, value: float, **labels: str) -> None:
        assert set(labels) == self.LABELS[name]
        assert value >= 0


def a_token(**changes: Any) -> StoredToken:
    token = StoredToken(
        user_id=CHANNEL,
        login="chan",
        access_token=FIRST_TOKEN,
        refresh_token=FIRST_REFRESH,
        scopes=("channel:manage:vips",),
        expires_at=0,
        revision=1,
    )
    return replace(token, **changes)


class Rig:
    """Everything between a test and the scripted Twitch, real but for the far end and the clock."""

    def __init__(
        self, twitch: ScriptedTwitch, http: HttpClient, store: Store, crew: Crew, **options: Any
    ) -> None:
        self.twitch, self.http, self.store, self.crew = twitch, http, store, crew
        self.clock = ManualClock()
        self.counts = Counts()
        self.dead: list[tuple[str, str]] = []
        self.alive: list[str] = []
        self.oauth = TwitchOAuth(
            http=http,
            id_url=f"{twitch.url}/oauth2",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            clock=self.clock,
            metrics=self.counts,
            call_seconds=options.get("call_seconds", 5.0),
        )
        self.keeper = self.another_keeper()
        self.app_token = AppToken(oauth=self.oauth, clock=self.clock, tasks=crew)
        self.pace = MemoryPace(clock=self.clock)
        settings: dict[str, Any] = {
            "app_token": self.app_token,
            "quick_retry_seconds": 0.0,
            "call_seconds": 5.0,
            **options,
        }
        self.helix = TwitchHelix(
            http=http,
            api_url=f"{twitch.url}/helix",
            client_id=CLIENT_ID,
            tokens=self.keeper,
            pace=self.pace,
            clock=self.clock,
            metrics=self.counts,
            random=random.Random(1),
            **settings,
        )

    def another_keeper(self, **options: Any) -> TokenKeeper:
        """One that remembers nothing, as after a restart or in another process (with `leases` and `owner`)."""

        async def on_dead(user_id: str, why: str) -> None:
            self.dead.append((user_id, why))

        async def on_alive(user_id: str) -> None:
            self.alive.append(user_id)

        return TokenKeeper(
            store=self.store,
            oauth=self.oauth,
            clock=self.clock,
            tasks=self.crew,
            on_dead=on_dead,
            on_alive=on_alive,
            **options,
        )

    def reset_in(self, seconds: int) -> str:
        """A `Ratelimit-Reset`, so many seconds from now."""
        return str(self.clock.now() // 1000 + seconds)


@asynccontextmanager
async def rigged(*tokens: StoredToken, **options: Any) -> AsyncIterator[Rig]:
    twitch, crew = ScriptedTwitch(), Crew()
    async with serving(twitch.answer) as server, HttpClient() as http:
        twitch.url = str(server.make_url("")).rstrip("/")
        try:
            yield Rig(twitch, http, Store(*(tokens or (a_token(),))), crew, **options)
        finally:
            await crew.home()
