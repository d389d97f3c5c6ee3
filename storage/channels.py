"""The channels that we look after."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from domain.channel import Channel
from domain.errors import NotFound
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema, every
from storage.remembered import Remembered
from storage.sealing import Rotated, Sealer, rotate_all

CHANNELS = Schema(name="channels", fields={"login": str, "added_at": int})

SEALED = ("settings.messages.discord_url", "settings.overlay_key")
"""Fields that hold sealed text, bound to `channel id:field`."""


MOST_REMEMBERED = 1000


class Channels:
    def __init__(self, channels: Collection) -> None:
        self._channels = channels
        self._remembered = Remembered(partial(from_document, Channel), most=MOST_REMEMBERED)

    async def get(self, channel_id: str) -> Channel | None:
        document = await self._channels.get(channel_id)
        return None if document is None else self._remembered.of(document)

    async def all(self) -> list[Channel]:
        """Every channel, the oldest first."""
        return [
            from_document(Channel, document)
            async for document in every(self._channels, {}, sort=[("added_at", 1)])
        ]

    async def put(self, channel: Channel, merge: Callable[[Channel], Channel]) -> Channel:
        """Add a channel, or apply `merge` to the one that is there."""

        def apply(document: Document) -> Document:
            return to_document(merge(from_document(Channel, document)))

        document = await self._channels.change(channel.id, apply, initial=to_document(channel))
        return channel if document is None else from_document(Channel, document)

    async def change(self, channel_id: str, fn: Callable[[Channel], Channel]) -> tuple[Channel, Channel]:
        """Replace a channel by `fn` of it (pure and quick: it may run more than once); returns what it was and what it
        is. Nothing is written where nothing changes. Raises `NotFound`, and whatever `fn` raises."""
        before: Channel | None = None

        def apply(document: Document) -> Document | None:
            nonlocal before
            before = from_document(Channel, document)
            after = fn(before)
            return None if after == before else {**document, **to_document(after)}

        document = await self._channels.change(channel_id, apply)
        if document is None or before is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return before, from_document(Channel, document)

    async def remove(self, channel_id: str) -> bool:
        self._remembered.forget(channel_id)
        return await self._channels.delete(channel_id)

    async def seal_again(self, sealer: Sealer) -> Rotated:
        """Seal every sealed field with the newest key; see `SEALED`."""
        return await rotate_all(self._channels, SEALED, sealer)
