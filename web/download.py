"""Sends a file that is made while it is sent: nobody knows its length in advance, and only a whole one ends well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from domain.errors import CuelightError, Unavailable

PIECE_SECONDS = 30.0

log = structlog.get_logger("web.download")


class Downloads:
    """At most `most` at the same time in this process, since each reads much. `busy` is the code of the refusal."""

    def __init__(self, *, most: int, busy: str) -> None:
        self._most, self._busy = most, busy
        self._count = 0

    async def send(
        self, request: web.Request, pieces: AsyncIterator[bytes], *, name: str, content_type: str
    ) -> web.StreamResponse:
        """Answer with the pieces as a file of that name. Raises `Unavailable` when others are at it, and what the
        first piece raises. An error on the way breaks the transfer off: a file that ends well is whole."""
        if self._count >= self._most:
            raise Unavailable("Others are exporting already.", code=self._busy, retry_after_seconds=10)
        self._count += 1
        try:
            first = await anext(pieces)
            headers = {"Content-Type": content_type, "Content-Disposition": f'attachment; filename="{name}"'}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await _sent(request, response, first, pieces)
            return response
        finally:
            self._count -= 1


async def _sent(
    request: web.Request, response: web.StreamResponse, first: bytes, pieces: AsyncIterator[bytes]
) -> None:
    try:
        await _written(response, first)
        async for piece in pieces:
            await _written(response, piece)
        await response.write_eof()
    except (CuelightError, TimeoutError, ConnectionError) as error:
        log.warning("an export broke off", why=str(error) or type(error).__name__)
        if request.transport is not None:
            request.transport.abort()


async def _written(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(PIECE_SECONDS):
        await response.write(piece)
