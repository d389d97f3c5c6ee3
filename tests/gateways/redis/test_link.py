"""The link to Redis: what goes through it, how long it waits, and what its errors tell and do not tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateways.redis.link import CONNECTIONS, RedisBroken, RedisDown, RedisLink, Script, translated
from tests.servers.redis import RedisServer, start_redis

ECHO = Script("return {KEYS[1], ARGV[1]}")


@pytest.fixture
async def redis() -> AsyncIterator[RedisServer]:
    async with start_redis(password="hush-hush") as server:
        yield server


@pytest.fixture
async def link(redis: RedisServer) -> AsyncIterator[RedisLink]:
    link = RedisLink(redis.url)
    yield link
    await link.close()


def test_keys_begin_with_the_prefix() -> None:
    assert RedisLink("redis://127.0.0.1", prefix="mine").key("topic", "{a}", "log") == "mine:topic:{a}:log"
    assert RedisLink("redis://127.0.0.1").key("x") == "cuelight:x"


@pytest.mark.server
async def test_commands_and_scripts_answer_in_bytes_and_numbers(link: RedisLink) -> None:
    await link.command("SET", "a", "ä")
    assert await link.command("GET", b"a") == "ä".encode()
    assert await link.command("INCRBY", "n", 41) == 41
    assert await link.run(ECHO, ["k"], [2.5]) == [b"k", b"2.5"]


@pytest.mark.server
async def test_a_script_that_redis_forgot_is_sent_again(redis: RedisServer, link: RedisLink) -> None:
    for _ in range(2):
        assert await link.run(ECHO, ["k"], ["x"]) == [b"k", b"x"]
        await redis.command("SCRIPT", "FLUSH")
    assert await redis.command("SCRIPT", "EXISTS", ECHO.digest) == [False]
    await link.run(ECHO, ["k"], ["x"])
    assert await redis.command("SCRIPT", "EXISTS", ECHO.digest) == [True]


@pytest.mark.server
async def test_it_does_not_introduce_itself(redis: RedisServer, link: RedisLink) -> None:
    """Managed services block CLIENT: a link that uses it could not connect."""
    await redis.command("CONFIG", "RESETSTAT")
    await link.command("SET", "a", 1)
    client = link.client()
    await client.get("a")
    await client.aclose()
    connection = link.connection()
    await connection.connect()
    await connection.disconnect()
    stats = await redis.command("INFO", "commandstats")
    assert not [name for name in stats if name.startswith("cmdstat_client")]


@pytest.mark.server
async def test_a_refusal_is_broken_and_tells_no_argument(link: RedisLink) -> None:
    await link.command("SET", "a", "text")
    with pytest.raises(RedisBroken) as caught:
        await link.command("LPUSH", "a", "my-secret")
    assert "WRONGTYPE" in str(caught.value) or "ResponseError" in str(caught.value)
    assert "my-secret" not in str(caught.value)


@pytest.mark.server
async def test_a_wrong_password_is_broken_and_stays_secret(redis: RedisServer) -> None:
    link = RedisLink(redis.url.replace("hush-hush", "not-that"))
    with pytest.raises(RedisBroken) as caught:
        await link.command("GET", "a")
    assert "password" in str(caught.value)
    assert "REDIS_PASSWORD" in caught.value.advice
    assert "not-that" not in f"{caught.value}{caught.value.advice}"
    await link.close()


@pytest.mark.server
async def test_a_server_that_is_gone_is_down_and_comes_back(redis: RedisServer, link: RedisLink) -> None:
    await link.command("SET", "a", 1)
    await redis.kill()
    for _ in range(CONNECTIONS + 2):
        with pytest.raises(RedisDown) as caught:
            await link.command("GET", "a")
        assert caught.value.retry_after_seconds > 0
    await redis.start()
    assert await link.command("GET", "a") is None


@pytest.mark.server
async def test_nobody_waits_long_for_a_silent_server(redis: RedisServer, link: RedisLink) -> None:
    await link.command("SET", "a", 1)
    async with redis.paused(), asyncio.timeout(12):  # more callers than connections
        outcomes = await asyncio.gather(
            *(link.command("GET", "a") for _ in range(CONNECTIONS * 3)), return_exceptions=True
        )
    assert all(isinstance(one, RedisDown) for one in outcomes)
    assert await link.command("GET", "a") == b"1"


@pytest.mark.server
async def test_a_cancelled_command_leaves_no_answer_to_another(redis: RedisServer, link: RedisLink) -> None:
    await link.command("SET", "a", "mine")
    for _ in range(20):
        task = asyncio.ensure_future(link.command("ECHO", "of another"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await link.command("GET", "a") == b"mine"


@pytest.mark.parametrize(
    "error",
    [
        RedisConnectionError("x"),
        RedisTimeoutError("x"),
        BusyLoadingError("x"),
        ReadOnlyError("x"),
        OutOfMemoryError("x"),
        OSError(111, "x"),
        TimeoutError(),
    ],
)
def test_what_passes_is_down(error: Exception) -> None:
    assert isinstance(translated(error), RedisDown)


@pytest.mark.parametrize("error", [AuthenticationError("x"), ResponseError("NOPERM no secret")])
def test_what_does_not_pass_is_broken(error: Exception) -> None:
    ours = translated(error)
    assert isinstance(ours, RedisBroken)
    assert "secret" not in str(ours)
