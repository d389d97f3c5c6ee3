"""The slots of each channel: one document per channel, every change of it under its revision."""

from __future__ import annotations

from collections.abc import Callable

from domain.slots import Slots
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema, every

SLOTS = Schema(name="slots", fields={"restless": bool}, indexes=(("restless",),))


class SlotsOf:
    """The slots of channels, by the channel's id."""

    def __init__(self, slots: Collection) -> None:
        self._slots = slots

    async def get(self, channel_id: str) -> Slots:
        """The slots of a channel; all free where nothing is stored."""
        document = await self._slots.get(channel_id)
        return Slots(channel_id) if document is None else from_document(Slots, document)

    async def change(self, channel_id: str, fn: Callable[[Slots], Slots]) -> tuple[Slots, Slots]:
        """Replace the slots of a channel by `fn` of them (pure and quick: it may run more than once); returns what
        they were and what they are. Nothing is written where nothing changes."""
        before = Slots(channel_id)

        def apply(document: Document) -> Document | None:
            nonlocal before
            before = from_document(Slots, document)
            after = fn(before)
            return None if after == before else _document(after)

        document = await self._slots.change(channel_id, apply, initial=_document(before))
        return before, (before if document is None else from_document(Slots, document))

    async def restless(self) -> list[Slots]:
        """The slots of all channels in which time alone may change something: somebody waits, say."""
        found = every(self._slots, {"restless": True})
        return [from_document(Slots, document) async for document in found]

    async def forget(self, channel_id: str) -> bool:
        """Remove what is stored of a channel that has left."""
        return await self._slots.delete(channel_id)


def _document(slots: Slots) -> Document:
    return {**to_document(slots), "restless": slots.restless}
