"""What the API shows of the VIP product: channels and the audit trail, as plain objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, TypedDict

from domain.channel import Channel
from domain.errors import CuelightError
from handlers.vip.audit_export import AuditExport
from handlers.vip.live_bodies import activity_body
from handlers.vip.who import Who
from storage.audit import AuditFilter, AuditTrail
from storage.channels import Channels
from storage.viewers import Viewers

UNKNOWN = "unknown"
"""The id of nobody."""


class ChannelLine(TypedDict):
    id: str
    login: str
    name: str


class Views:
    """Read-only answers for the web layer."""

    def __init__(self, *, channels: Channels, audit: AuditTrail, viewers: Viewers, who: Who) -> None:
        self._channels, self._audit, self._viewers, self._who = channels, audit, viewers, who
        self._export = AuditExport(audit=audit)

    async def channels(self, ids: Iterable[str] | None = None) -> list[ChannelLine]:
        """The channels with these ids that exist, the oldest first; all of them without ids."""
        if ids is None:
            return [_line(channel) for channel in await self._channels.all()]
        found = [await self._channels.get(channel_id) for channel_id in dict.fromkeys(ids)]
        known = [channel for channel in found if channel is not None]
        return [_line(channel) for channel in sorted(known, key=lambda channel: channel.added_at)]

    async def channel(self, channel_id: str) -> ChannelLine | None:
        """One channel."""
        channel = await self._channels.get(channel_id)
        return None if channel is None else _line(channel)

    async def audit(
        self, *, channel_id: str, only: AuditFilter, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of the trail, newest first, and the cursor of the next. Raises `Rejected` for a bad cursor."""
        records, following = await self._audit.page(channel_id, only=only, limit=limit, after=cursor)
        return [activity_body(record) for record in records], following

    async def viewer_id(self, channel_id: str, written: str) -> str:
        """The id of a viewer: what is written if that is one, else by the login that the channel knows of him, or that
        Twitch does."""
        if written.isdigit():
            return written
        known = await self._viewers.with_login(channel_id, written.removeprefix("@"))
        if known is not None:
            return known.viewer_id
        try:
            return (await self._who.find(channel_id, written)).id
        except CuelightError:  # nobody, or nobody can tell: then there is nothing to show
            return UNKNOWN

    def export(self, *, kind: str, channel_id: str, only: AuditFilter) -> AsyncIterator[bytes]:
        """The trail as a file; see `AuditExport.pieces`."""
        return self._export.pieces(kind, channel_id, only)


def _line(channel: Channel) -> ChannelLine:
    return {"id": channel.id, "login": channel.login, "name": channel.name}
