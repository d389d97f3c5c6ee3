"""`/api/audit-log`: who did what, when and why, newest first, as pages or as a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from domain.errors import CuelightError, Unavailable
from domain.ports import Clock
from storage.audit import AuditFilter
from web.keys import CHANNEL
from web.models.audit import AuditAsked, AuditFilters, AuditPage, ExportAsked
from web.models.base import query_of, told
from web.ports import AuditReader

MOST_EXPORTS = 4
"""At the same time in this process: each reads the whole trail of a channel."""
PIECE_SECONDS = 30.0
_TYPES = {"csv": "text/csv", "json": "application/json"}

log = structlog.get_logger("web.audit")


class AuditApi:
    def __init__(self, *, reader: AuditReader, clock: Clock) -> None:
        self._reader, self._clock = reader, clock
        self._exports = 0

    async def page(self, request: web.Request) -> web.Response:
        """GET `/api/audit-log`."""
        asked = query_of(request, AuditAsked)
        only = await self._filter(request[CHANNEL], asked)
        entries, cursor = await self._reader.audit(
            channel_id=request[CHANNEL], only=only, limit=asked.limit, cursor=asked.cursor or None
        )
        return told(AuditPage.model_validate({"entries": entries, "cursor": cursor}))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """GET `/api/audit-log/export`. An error on the way breaks the transfer off: a file that ends well is whole."""
        asked, channel_id = query_of(request, ExportAsked), request[CHANNEL]
        only = await self._filter(channel_id, asked)
        if self._exports >= MOST_EXPORTS:
            raise Unavailable("Others are exporting already.", code="audit.busy", retry_after_seconds=10)
        self._exports += 1
        try:
            pieces = self._reader.export(kind=asked.format, channel_id=channel_id, only=only)
            first = await anext(pieces)
            response = web.StreamResponse(headers=self._headers(asked.format, channel_id))
            await response.prepare(request)
            await self._send(request, response, first, pieces)
            return response
        finally:
            self._exports -= 1

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        first: bytes,
        pieces: AsyncIterator[bytes],
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

    def _headers(self, kind: str, channel_id: str) -> dict[str, str]:
        name = f"cuelight-audit-{channel_id}-{self._clock.now()}.{kind}"
        return {
            "Content-Type": f"{_TYPES[kind]}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
        }

    async def _filter(self, channel_id: str, asked: AuditFilters) -> AuditFilter:
        by_id = asked.actor.isdigit()
        return AuditFilter(
            viewer_id=await self._reader.viewer_id(channel_id, asked.viewer) if asked.viewer else "",
            action=asked.action,
            cause=asked.cause,
            actor_kind="" if by_id else asked.actor,
            actor_id=asked.actor if by_id else "",
            since=asked.since,
            until=asked.until,
        )


async def _written(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(PIECE_SECONDS):
        await response.write(piece)
