"""What each channel knows of its viewers: lists, badges made by hand, when the last VIP ended, time that is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from domain.channel import Viewer
from domain.viewer import Listed, ViewerRecord, record_id
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, In, Range, Scalar, Schema, Where, every

VIEWERS = Schema(
    name="viewers",
    fields={
        "channel_id": str,
        "viewer_id": str,
        "login": str,
        "listed": str,
        "by_hand_since": int,
        "kept_at": int,
        "last_at": int,
    },
    indexes=(
        ("channel_id", "listed", "login"),
        ("channel_id", "by_hand_since"),
        ("channel_id", "login"),
        ("channel_id", "kept_at"),
        ("listed", "last_at"),
        ("channel_id", "listed", "last_at"),
    ),
)

ON_A_LIST = In(tuple(listed.value for listed in Listed if listed is not Listed.NONE))


class Viewers:
    def __init__(self, viewers: Collection) -> None:
        self._viewers = viewers

    async def get(self, channel_id: str, viewer_id: str) -> ViewerRecord:
        """What is known of a viewer; an empty record (`seen_at` 0) where nothing is."""
        document = await self._viewers.get(record_id(channel_id, viewer_id))
        return _empty(channel_id, viewer_id) if document is None else _read(document)

    async def change(
        self, channel_id: str, viewer: Viewer, fn: Callable[[ViewerRecord], ViewerRecord]
    ) -> ViewerRecord:
        """Replace a viewer's record, which may be empty before, by `fn` of it (pure and quick: it may run more than
        once). Names that `viewer` carries are taken over. Nothing is written where nothing changes."""

        def apply(document: Document) -> Document | None:
            held = _read(document)
            named = replace(held, login=viewer.login or held.login, name=viewer.name or held.name)
            new = fn(named)
            return None if new == held and document.get("rev") else _document(new)

        empty = _empty(channel_id, viewer.id)
        document = await self._viewers.change(empty.id, apply, initial=_document(empty))
        return empty if document is None else _read(document)

    async def listed(
        self,
        channel_id: str,
        listed: Listed | None = None,
        search: str = "",
        limit: int = 50,
        after: str | None = None,
    ) -> tuple[list[ViewerRecord], str | None]:
        """The viewers on a list (`None`: on any), by login, with the cursor of the next page. `search`: how the login
        begins. Raises `Rejected` for a bad cursor."""
        where: dict[str, Scalar | Range | In] = {
            "channel_id": channel_id,
            "listed": ON_A_LIST if listed is None else listed.value,
        }
        start = search.strip().lower()
        if start:
            where["login"] = Range(start, f"{start}\U0010ffff")
        page = await self._viewers.find(where, sort=[("login", 1)], limit=limit, after=after)
        return [_read(document) for document in page.documents], page.cursor

    async def count_listed(self, channel_id: str) -> int:
        """How many viewers are on a list of the channel."""
        return await self._viewers.count({"channel_id": channel_id, "listed": ON_A_LIST})

    async def protected(self, channel_id: str) -> frozenset[str]:
        """The ids of all whose VIP badge is not to be touched."""
        where = {"channel_id": channel_id, "listed": Listed.PROTECTED.value}
        return frozenset([_read(document).viewer_id async for document in every(self._viewers, where)])

    async def by_hand(self, channel_id: str) -> list[ViewerRecord]:
        """All viewers with a badge that is not of our making, as far as we know; the latest last."""
        where: Where = {"channel_id": channel_id, "by_hand_since": Range(1, None)}
        return [
            _read(document) async for document in every(self._viewers, where, sort=[("by_hand_since", 1)])
        ]

    async def with_kept(self, channel_id: str) -> list[ViewerRecord]:
        """All viewers whose VIP time is kept for when they are moderators no more; the latest last."""
        where: Where = {"channel_id": channel_id, "kept_at": Range(1, None)}
        return [_read(document) async for document in every(self._viewers, where, sort=[("kept_at", 1)])]

    async def with_login(self, channel_id: str, login: str) -> ViewerRecord | None:
        """Who had this login when the channel last heard of him."""
        where = {"channel_id": channel_id, "login": login.strip().lower()}
        page = await self._viewers.find(where, limit=1)
        return _read(page.documents[0]) if page.documents else None


def _empty(channel_id: str, viewer_id: str) -> ViewerRecord:
    return ViewerRecord(record_id(channel_id, viewer_id), channel_id, viewer_id)


def _document(record: ViewerRecord) -> Document:
    return {
        **to_document(record),
        "kept_at": 0 if record.kept is None else record.kept.at,
        "last_at": max(record.seen_at, record.last_vip_ended_at),  # by it retention counts
    }


def _read(document: Document) -> ViewerRecord:
    return from_document(ViewerRecord, document)
