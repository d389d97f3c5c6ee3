"""A file that is made while it is sent; how it looks in an endpoint is in tests/web/api/test_audit.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.errors import Unavailable
from web.download import Downloads

Make = Callable[[], AsyncIterator[bytes]]


@asynccontextmanager
async def serving(make: Make, *, most: int = 1) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    downloads = Downloads(most=most, busy="test.busy")

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await downloads.send(request, make(), name="a.txt", content_type="text/plain")
        except Unavailable as error:
            return web.Response(status=503, text=error.code)

    application = web.Application()
    application.router.add_get("/", handle)
    async with TestServer(application) as server, aiohttp.ClientSession() as client:
        yield client, str(server.make_url("/"))


async def test_pieces_become_a_file_with_a_name() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with serving(pieces) as (client, url), client.get(url) as answer:
        assert await answer.read() == b"onetwo"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="a.txt"'


async def test_a_failure_frees_the_place_and_the_file_does_not_end_well() -> None:
    begin: list[bytes] = []

    async def pieces() -> AsyncIterator[bytes]:
        for piece in begin:
            yield piece
        raise Unavailable("the store is away", code="test.store")

    async with serving(pieces) as (client, url):
        async with client.get(url) as answer:
            assert (answer.status, await answer.text()) == (503, "test.store"), "nothing was sent yet"
        begin.append(b"one")
        async with client.get(url) as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()


async def test_no_more_than_so_many_at_once() -> None:
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        begun.set()
        await go_on.wait()

    async with asyncio.timeout(20), serving(pieces) as (client, url):
        async with client.get(url) as first:
            await begun.wait()
            async with client.get(url) as second:
                assert (second.status, await second.text()) == (503, "test.busy")
            go_on.set()
            assert await first.read() == b"one"
        async with client.get(url) as third:
            assert third.status == 200
