"""VIP sessions: at most one that is not ended for each viewer and channel, by a unique key."""

from __future__ import annotations

from collections.abc import Callable

from domain.errors import NotFound
from domain.vip import VipSession, VipStatus
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, Range, Schema, Where, every

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
    },
    unique=(("slot",),),
    indexes=(
        ("status", "expires_at"),
        ("status", "ended_at"),
        ("channel_id", "status", "expires_at"),
        ("channel_id", "status", "ended_at"),
    ),
)


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


def _document(session: VipSession) -> Document:
    return {**to_document(session), "slot": session.slot}


def _read(document: Document) -> VipSession:
    return from_document(VipSession, document)
