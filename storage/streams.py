"""Whether each channel is on air, as far as we know: what VIPs "until the stream ends" go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Schema

STREAMS = Schema(name="streams")


@dataclass(frozen=True, slots=True)
class StreamState:
    """`id` is the channel's; times in UTC ms. `live_since`: when the stream that is on began, `None` off air.
    `ended_at`: when the last one ended (0: none that we know of), as long as it may come back. `over_at`: up to when
    streams are over for good. `seen_at`: when we last knew."""

    id: str
    live_since: int | None = None
    ended_at: int = 0
    over_at: int = 0
    seen_at: int = 0
    v: int = 1


class Streams:
    def __init__(self, streams: Collection) -> None:
        self._streams = streams

    async def get(self, channel_id: str) -> StreamState:
        """What is known; off air where nothing is."""
        document = await self._streams.get(channel_id)
        return StreamState(channel_id) if document is None else from_document(StreamState, document)

    async def live_since(self, channel_id: str) -> int | None:
        """When the stream began that is on now (UTC ms), `None` off air."""
        return (await self.get(channel_id)).live_since

    async def change(self, channel_id: str, fn: Callable[[StreamState], StreamState]) -> StreamState:
        """Replace what is known by `fn` of it (pure and quick: it may run more than once)."""

        def apply(document: Document) -> Document | None:
            held = from_document(StreamState, document)
            new = fn(held)
            return None if new == held and document.get("rev") else to_document(new)

        empty = StreamState(channel_id)
        document = await self._streams.change(channel_id, apply, initial=to_document(empty))
        return empty if document is None else from_document(StreamState, document)
