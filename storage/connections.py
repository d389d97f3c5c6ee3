"""How the EventSub session of each channel is, written by whoever holds it, read by every process."""

from __future__ import annotations

from dataclasses import dataclass

from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema

CONNECTIONS = Schema(name="connections")


@dataclass(frozen=True, slots=True)
class Connection:
    """`id` is the channel's. `state`: connecting, live, needs_login or stopped, since when (UTC ms), why (for people),
    and which process said so."""

    id: str
    state: str = "stopped"
    since: int = 0
    detail: str = ""
    holder: str = ""
    v: int = 1


class Connections:
    def __init__(self, connections: Collection) -> None:
        self._connections = connections

    async def get(self, channel_id: str) -> Connection:
        """What was said last; `stopped` where nobody has said anything."""
        document = await self._connections.get(channel_id)
        return Connection(channel_id) if document is None else from_document(Connection, document)

    async def put(self, fresh: Connection) -> bool:
        """Write what a process says of a channel. False: it says nothing new. Who stops has no say over a connection
        that another process holds by now; everything else replaces what was there."""
        written = False

        def apply(document: Document) -> Document | None:
            nonlocal written
            held = from_document(Connection, document)
            same = (held.state, held.detail, held.holder) == (fresh.state, fresh.detail, fresh.holder)
            outdated = fresh.state == "stopped" and held.holder != fresh.holder
            written = not same and not outdated
            return to_document(fresh) if written else None

        await self._connections.change(fresh.id, apply, initial=to_document(Connection(fresh.id)))
        return written
