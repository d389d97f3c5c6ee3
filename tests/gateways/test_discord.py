"""What Discord answers, over real sockets; and where nothing is sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateways.discord import MOST_WAIT_SECONDS, WAIT_SECONDS, Discord, DiscordAnswer, Told
from gateways.http import HttpClient

PATH = "/api/webhooks/123456/abc"
URL = f"https://discord.com{PATH}"


class Host:
    """Answers as a test says; remembers what came in."""

    def __init__(self) -> None:
        self.answer = web.Response(status=204)
        self.heard: list[tuple[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.heard.append((request.path_qs, await request.text()))
        return self.answer


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    application = web.Application()
    application.router.add_route("*", "/{any:.*}", host.handle)
    async with TestServer(application) as server, HttpClient() as http:
        host.discord = Discord(http=http, origin=f"http://127.0.0.1:{server.port}/")  # type: ignore[attr-defined]
        yield host


async def sent(host: Host) -> DiscordAnswer:
    answer: DiscordAnswer = await host.discord.send(URL, {"title": "Ann is VIP"})  # type: ignore[attr-defined]
    return answer


async def test_an_embed_arrives_and_pings_nobody(host: Host) -> None:
    assert await sent(host) == DiscordAnswer(Told.SENT)
    ((path, body),) = host.heard
    assert path == PATH
    assert json.loads(body) == {"embeds": [{"title": "Ann is VIP"}], "allowed_mentions": {"parse": []}}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Told.SENT),
        (302, Told.REFUSED),
        (400, Told.REFUSED),
        (401, Told.GONE),
        (403, Told.GONE),
        (404, Told.GONE),
        (429, Told.WAIT),
        (500, Told.DOWN),
        (503, Told.DOWN),
    ],
)
async def test_every_answer_has_an_outcome(host: Host, status: int, outcome: Told) -> None:
    host.answer = web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})
    answer = await sent(host)
    assert answer.outcome is outcome
    assert PATH not in repr(answer), "the address is a secret"
    assert len(host.heard) == 1, "no redirect is followed"


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        ('{"retry_after": 1.5, "global": false}', "3", 1.5),
        ("{}", "3", 3.0),
        ('{"retry_after": "soon"}', "2", 2.0),
        ('{"retry_after": -1}', "", WAIT_SECONDS),
        ('{"retry_after": 1e9}', "", MOST_WAIT_SECONDS),
        ('{"retry_after": NaN}', "", WAIT_SECONDS),
        ("<html>", "", WAIT_SECONDS),
        ("[]", "inf", WAIT_SECONDS),
    ],
)
async def test_how_long_to_wait(host: Host, body: str, header: str, seconds: float) -> None:
    host.answer = web.Response(status=429, text=body, headers={"Retry-After": header} if header else {})
    assert (await sent(host)).seconds == seconds


async def test_no_answer_is_an_answer_too() -> None:
    async with HttpClient() as http:
        answer = await Discord(http=http, origin="http://127.0.0.1:1").send(URL, {})
    assert answer.outcome is Told.UNREACHED


@pytest.mark.parametrize("url", ["https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/x", "ftp://a/x"])
async def test_no_private_address_is_called(url: str) -> None:
    async with HttpClient() as http:
        assert (await Discord(http=http).send(url, {})).outcome is Told.REFUSED
