"""The link of this process to Redis: a few connections for commands, scripts by digest, and one kind of error.

Nothing here is the only copy of anything: the store keeps what must not be lost. So no call is repeated by itself (its
outcome may be unknown) and none waits long; who calls decides what to do without Redis.

Managed Redis services block `CLIENT` and parts of `CONFIG`, so the driver is told not to introduce itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from domain.errors import Broken, Unavailable

COMMAND_SECONDS = 2.0
CONNECT_SECONDS = 2.0
CONNECTIONS = 8

Argument = str | bytes | int | float


class RedisDown(Unavailable):
    """Redis did not answer, or cannot write at the moment. The outcome of a write is unknown."""

    code = "redis.unavailable"


class RedisBroken(Broken):
    """Redis refuses what we ask: a password, a right, a fault of ours."""

    code = "redis.broken"


class Script:
    """A Lua script with its digest. Keys and arguments come as `KEYS` and `ARGV`; see `RedisLink.run`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisLink:
    """`url`: `redis://` or `rediss://`. All keys of ours begin with `prefix`. Answers are bytes, integers, lists."""

    def __init__(self, url: str, *, prefix: str = "cuelight", connections: int = CONNECTIONS) -> None:
        self._url = url
        self._prefix = prefix
        self._commands = self.client(connections=connections)

    def key(self, *parts: str) -> str:
        """`prefix:part:part`. A part in braces is the slot that keys of one script share."""
        return ":".join((self._prefix, *parts))

    def client(self, *, connections: int = 1, timeout_seconds: float | None = COMMAND_SECONDS) -> Redis:
        """A driver of its own, for what would block others (a subscriber). Who asks for it closes it."""
        pool = BlockingConnectionPool.from_url(
            self._url,
            max_connections=connections,
            timeout=COMMAND_SECONDS,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        return Redis.from_pool(pool)

    def connection(self) -> AbstractConnection:
        """One bare connection of the driver that is not open yet: protocol 2, no time-outs but that of connecting. Who
        asks for it opens, bounds and closes it."""
        pool = self.client(timeout_seconds=None).connection_pool
        connection: AbstractConnection = pool.connection_class(**{**pool.connection_kwargs, "protocol": 2})
        return connection

    async def command(self, *words: Argument) -> Any:
        """One command. Raises `RedisDown` and `RedisBroken`."""
        return await self._guarded(self._send(*words))

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run a script, atomically. Raises `RedisDown` and `RedisBroken`."""
        try:
            return await self._guarded(self._send("EVALSHA", script.digest, len(keys), *keys, *args))
        except _Unknown:
            return await self.command("EVAL", script.text, len(keys), *keys, *args)

    async def close(self) -> None:
        """Close every connection. A later call opens new ones: nobody makes one."""
        await self._commands.aclose()

    def _send(self, *words: Argument) -> Coroutine[Any, Any, Any]:
        answer: Coroutine[Any, Any, Any] = self._commands.execute_command(*words)  # type: ignore[no-untyped-call]
        return answer

    async def _guarded(self, work: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()  # not 0 in a clean-up
        try:
            async with asyncio.timeout(2 * COMMAND_SECONDS):  # also what waits for a free connection
                answer = await work
        except NoScriptError:
            raise _Unknown from None
        except (RedisError, OSError, TimeoutError) as error:
            raise translated(error) from error
        if task.cancelling() > before:
            raise asyncio.CancelledError  # the driver's `wait_for` swallowed it, as it may before Python 3.12
        return answer


class _Unknown(Exception):
    """Redis has forgotten a script (it was restarted)."""


def translated(error: Exception) -> RedisDown | RedisBroken:
    """The error of the driver as one of ours, without what was sent: it may hold secrets."""
    if isinstance(error, AuthenticationError):
        return RedisBroken("Redis refuses our password.", advice="Look at REDIS_URL or REDIS_PASSWORD.")
    down = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OutOfMemoryError)
    if isinstance(error, (*down, OSError, TimeoutError)):
        return RedisDown(
            f"Redis does not answer as it should ({type(error).__name__}).", retry_after_seconds=1.0
        )
    word = str(error).partition(" ")[0] if isinstance(error, ResponseError) else type(error).__name__
    return RedisBroken(f"Redis refuses what we ask ({word[:40]}).")
