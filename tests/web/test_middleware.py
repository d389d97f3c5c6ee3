"""What every request gets: an id, headers, one log line, readable errors, limits on its body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from daemon.metrics import PrometheusMetrics
from domain.errors import Broken, Rejected
from tests.support.clock import ManualClock
from tests.web.world import World, running
from web.keys import BODY, Handler, Route, Who
from web.middleware import CONTENT_SECURITY_POLICY, InFlight, edge, guarded, read_body, security_headers


async def raw(world: World, request: bytes) -> bytes:
    """Send bytes and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(request)
    await writer.drain()
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@asynccontextmanager
async def serving(handler: Handler, *, body_limit: int = 0) -> AsyncIterator[tuple[str, PrometheusMetrics]]:
    """A server with one route at `/x`, behind the real middleware."""
    metrics = PrometheusMetrics()
    app = web.Application(
        middlewares=[edge(clock=ManualClock(), metrics=metrics, trusted=(), in_flight=InFlight())]
    )
    app.on_response_prepare.append(security_headers(https=False))

    async def allow(request: web.Request, route: Route) -> None:
        return None

    app.router.add_route("*", "/x", guarded(Route("*", "/x", handler, Who.PUBLIC, body_limit), allow))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/x", metrics
    finally:
        await runner.cleanup()


# headers and ids


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/nowhere", "/api/auth/csrf", "/api/openapi.json", "/static/none.js"]
)
async def test_every_answer_has_the_security_headers(world: World, path: str) -> None:
    async with world.client.get(world.url(path)) as response:
        headers = response.headers
        assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Server"] == "cuelight"
        assert headers["X-Request-Id"]
        assert "Cache-Control" in headers
        assert "Strict-Transport-Security" not in headers


async def test_streams_have_them_too(world: World) -> None:
    await world.sign_in()
    async with world.client.get(world.url("/api/ws?channel=100")) as response:
        assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_the_policy_allows_nothing_inline_and_no_frames() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


async def test_over_https_browsers_are_told_to_stay_there() -> None:
    async with (
        running(public_url="https://vip.example.org", development_login=False) as world,
        world.client.get(world.url("/livez")) as response,
    ):
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_a_request_id_is_taken_over_or_made(world: World) -> None:
    async with world.client.get(world.url("/livez"), headers={"X-Request-Id": "abc-DEF_123"}) as response:
        assert response.headers["X-Request-Id"] == "abc-DEF_123"
    made = set()
    for given in ("", "short", "x" * 65, "with space here", "ü" * 10, "a\tb-cdefgh"):
        async with world.client.get(world.url("/livez"), headers={"X-Request-Id": given}) as response:
            made.add(response.headers["X-Request-Id"])
    assert len(made) == 6
    assert all(len(one) == 32 for one in made)


# log and metrics


async def test_one_line_per_request_without_query_and_headers(world: World) -> None:
    with capture_logs() as logs:
        async with world.client.get(
            world.url("/api/auth/session?ticket=secret"), headers={"Authorization": "secret"}
        ) as response:
            await response.read()
    (line,) = logs
    assert line["event"] == "request"
    assert line["log_level"] == "info"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/auth/session", 200)
    assert line["peer"] == "127.0.0.1"
    assert "secret" not in repr(line)
    assert world.counted("http_requests_total", route="/api/auth/session", status="200") == 1


async def test_probes_are_quiet(world: World) -> None:
    with capture_logs() as logs:
        async with world.client.get(world.url("/livez")):
            assert [line["log_level"] for line in logs] == ["debug"]


async def test_unknown_paths_do_not_make_new_labels(world: World) -> None:
    for n in range(3):
        async with world.client.get(world.url(f"/random-{n}")) as response:
            assert response.status == 404
    assert world.counted("http_requests_total", route="unmatched", status="404") == 3


# errors


async def test_an_error_of_ours_is_told_as_a_problem(world: World) -> None:
    async with world.client.get(world.url("/api/auth/csrf")) as response:
        assert response.status == 401
        assert response.content_type == "application/problem+json"
        body = await response.json(content_type="application/problem+json")
        assert body == {
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "code": "auth.signed_out",
            "detail": "You are not signed in.",
            "advice": "Sign in, then try again.",
            "request_id": response.headers["X-Request-Id"],
        }


async def test_a_wrong_method_says_which_is_right(world: World) -> None:
    async with world.client.delete(world.url("/api/cron/remove-expired-vips")) as response:
        assert response.status == 405
        assert set(response.headers["Allow"].split(",")) == {"GET", "POST"}
        assert (await response.json(content_type=None))["code"] == "http.method_not_allowed"


@pytest.mark.parametrize(
    ("error", "code"),
    [(RuntimeError("secret"), "web.unknown"), (Broken("secret", code="twitch.broken"), "twitch.broken")],
)
async def test_what_is_our_fault_is_a_500_without_details_logged_once(
    world: World, error: Exception, code: str
) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise error

    with capture_logs() as logs:
        async with serving(fail) as (url, metrics), world.client.get(url) as response:
            text = await response.text()
            assert response.status == 500
            assert json.loads(text)["code"] == code
            assert "secret" not in text
            assert "Traceback" not in text
            assert metrics.value("errors_total", where="web") == 1
    (line,) = logs
    assert line["log_level"] == "error"
    assert line["exc_info"] is error


async def test_a_request_that_is_not_http_gets_no_traceback(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for request in (
        b"\x16\x03\x01 hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nA B: c\r\n\r\n",
    ):
        answer = await raw(world, request)
        assert b" 400 " in answer.splitlines()[0]
        assert b"Traceback" not in answer
        assert b'File "' not in answer
    levels = [record.levelname for record in caplog.records if record.name == "web.http"]
    assert levels == ["WARNING", "WARNING"]  # what is not even a method is logged at debug level only
    assert "Traceback" not in caplog.text


# bodies


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=request[BODY])


async def test_a_body_is_handed_on_raw_and_up_to_its_limit(world: World) -> None:
    async with serving(echo, body_limit=100) as (url, _):
        async with world.client.post(url, data=b"\x00\xff" * 50) as response:
            assert await response.read() == b"\x00\xff" * 50
        async with world.client.post(url, data=b"x" * 101) as response:
            assert response.status == 413
            assert (await response.json(content_type=None))["code"] == "http.body_too_large"


async def test_a_compressed_body_is_not_unpacked(world: World) -> None:
    async with world.client.post(
        world.url("/api/webhooks/eventsub"), data=b"not gzip", headers={"Content-Encoding": "gzip"}
    ) as response:
        assert response.status == 400
        assert (await response.json(content_type=None))["code"] == "signature.missing"


async def test_a_body_that_breaks_off_is_a_400_or_nothing(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(b"POST /api/webhooks/eventsub HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(30):
        while not world.metrics.value("http_requests_total", route="/api/webhooks/eventsub", status="400"):
            await asyncio.sleep(0.002)
    assert not world.checkpoints
    del reader


async def test_a_broken_chunk_is_a_400(world: World) -> None:
    answer = await raw(
        world,
        b"POST /api/webhooks/eventsub HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n",
    )
    assert b" 400 " in answer.splitlines()[0]
    assert b"Traceback" not in answer


async def test_a_body_that_trickles_is_a_408(world: World) -> None:
    async def slowly(request: web.Request) -> web.Response:
        with pytest.raises(Rejected) as caught:
            await read_body(request, 100, seconds=0.05)
        raise caught.value

    async with serving(slowly) as (url, _):
        port = int(url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        async with asyncio.timeout(30):
            assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_requests_in_flight_are_counted() -> None:
    in_flight = InFlight()
    assert in_flight.idle.is_set()
    with in_flight:
        with in_flight:
            assert in_flight.count == 2
        assert not in_flight.idle.is_set()
    assert in_flight.idle.is_set()


async def test_log_lines_inside_a_request_carry_its_id(world: World) -> None:
    import structlog

    seen: list[Any] = []

    async def look(request: web.Request) -> web.Response:
        seen.append(structlog.contextvars.get_contextvars())
        return web.Response()

    async with serving(look) as (url, _), world.client.get(url, headers={"X-Request-Id": "request-1"}):
        assert seen == [{"request_id": "request-1"}]
