"""The outbound client over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.errors import CuelightError
from gateways.http import (
    Answer,
    HttpClient,
    HttpForbidden,
    HttpLost,
    HttpTooLarge,
    HttpUnreachable,
    is_public,
)
from tests.gateways.twitch.scripted import serving

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Host:
    """Answers by path; remembers what came in."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.texts: list[str] = []
        self.release = asyncio.Event()
        self.busy = 0
        self.busiest = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.texts.append(await request.text())
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        try:
            handler: Handler = getattr(self, request.path.strip("/"))
            return await handler(request)
        finally:
            self.busy -= 1

    async def echo(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"query": list(map(list, request.query.items()))}, headers={"X-Answer": "yes"}
        )

    async def redirect(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/echo", "Set-Cookie": "a=b"})

    async def hang(self, request: web.Request) -> web.Response:
        await self.release.wait()
        return web.Response()

    async def cut(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def large(self, request: web.Request) -> web.Response:
        return web.Response(status=int(request.query["status"]), body=b"x" * 3_000_000)

    async def bomb(self, request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"0" * 20_000_000), headers={"Content-Encoding": "gzip"})

    async def half(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"only this")
        assert request.transport is not None
        request.transport.close()
        return response


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
async def server(host: Host) -> AsyncIterator[TestServer]:
    async with serving(host.answer) as server:
        yield server
        host.release.set()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


@pytest.fixture
def closed_port() -> Iterator[int]:
    with closing(socket.socket()) as taken:  # bound, not listening
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def at(server: TestServer, path: str) -> str:
    return str(server.make_url(path))


async def test_sends_params_headers_and_one_body(client: HttpClient, server: TestServer, host: Host) -> None:
    answer = await client.request(
        "POST",
        at(server, "/echo"),
        params=[("id", "1"), ("id", "2 3")],
        headers={"Client-Id": "c"},
        json_body={"a": 1},
    )
    assert answer.status == 200
    assert answer.json() == {"query": [["id", "1"], ["id", "2 3"]]}
    assert answer.headers["x-answer"] == "yes"
    assert host.requests[0].headers["Client-Id"] == "c"
    assert host.requests[0].headers["User-Agent"] == "Cuelight"
    await client.request("POST", at(server, "/echo"), form=[("a", "1&2"), ("b", "ü")])
    await client.request("POST", at(server, "/echo"), body=b"raw")
    assert host.texts == ['{"a": 1}', "a=1%262&b=%C3%BC", "raw"]


async def test_follows_no_redirect_and_keeps_no_cookie(
    client: HttpClient, server: TestServer, host: Host
) -> None:
    assert (await client.request("GET", at(server, "/redirect"))).status == 302
    await client.request("GET", at(server, "/echo"))
    assert len(host.requests) == 2
    assert "Cookie" not in host.requests[1].headers


async def test_takes_no_proxy_from_the_environment(
    client: HttpClient, server: TestServer, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    assert (await client.request("GET", at(server, "/echo"))).status == 200


async def test_no_listener_means_that_nothing_was_sent(client: HttpClient, closed_port: int) -> None:
    with pytest.raises(HttpUnreachable):
        await client.request("GET", f"http://127.0.0.1:{closed_port}/")


async def test_a_silent_host_is_given_up_in_time(client: HttpClient, server: TestServer) -> None:
    with pytest.raises(HttpLost, match=r"0\.1 s"):
        await client.request("POST", at(server, "/hang"), timeout_seconds=0.1)


@pytest.mark.parametrize("path", ["/cut", "/half"])
async def test_a_broken_connection_leaves_the_outcome_open(
    client: HttpClient, server: TestServer, path: str
) -> None:
    with pytest.raises(HttpLost):
        await client.request("POST", at(server, path))


@pytest.mark.parametrize("method", ["DELETE", "POST", "PATCH", "PUT"])
async def test_nothing_that_changes_something_is_sent_twice(
    client: HttpClient, server: TestServer, host: Host, method: str
) -> None:
    """A library may repeat what it holds for idempotent, once a reused connection breaks."""
    await client.request("GET", at(server, "/echo"))
    with pytest.raises(HttpLost):
        await client.request(method, at(server, "/cut"))
    assert [request.method for request in host.requests] == ["GET", method]


@pytest.mark.parametrize(
    "raw", [b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b""]
)
async def test_an_answer_that_is_not_http_is_lost(client: HttpClient, raw: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(HttpLost):
            await client.request("POST", f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("status", [200, 500])
async def test_a_huge_answer_is_cut_off(client: HttpClient, server: TestServer, status: int) -> None:
    with pytest.raises(HttpTooLarge) as caught:
        await client.request("GET", at(server, f"/large?status={status}"))
    assert caught.value.status == status


async def test_the_limit_counts_what_is_unpacked(client: HttpClient, server: TestServer) -> None:
    with pytest.raises(HttpTooLarge):
        await client.request("GET", at(server, "/bomb"))


async def test_connections_are_bounded(server: TestServer, host: Host) -> None:
    async with HttpClient(connections=4) as client:
        calls = [asyncio.ensure_future(client.request("GET", at(server, "/hang"))) for _ in range(12)]
        async with asyncio.timeout(30):
            while host.busy < 4:
                await asyncio.sleep(0)
        host.release.set()
        await asyncio.gather(*calls)
    assert host.busiest == 4


async def test_a_closed_client_says_so(server: TestServer) -> None:
    client = HttpClient()
    await client.close()
    with pytest.raises(HttpUnreachable):
        await client.request("GET", at(server, "/echo"))


@pytest.mark.parametrize(
    "url", ["", "echo", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a:b/", "//x"]
)
async def test_only_http_urls_are_called(client: HttpClient, url: str) -> None:
    with pytest.raises(HttpForbidden):
        await client.request("GET", url)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_guard_stops_at_the_socket(server: TestServer, host: Host, name: str) -> None:
    async with HttpClient(public_ports=[server.port or 0]) as client:
        with pytest.raises(CuelightError) as caught:
            await client.request("GET", f"http://{name}:{server.port}/echo", guard="public")
    assert isinstance(caught.value, HttpForbidden | HttpUnreachable)
    assert host.requests == []


async def test_guard_says_why(server: TestServer) -> None:
    async with HttpClient(public_ports=[server.port or 0]) as client:
        with pytest.raises(HttpForbidden, match="private network") as caught:
            await client.request("GET", at(server, "/echo"), guard="public")
    assert caught.value.advice


async def test_a_trusted_connection_is_not_lent_to_guarded_requests(server: TestServer) -> None:
    async with HttpClient(public_ports=[server.port or 0]) as client:
        await client.request("GET", at(server, "/echo"))
        with pytest.raises(HttpForbidden):
            await client.request("GET", at(server, "/echo"), guard="public")


async def test_guard_lets_an_allowed_network_pass(server: TestServer) -> None:
    async with HttpClient(public_ports=[server.port or 0], allowed_networks=["127.0.0.0/8"]) as client:
        assert (await client.request("GET", at(server, "/echo"), guard="public")).status == 200


@pytest.mark.parametrize(
    "url", ["http://example.com:8080/", "http://a:b@example.com/", "http://a@example.com/"]
)
async def test_guard_refuses_ports_and_passwords(client: HttpClient, url: str) -> None:
    with pytest.raises(HttpForbidden):
        await client.request("GET", url, guard="public")


PRIVATE = [
    *(
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "0.1.2.3",
    ),
    *("192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *(
        "::",
        "::1",
        "::7f00:1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
    ),
    *(
        "2002:c0a8:101::1",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
    ),
    *("ff02::1", "ff0e::1", "5f00::1", "3fff::1", "100::1"),
    *("", "localhost", "1.2.3", "nonsense"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


def test_json_of_any_kind_is_a_value_error_or_a_value() -> None:
    for body in (b"", b"<html>", b"\xff\xfe\xfa", b"[" * 200_000, b"1" * 5000, b"{"):
        with pytest.raises(ValueError):
            Answer(200, {}, body).json()
    values: list[Any] = [Answer(200, {}, b"null").json(), Answer(200, {}, b'{"a":[1]}').json()]
    assert values == [None, {"a": [1]}]
