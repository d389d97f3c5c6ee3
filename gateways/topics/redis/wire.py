"""One connection to Redis for pipelines or for a subscription, with every foreign error as one of ours."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from gateways.redis.link import COMMAND_SECONDS, Argument, RedisBroken, RedisDown, RedisLink, translated


class Forgotten(Exception):
    """Redis does not know a script by its digest."""


Failure = RedisDown | RedisBroken | Forgotten
"""What stands in the place of a reply that was an error."""


class Wire:
    """A connection that is opened once. After any error of it, close it and make another."""

    def __init__(self, link: RedisLink) -> None:
        self._connection: AbstractConnection = link.connection()

    async def open(self) -> None:
        """Connect and sign in. Raises `RedisDown` and `RedisBroken`, within 2 s."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._connection.connect()  # type: ignore[no-untyped-call]
        except (RedisError, OSError, TimeoutError) as error:
            raise translated(error) from error

    async def exchange(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Send all commands at once and read their replies; a reply that is an error is a `Failure` in the list.
        Raises `RedisDown` and `RedisBroken` where the connection failed: what was done is not known then. Waits at
        most 2 s."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._connection.send_packed_command([_packed(words) for words in commands])
                return [await self._reply() for _ in commands]
        except (RedisError, OSError, TimeoutError) as error:
            raise translated(error) from error

    async def send(self, *words: Argument) -> None:
        """Send a command whose replies come by `receive`. Raises `RedisDown`."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._connection.send_packed_command([_packed(words)])
        except (RedisError, OSError, TimeoutError) as error:
            raise translated(error) from error

    async def receive(self) -> Any:
        """The next thing that comes, however long it takes. Raises `RedisDown` and `RedisBroken`."""
        try:
            return await self._connection.read_response(timeout=math.inf)
        except (RedisError, OSError) as error:
            raise translated(error) from error

    async def close(self) -> None:
        """Never raises; waits for nobody."""
        with contextlib.suppress(RedisError, OSError):
            await self._connection.disconnect(nowait=True)

    async def _reply(self) -> Any:
        try:
            return await self._connection.read_response(timeout=math.inf)
        except NoScriptError:
            return Forgotten()
        except ResponseError as error:
            return translated(error)


def _packed(words: Sequence[Argument]) -> bytes:
    packed: bytes = pack_command(tuple(words))  # type: ignore[arg-type]  # its stub means a tuple of any length
    return packed
