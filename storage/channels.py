"""The channels that we look after."""

from __future__ import annotations

from collections.abc import Callable

from domain.channel import Channel
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema, every

CHANNELS = Schema(name="channels", fields={"login": str, "added_at": int})


class Channels:
    def __init__(self, channels: Collection) -> None:
        self._channels = channels

    async def get(self, channel_id: str) -> Channel | None:
        document = await self._channels.get(channel_id)
        return None if document is None else from_document(Channel, document)

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

    async def remove(self, channel_id: str) -> bool:
        return await self._channels.delete(channel_id)
