"""What the API shows of the VIP product: channels and the audit trail, as plain objects."""

from __future__ import annotations

from typing import Any, TypedDict

from handlers.vip.live import activity_body
from storage.audit import AuditTrail
from storage.channels import Channels


class ChannelLine(TypedDict):
    id: str
    login: str
    name: str


class Views:
    """Read-only answers for the web layer."""

    def __init__(self, *, channels: Channels, audit: AuditTrail) -> None:
        self._channels, self._audit = channels, audit

    async def channels(self) -> list[ChannelLine]:
        """Every channel: `{"id", "login", "name"}`."""
        return [
            {"id": channel.id, "login": channel.login, "name": channel.name}
            for channel in await self._channels.all()
        ]

    async def audit(
        self, *, channel_id: str, viewer_id: str | None, action: str | None, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of the trail, newest first, and the cursor of the next. Raises `Rejected` for a bad cursor."""
        records, following = await self._audit.page(
            channel_id, viewer_id=viewer_id or "", action=action or "", limit=limit, after=cursor
        )
        return [activity_body(record) for record in records], following
