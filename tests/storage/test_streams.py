"""Whether a channel is on air: one small document each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.contracts import Store
from storage.streams import STREAMS, Streams, StreamState


@pytest.fixture
async def streams(store: Store) -> Streams:
    return Streams(await store.collection(STREAMS))


async def test_nothing_known_is_off_air(streams: Streams) -> None:
    assert await streams.get("1") == StreamState("1")
    assert await streams.live_since("1") is None


async def test_what_is_changed_is_there(streams: Streams) -> None:
    state = await streams.change("1", lambda held: replace(held, live_since=5, seen_at=6))
    assert state == StreamState("1", live_since=5, seen_at=6) == await streams.get("1")
    assert await streams.live_since("1") == 5
    assert await streams.live_since("2") is None
    assert await streams.change("1", lambda held: held) == state
    assert (await streams.change("2", lambda held: held)) == StreamState("2")
