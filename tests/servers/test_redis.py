"""The server that other tests stand on does what its verbs say."""

from __future__ import annotations

import asyncio

import pytest

from tests.servers.redis import start_redis

pytestmark = pytest.mark.server


async def test_a_restart_loses_everything_unless_it_is_durable() -> None:
    for durable, kept in ((False, None), (True, b"1")):
        async with start_redis(durable=durable, password="s3cret") as redis:
            port = redis.port
            await redis.command("SET", "a", 1)
            await redis.restart()
            assert redis.port == port
            assert await redis.command("GET", "a") == kept
        assert not redis.running


async def test_a_paused_server_keeps_its_connections_and_is_silent() -> None:
    async with start_redis(options={"maxmemory": "32mb"}) as redis:
        reader, writer = await asyncio.open_connection(redis.host, redis.port)
        async with redis.paused():
            writer.write(b"PING\r\n")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readline(), 0.2)
        assert await asyncio.wait_for(reader.readline(), 5) == b"+PONG\r\n"
        writer.close()
        await writer.wait_closed()
        assert "33554432" in str(await redis.command("CONFIG", "GET", "maxmemory"))


async def test_a_killed_server_can_be_started_again() -> None:
    async with start_redis() as redis:
        redis.pause()
        await redis.kill()
        assert not redis.running
        await redis.start()
        assert await redis.command("PING") in (b"PONG", True)
