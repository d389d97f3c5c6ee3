"""One connection: pipelines, errors as values, and lost connections as errors of ours."""

from __future__ import annotations

import asyncio

import pytest

from gateways.redis.link import RedisBroken, RedisDown, RedisLink
from gateways.topics.redis.wire import Forgotten, Wire
from tests.servers.redis import start_redis

pytestmark = pytest.mark.server


async def test_replies_come_in_order_and_errors_stand_in_their_place() -> None:
    async with start_redis() as redis:
        wire = Wire(RedisLink(redis.url))
        await wire.open()
        replies = await wire.exchange(
            [
                ("SET", "a", "ä"),
                ("GET", b"a"),
                ("EVALSHA", "0" * 40, 0),
                ("INCR", "a"),
                ("EVAL", "return {1, 'x', {2}}", 0),
            ]
        )
        assert replies[:2] == [b"OK", "ä".encode()]
        assert isinstance(replies[2], Forgotten)
        assert isinstance(replies[3], RedisBroken)
        assert "ä" not in str(replies[3])
        assert replies[4] == [1, b"x", [2]]
        await redis.command("CONFIG", "SET", "maxmemory", 1)
        (full,) = await wire.exchange([("SET", "a", "b")])
        assert isinstance(full, RedisDown)
        assert await wire.exchange([("GET", "a")]) == ["ä".encode()]
        await wire.close()


async def test_a_lost_connection_is_told_as_redis_down() -> None:
    async with start_redis() as redis:
        wire, listener = Wire(RedisLink(redis.url)), Wire(RedisLink(redis.url))
        await wire.open()
        await listener.open()
        await listener.send("SUBSCRIBE", "news")
        assert await listener.receive() == [b"subscribe", b"news", 1]
        await wire.exchange([("PUBLISH", "news", "1")])
        assert await listener.receive() == [b"message", b"news", b"1"]
        await redis.kill()
        with pytest.raises(RedisDown):
            await listener.receive()
        with pytest.raises(RedisDown):
            await wire.exchange([("GET", "a")])
        for one in (wire, listener):
            await one.close()
            await one.close()
        with pytest.raises(RedisDown):
            await Wire(RedisLink(redis.url)).open()


async def test_a_silent_server_is_not_waited_for_for_long() -> None:
    async with start_redis() as redis:
        wire = Wire(RedisLink(redis.url))
        await wire.open()
        async with redis.paused(), asyncio.timeout(10):
            with pytest.raises(RedisDown):
                await wire.exchange([("GET", "a")])
        await wire.close()


async def test_a_wrong_password_is_broken_and_stays_secret() -> None:
    async with start_redis(password="right") as redis:
        wire = Wire(RedisLink(redis.url.replace("right", "wrong")))
        with pytest.raises(RedisBroken) as caught:
            await wire.open()
        assert "wrong" not in f"{caught.value} {caught.value.advice}"
        await wire.close()
        good = Wire(RedisLink(redis.url))
        await good.open()
        await good.close()
