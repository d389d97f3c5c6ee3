"""Channels that left us and wanted their settings kept, for the day when they come back."""

from __future__ import annotations

from domain.channel import Channel
from storage.codec import from_document, to_document
from storage.contracts import Collection, Schema

LEFT = Schema(name="left_channels")


class LeftChannels:
    def __init__(self, left: Collection) -> None:
        self._left = left

    async def get(self, channel_id: str) -> Channel | None:
        document = await self._left.get(channel_id)
        return None if document is None else from_document(Channel, document)

    async def put(self, channel: Channel) -> None:
        document = to_document(channel)
        await self._left.change(channel.id, lambda _: document, initial=document)

    async def remove(self, channel_id: str) -> bool:
        return await self._left.delete(channel_id)
