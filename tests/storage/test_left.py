from __future__ import annotations

from dataclasses import replace

from domain.channel import Channel, Reward
from storage.contracts import Store
from storage.left import LEFT, LeftChannels


async def test_what_is_kept_of_a_channel_that_left(store: Store) -> None:
    left = LeftChannels(await store.collection(LEFT))
    channel = Channel("1", "anna", "Anna", (Reward("r", "VIP", 500, 1000),), language="de", added_at=7)
    assert await left.get("1") is None
    await left.put(channel)
    assert await left.get("1") == channel
    newer = replace(channel, language="fr")
    await left.put(newer)
    assert await left.get("1") == newer
    assert await left.remove("1")
    assert not await left.remove("1")
