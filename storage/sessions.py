"""VIP sessions: at most one that is not ended for each viewer and channel, by a unique key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from domain.errors import NotFound
from domain.vip import VipSession, VipStatus
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, In, Range, Scalar, Schema, Where, every

SESSIONS = Schema(
    name="vip_sessions",
    fields={
        "slot": str,
        "channel_id": str,
        "viewer_id": str,
        "status": str,
        "expires_at": int,
        "granted_at": int,
        "ended_at": int,
        "viewer_login": str,
        "viewer_name": str,
    },
    unique=(("slot",),),
    indexes=(
        ("status", "expires_at"),
        ("status", "ended_at"),
        ("channel_id", "status", "expires_at"),
        ("channel_id", "status", "ended_at"),
        ("channel_id", "status", "granted_at"),
        ("channel_id", "status", "viewer_login"),
    ),
)


BY: Mapping[str, tuple[str, Literal[1, -1]]] = {
    "ends": ("ended_at", -1),
    "granted": ("granted_at", -1),
    "name": ("viewer_login", 1),
}
"""The orders in which ended sessions can be listed."""


class Sessions:
    def __init__(self, sessions: Collection) -> None:
        self._sessions = sessions

    async def open_for(self, channel_id: str, viewer_id: str) -> VipSession | None:
        """The session of this viewer that is not ended."""
        page = await self._sessions.find({"slot": f"{channel_id}:{viewer_id}"}, limit=1)
        return _read(page.documents[0]) if page.documents else None

    async def get(self, session_id: str) -> VipSession | None:
        document = await self._sessions.get(session_id)
        return None if document is None else _read(document)

    async def create(self, session: VipSession) -> VipSession:
        """Store a new session; one that was stored under this id before is returned instead. Raises `Duplicate` if
        the viewer has another open session in the channel."""
        try:
            await self._sessions.insert(_document(session))
        except Duplicate as error:
            before = await self.get(session.id) if error.key == ("_id",) else None
            if before is None:
                raise
            return before
        return session

    async def change(self, session_id: str, fn: Callable[[VipSession], VipSession]) -> VipSession:
        """Apply a move of `domain.vip`. Raises `NotFound`, and whatever the move raises."""

        def apply(document: Document) -> Document:
            return _document(fn(_read(document)))

        document = await self._sessions.change(session_id, apply)
        if document is None:
            raise NotFound(f"There is no VIP session {session_id}.")
        return _read(document)

    async def due(self, before: int) -> list[VipSession]:
        """All active sessions whose end is before a time (UTC ms), earliest first."""
        where: Where = {"status": VipStatus.ACTIVE.value, "expires_at": Range(None, before)}
        return [_read(document) async for document in every(self._sessions, where, sort=[("expires_at", 1)])]

    async def ending(self, channel_id: str, *, after: int, before: int) -> list[VipSession]:
        """The active sessions of a channel whose end is between two times (UTC ms), the earliest first."""
        where: Where = {
            "channel_id": channel_id,
            "status": VipStatus.ACTIVE.value,
            "expires_at": Range(after, before),
        }
        return [_read(document) async for document in every(self._sessions, where, sort=[("expires_at", 1)])]

    async def active(self, channel_id: str) -> list[VipSession]:
        """All active sessions of a channel, the one that ends first in front."""
        where = {"channel_id": channel_id, "status": VipStatus.ACTIVE.value}
        return [_read(document) async for document in every(self._sessions, where, sort=[("expires_at", 1)])]

    async def recently_ended(self, channel_id: str, *, limit: int) -> list[VipSession]:
        """The last sessions that ended, newest first."""
        page = await self._sessions.find(
            {"channel_id": channel_id, "status": VipStatus.ENDED.value}, sort=[("ended_at", -1)], limit=limit
        )
        return [_read(document) for document in page.documents]

    async def ended_page(
        self, channel_id: str, *, by: str, search: str = "", limit: int = 50, after: str | None = None
    ) -> tuple[list[VipSession], str | None]:
        """Ended sessions in one of the orders of `BY`, with the cursor of the next page. `search`: how the login
        begins, or the name as written where it has letters that logins have not. Raises `Rejected` for a bad cursor."""
        where: dict[str, Scalar | Range | In] = {"channel_id": channel_id, "status": VipStatus.ENDED.value}
        if search:
            field, start = ("viewer_login", search.lower()) if search.isascii() else ("viewer_name", search)
            where[field] = Range(start, f"{start}\U0010ffff")
        page = await self._sessions.find(where, sort=[BY[by]], limit=limit, after=after)
        return [_read(document) for document in page.documents], page.cursor


def _document(session: VipSession) -> Document:
    return {**to_document(session), "slot": session.slot}


def _read(document: Document) -> VipSession:
    return from_document(VipSession, document)
