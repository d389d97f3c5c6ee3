"""The proxies of `deploy/`, run for real in front of the real web layer.

The world's clock stands still, so no heartbeat ever pushes bytes through: what arrives, the proxy let through at once.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.deploy.proxies import Proxy, Start, caddy, nginx
from tests.web.world import Events, World, message, running

pytestmark = pytest.mark.server

BOTH: list[Any] = [pytest.param(nginx, id="nginx"), pytest.param(caddy, id="caddy")]
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@dataclass
class Behind:
    """A world and a browser that comes through the proxy, signed in."""

    world: World
    proxy: Proxy
    browser: ClientSession

    def request(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Host": self.proxy.host, **options.pop("headers", {})}
        return self.browser.request(
            method, self.proxy.url(path), headers=headers, ssl=self.proxy.trust or True, **options
        )

    @asynccontextmanager
    async def stream(self, *, after: str = "") -> AsyncIterator[Events]:
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, br"}
        headers |= {"Last-Event-ID": after} if after else {}
        async with asyncio.timeout(30):
            response = await self.request("GET", "/api/ws?channel=100", headers=headers)
        assert response.status == 200, await response.text()
        async with Events(response) as events:
            yield events


@asynccontextmanager
async def behind(start: Start, folder: Path, **options: Any) -> AsyncIterator[Behind]:
    """The development login answers this machine only, so the session is fetched at the daemon itself."""
    async with running(trusted_proxies=LOOPBACK, **options) as world, start(folder, world.port) as proxy:
        await world.sign_in()
        cookies = {cookie.key: cookie.value for cookie in world.client.cookie_jar}
        async with ClientSession(cookies=cookies, cookie_jar=CookieJar(unsafe=True)) as browser:
            yield Behind(world, proxy, browser)


@pytest.mark.parametrize("start", BOTH)
async def test_a_stream_comes_through_entry_by_entry(start: Start, tmp_path: Path) -> None:
    async with behind(start, tmp_path) as stand, stand.stream() as events:
        assert "Content-Encoding" not in events.response.headers
        first = await events.block()
        assert first is not None
        assert first.comment == "welcome"
        assert (await events.event()).name == "reset"
        for number in range(3):
            position = await stand.world.happen("vip", id="v", n=number)
            event = await events.event()
            assert (event.id, event.data["n"]) == (str(position), number)


async def test_without_our_lines_the_stream_would_stand_still(tmp_path: Path) -> None:
    """The control: the same nginx, told to buffer and to disregard our header, holds the entries back."""

    def buffering(folder: Path, upstream: int) -> Any:
        changes = {
            "proxy_buffering off;": "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
            "gzip off;": "gzip on; gzip_types text/event-stream; gzip_proxied any;",
        }
        return nginx(folder, upstream, changes=changes)

    async with behind(buffering, tmp_path) as stand:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await stand.request("GET", "/api/ws?channel=100", headers={"Accept-Encoding": "gzip"})


@pytest.mark.parametrize("start", BOTH)
async def test_a_browser_that_leaves_ends_its_stream(start: Start, tmp_path: Path) -> None:
    async with behind(start, tmp_path) as stand:
        streams = stand.world.web_app.streams
        assert streams is not None
        async with stand.stream() as events:
            assert (await events.event()).name == "reset"
        # The daemon notices by its next write: a heartbeat, or news.
        async with asyncio.timeout(30):
            while streams.count:
                await stand.world.happen(n=1)
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("start", BOTH)
async def test_a_browser_that_comes_back_resumes(start: Start, tmp_path: Path) -> None:
    async with behind(start, tmp_path) as stand:
        seen, missed = [await stand.world.happen(n=n) for n in range(2)]
        async with stand.stream(after=str(seen)) as events:
            event = await events.event()
            assert (event.name, event.id) == ("activity", str(missed))


@pytest.mark.parametrize("start", BOTH)
async def test_the_end_of_a_stream_is_clean(start: Start, tmp_path: Path) -> None:
    """A browser comes back by itself only after a clean end; the daemon says when."""
    async with behind(start, tmp_path) as stand, stand.stream() as events:
        assert (await events.event()).name == "reset"
        streams = stand.world.web_app.streams
        assert streams is not None
        streams.stop()
        assert [block.retry is not None for block in await events.rest()] == [True]


@pytest.mark.parametrize("start", BOTH)
async def test_nobody_becomes_local_through_the_proxy(start: Start, tmp_path: Path) -> None:
    """Proxy and daemon share a machine: a stranger must count as a stranger, whatever he writes into his headers."""
    host = {"Host": "localhost"} if start is nginx else {}
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    async with behind(start, tmp_path) as stand:
        for headers in (host, host | forged):
            async with stand.request("POST", "/api/auth/dev", headers=headers) as answer:
                assert answer.status == 403, await answer.text()
                assert (await answer.json())["code"] == "auth.not_local"


@pytest.mark.parametrize("start", BOTH)
async def test_a_signed_webhook_arrives_as_it_was_sent(start: Start, tmp_path: Path) -> None:
    async with behind(start, tmp_path) as stand:
        headers, raw = message(stand.world.clock.now())
        async with stand.request("POST", "/api/webhooks/eventsub", headers=headers, data=raw) as answer:
            assert answer.status == 204, await answer.text()
        assert stand.world.sink.kept["m-1"]["raw"] == raw


@pytest.mark.parametrize("start", BOTH)
async def test_a_large_body_stays_outside_and_harms_nobody(start: Start, tmp_path: Path) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(32 << 10)

    path = "/api/webhooks/eventsub"
    async with behind(start, tmp_path) as stand:
        for number in range(3):
            async with stand.request("POST", path, data=io.BytesIO(bytes(2 << 20))) as answer:
                assert answer.status == 413
            seen = stand.world.metrics.render()[0].decode()
            assert f'http_requests_total{{route="{path}",status="413"}}' not in seen or number > 0
            async with stand.request("POST", path, data=in_chunks()) as answer:
                assert answer.status in (413, 502), "of unknown length: cut off wherever it is noticed"
            async with stand.request("GET", "/api/auth/session") as answer:
                assert answer.status == 200, "the daemon counts as broken because of a stranger's request"
        assert stand.world.sink.calls == []


@pytest.mark.parametrize("start", BOTH)
async def test_the_numbers_are_not_shown_to_the_world(start: Start, tmp_path: Path) -> None:
    async with behind(start, tmp_path, metrics_token="0123456789abcdef") as stand:
        headers = {"Authorization": "Bearer 0123456789abcdef"}
        async with stand.request("GET", "/metrics", headers=headers) as answer:
            assert answer.status == 404
        async with stand.world.client.get(stand.world.url("/metrics"), headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("start", BOTH)
async def test_the_page_is_compressed(start: Start, tmp_path: Path) -> None:
    async with behind(start, tmp_path) as stand:
        headers = {"Accept-Encoding": "gzip"}
        async with stand.request("GET", "/", headers=headers) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert "<!doctype html>" in (await answer.text()).lower()


@pytest.mark.parametrize("start", BOTH)
async def test_websockets_come_through(start: Start, tmp_path: Path) -> None:
    """The daemon has none yet; the proxies are ready for those of the watch parties."""

    async def echo(socket: ServerConnection) -> None:
        assert socket.request is not None
        await socket.send(socket.request.path)
        async for text in socket:
            await socket.send(text)

    def healthy(socket: ServerConnection, request: Request) -> Response | None:
        return socket.respond(HTTPStatus.OK, "") if request.path == "/livez" else None

    async with serve(echo, "127.0.0.1", 0, process_request=healthy) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with start(tmp_path, port) as proxy:
            url = f"{'wss' if proxy.trust else 'ws'}://{proxy.host}/ws/connect"
            async with (
                asyncio.timeout(30),
                connect(url, host="127.0.0.1", port=proxy.port, ssl=proxy.trust, proxy=None) as socket,
            ):
                assert await socket.recv() == "/ws/connect"
                await socket.send("to be")
                assert await socket.recv() == "to be"
