"""The set-up page over HTTP: who gets in, what is asked, and that nothing else is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import CookieJar
from multidict import CIMultiDictProxy

from domain.errors import Rejected, Unavailable
from domain.ports import NullMetrics
from tests.support.clock import ManualClock
from web.server import Server
from web.setup import TRIES, TRIES_SECONDS, Asked, SetupSettings, build_setup_app

TOKEN = "the-token-of-this-start-that-nobody-guesses"
GOOD = {"client_id": "an-id", "client_secret": "a-secret-of-it", "public_url": "http://localhost:1"}


class Quiet:
    def lag_seconds(self) -> float:
        return 0.0


@dataclass
class Stand:
    """The set-up page of a daemon on a port of its own."""

    clock: ManualClock
    url: str
    http: aiohttp.ClientSession
    taken: list[Asked] = field(default_factory=list)
    error: Exception | None = None
    gate: asyncio.Event | None = None

    async def get(self, path: str, **headers: str) -> tuple[int, Any, CIMultiDictProxy[str]]:
        async with self.http.get(self.url + path, allow_redirects=False, headers=headers) as answer:
            told = await answer.json() if "json" in answer.content_type else await answer.text()
            return answer.status, told, answer.headers

    async def post(self, body: Any = GOOD, **headers: str) -> tuple[int, Any]:
        given = headers or {"Sec-Fetch-Site": "same-origin"}
        async with self.http.post(f"{self.url}/api/setup", json=body, headers=given) as answer:
            return answer.status, await answer.json()

    async def enter(self) -> None:
        status, _, headers = await self.get(f"/setup?token={TOKEN}")
        assert (status, headers["Location"]) == (303, "/setup")


@asynccontextmanager
async def standing(*, secure: bool = False) -> AsyncIterator[Stand]:
    clock = ManualClock()
    async with aiohttp.ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        stand = Stand(clock, "", http)

        async def take(asked: Asked) -> str:
            if stand.gate is not None:
                await stand.gate.wait()
            if stand.error is not None:
                raise stand.error
            stand.taken.append(asked)
            return asked.public_url

        app = build_setup_app(
            settings=SetupSettings(
                token=TOKEN,
                version="1",
                console="https://dev.twitch.tv/console/apps/create",
                redirect_url=lambda url: f"{url}/back",
                secure=secure,
            ),
            address=lambda: "http://localhost:1",
            take=take,
            clock=clock,
            loop_probe=Quiet(),
            metrics=NullMetrics(),
        )
        server = Server(web_app=app, clock=clock)
        stand.url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        try:
            yield stand
        finally:
            await server.stop()


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing() as one:
        yield one


async def test_it_says_that_it_is_not_ready_and_why(stand: Stand) -> None:
    assert (await stand.get("/livez"))[0] == 200
    status, told, _ = await stand.get("/readyz")
    assert (status, told["ready"]) == (503, False)
    assert "needs setup" in told["checks"][0]["detail"]
    status, told, _ = await stand.get("/api/health")
    assert (status, told["status"]) == (503, "unavailable")


async def test_every_page_leads_there_and_nothing_else_exists(stand: Stand) -> None:
    for path in ("/", "/rewards", "/sign-in"):
        status, _, headers = await stand.get(path)
        assert (status, headers["Location"]) == (303, "/setup")
    for path in ("/api/auth/sign-in", "/api/vip", "/metrics", "/api/auth/dev", "/api/openapi.json"):
        assert (await stand.get(path))[0] == 404
    assert (await stand.get("/static/tokens.css"))[0] == 200
    status, text, headers = await stand.get("/setup")
    assert status == 200
    assert "Set up Cuelight" in text
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert (
        "unsafe-inline" not in headers["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
    )


async def test_without_the_token_nobody_asks_or_sends(stand: Stand) -> None:
    for path in ("/setup?token=", "/setup?token=wrong", f"/setup?token={TOKEN[:-1]}", "/setup?token=%ff"):
        status, _, headers = await stand.get(path)
        assert (status, headers["Location"]) == (303, "/setup?why=token")
        assert "Set-Cookie" not in headers
    assert (await stand.get("/api/setup"))[1]["code"] == "setup.closed"
    assert (await stand.post())[1]["code"] == "setup.closed"
    for cookie in ("", "x", "é"):
        assert (await stand.get("/api/setup", Cookie=f"cuelight-setup={cookie}"))[0] == 403
    assert stand.taken == []


async def test_the_token_opens_once_and_leaves_a_careful_cookie(stand: Stand) -> None:
    _, _, headers = await stand.get(f"/setup?token={TOKEN}")
    cookie = headers["Set-Cookie"]
    for part in ("cuelight-setup=", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert TOKEN not in cookie
    assert (await stand.get("/api/setup"))[0] == 200
    assert (await stand.get(f"/setup?token={TOKEN}"))[2]["Location"] == "/setup", "who is in stays in"
    stand.http.cookie_jar.clear()
    status, _, headers = await stand.get(f"/setup?token={TOKEN}")
    assert (status, headers["Location"]) == (303, "/setup?why=used")
    assert (await stand.get("/api/setup"))[0] == 403


async def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    async with standing(secure=True) as stand:
        _, _, headers = await stand.get(f"/setup?token={TOKEN}")
        assert headers["Set-Cookie"].startswith("__Host-cuelight-setup=")
        assert "Secure" in headers["Set-Cookie"]


async def test_it_shows_what_to_copy_and_takes_what_is_sent(stand: Stand) -> None:
    await stand.enter()
    assert (await stand.get("/api/setup"))[1] == {
        "address": "http://localhost:1",
        "redirect_url": "http://localhost:1/back",
        "console": "https://dev.twitch.tv/console/apps/create",
    }
    assert await stand.post() == (200, {"go_to": "http://localhost:1"})
    assert [one.model_dump() for one in stand.taken] == [GOOD]
    assert "a-secret" not in repr(stand.taken[0])
    assert (await stand.post())[1]["code"] == "setup.done"
    assert len(stand.taken) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Accept": "*/*"},
    ],
)
async def test_another_site_cannot_send(stand: Stand, headers: dict[str, str]) -> None:
    await stand.enter()
    status, told = await stand.post(**headers)
    assert (status, told["code"]) == (403, "csrf.origin")
    assert stand.taken == []


@pytest.mark.parametrize(
    "body", [{}, {"client_id": "a"}, {**GOOD, "more": 1}, {**GOOD, "client_id": "a" * 401}, [], 5]
)
async def test_what_is_no_answer_is_refused(stand: Stand, body: Any) -> None:
    await stand.enter()
    assert (await stand.post(body))[0] == 400
    assert stand.taken == []


async def test_what_twitch_says_is_passed_on_and_can_be_put_right(stand: Stand) -> None:
    await stand.enter()
    stand.error = Rejected("Another secret.", code="setup.client_secret", advice="Press it.")
    status, told = await stand.post()
    assert (status, told["code"], told["advice"]) == (400, "setup.client_secret", "Press it.")
    stand.error = Unavailable("Away.", code="setup.unreachable")
    assert (await stand.post())[0] == 503
    stand.error = None
    assert (await stand.post())[0] == 200


async def test_guessing_is_slow(stand: Stand) -> None:
    await stand.enter()
    stand.error = Rejected("No.", code="setup.client_id")
    for _ in range(TRIES):
        assert (await stand.post())[0] == 400
    assert (await stand.post())[1]["code"] == "setup.too_often"
    await stand.clock.advance(TRIES_SECONDS)
    assert (await stand.post())[0] == 400


async def test_two_at_once_store_one(stand: Stand) -> None:
    await stand.enter()
    stand.gate = asyncio.Event()
    sends = [asyncio.create_task(stand.post()) for _ in range(2)]
    await asyncio.sleep(0)
    stand.gate.set()
    assert sorted(status for status, _ in await asyncio.gather(*sends)) == [200, 409]
    assert len(stand.taken) == 1
