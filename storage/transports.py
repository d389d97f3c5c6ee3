"""The one record of how EventSub comes in: shared by all processes, changed by whoever has news."""

from __future__ import annotations

from collections.abc import Callable

from domain.transport import Transport, Way
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema

TRANSPORTS = Schema(name="transports")
ID = "eventsub"


class Transports:
    def __init__(self, transports: Collection) -> None:
        self._transports = transports

    async def get(self) -> Transport:
        """As it is now; sockets where nobody has said anything, since that is how every installation began."""
        document = await self._transports.get(ID)
        return _BEGINNING if document is None else from_document(Transport, document)

    async def change(self, fn: Callable[[Transport], Transport]) -> Transport:
        """Apply a transition of `domain.transport`; the record after it. One that changes nothing writes nothing."""

        def apply(document: Document) -> Document | None:
            before = from_document(Transport, document)
            after = fn(before)
            return None if after == before else to_document(after)

        document = await self._transports.change(ID, apply, initial=to_document(_BEGINNING))
        return _BEGINNING if document is None else from_document(Transport, document)


_BEGINNING = Transport(ID, target=Way.WEBSOCKET, in_force=Way.WEBSOCKET)
