"""`/api/audit-log`: who did what, when and why, newest first, as pages or as a file."""

from __future__ import annotations

from aiohttp import web

from domain.ports import Clock
from storage.audit import AuditFilter
from web.download import Downloads
from web.keys import CHANNEL
from web.models.audit import AuditAsked, AuditFilters, AuditPage, ExportAsked
from web.models.base import query_of, told
from web.ports import AuditReader

MOST_EXPORTS = 4
"""At the same time in this process: each reads the whole trail of a channel."""
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json; charset=utf-8"}


class AuditApi:
    def __init__(self, *, reader: AuditReader, clock: Clock) -> None:
        self._reader, self._clock = reader, clock
        self._downloads = Downloads(most=MOST_EXPORTS, busy="audit.busy")

    async def page(self, request: web.Request) -> web.Response:
        """GET `/api/audit-log`."""
        asked = query_of(request, AuditAsked)
        only = await self._filter(request[CHANNEL], asked)
        entries, cursor = await self._reader.audit(
            channel_id=request[CHANNEL], only=only, limit=asked.limit, cursor=asked.cursor or None
        )
        return told(AuditPage.model_validate({"entries": entries, "cursor": cursor}))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """GET `/api/audit-log/export`. See `Downloads.send` for what goes wrong."""
        asked, channel_id = query_of(request, ExportAsked), request[CHANNEL]
        only = await self._filter(channel_id, asked)
        pieces = self._reader.export(kind=asked.format, channel_id=channel_id, only=only)
        name = f"cuelight-audit-{channel_id}-{self._clock.now()}.{asked.format}"
        return await self._downloads.send(request, pieces, name=name, content_type=_TYPES[asked.format])

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
