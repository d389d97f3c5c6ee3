"""`GET /api/audit-log`: who did what, when and why, newest first."""

from __future__ import annotations

import re

from aiohttp import web

from domain.errors import Rejected
from web.answers import json_answer
from web.auth import visible_channel
from web.keys import SESSION
from web.ports import AuditReader, Channels

MAX_LIMIT = 200
_VIEWER = re.compile(r"[0-9]{1,20}")
_ACTION = re.compile(r"[a-z_]{1,32}(\.[a-z_]{1,32}){0,3}")
_LIMIT = re.compile(r"[0-9]{1,3}")
_MAX_CURSOR = 512


class AuditLog:
    def __init__(self, *, reader: AuditReader, channels: Channels) -> None:
        self._reader = reader
        self._channels = channels

    async def page(self, request: web.Request) -> web.Response:
        """Query: `channel` (needed), `viewer`, `action`, `limit` (1 to 200, else 50), `cursor` (of the page before)."""
        query = request.query
        channel = await visible_channel(request[SESSION], query.get("channel", ""), self._channels)
        limit = int(_checked(query.get("limit"), _LIMIT, "limit") or 50)
        if not 1 <= limit <= MAX_LIMIT:
            raise _wrong("limit")
        cursor = query.get("cursor") or None
        if cursor is not None and len(cursor) > _MAX_CURSOR:
            raise _wrong("cursor")
        entries, following = await self._reader.audit(
            channel_id=channel["id"],
            viewer_id=_checked(query.get("viewer"), _VIEWER, "viewer"),
            action=_checked(query.get("action"), _ACTION, "action"),
            limit=limit,
            cursor=cursor,
        )
        return json_answer({"entries": entries, "cursor": following})


def _checked(value: str | None, shape: re.Pattern[str], name: str) -> str | None:
    if not value:
        return None
    if not shape.fullmatch(value):
        raise _wrong(name)
    return value


def _wrong(name: str) -> Rejected:
    return Rejected(
        f"The parameter {name} is malformed.", code="web.parameter", advice="See /api/openapi.json."
    )
