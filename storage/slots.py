"""The slots of each channel: one document per channel, every change of it under its revision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from domain.slots import Slots
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema, every
from storage.remembered import Remembered

SLOTS = Schema(name="slots", fields={"restless": bool}, indexes=(("restless",),))


MOST_REMEMBERED = 200  # those of a large channel are some ten thousand bytes


class SlotsOf:
    """The slots of channels, by the channel's id."""

    def __init__(self, slots: Collection) -> None:
        self._slots = slots
        self._remembered = Remembered(partial(from_document, Slots), most=MOST_REMEMBERED)

    async def get(self, channel_id: str) -> Slots:
        """The slots of a channel; all free where nothing is stored."""
        document = await self._slots.get(channel_id)
        return Slots(channel_id) if document is None else self._remembered.of(document)

    async def change(self, channel_id: str, fn: Callable[[Slots], Slots]) -> tuple[Slots, Slots]:
        """Replace the slots of a channel by `fn` of them (pure and quick: it may run more than once); returns what
        they were and what they are. Nothing is written where nothing changes."""
        before = Slots(channel_id)

        def apply(document: Document) -> Document | None:
            nonlocal before
            before = self._remembered.of(document)
            after = fn(before)
            return None if after == before else _document(after)

        document = await self._slots.change(channel_id, apply, initial=_document(before))
        return before, (before if document is None else self._remembered.of(document))

    async def restless(self) -> list[Slots]:
        """The slots of all channels in which time alone may change something: somebody waits, say."""
        found = every(self._slots, {"restless": True})
        return [from_document(Slots, document) async for document in found]

    async def forget(self, channel_id: str) -> bool:
        """Remove what is stored of a channel that has left."""
        self._remembered.forget(channel_id)
        return await self._slots.delete(channel_id)


def _document(slots: Slots) -> Document:
    return {**to_document(slots), "restless": slots.restless}
