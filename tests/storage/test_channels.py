from __future__ import annotations

from dataclasses import replace

import pytest

from domain.channel import Channel, Reward
from storage.channels import CHANNELS, Channels
from storage.contracts import Store

CHANNEL = Channel("1", "chan", "Chan", (Reward("rw", "VIP", 500, 1000),), added_at=5)


@pytest.fixture
async def channels(store: Store) -> Channels:
    return Channels(await store.collection(CHANNELS))


async def test_a_channel_is_added_then_merged(channels: Channels) -> None:
    assert await channels.put(CHANNEL, lambda held: held) == CHANNEL
    renamed = await channels.put(CHANNEL, lambda held: replace(held, name="New"))
    assert renamed.name == "New"
    assert await channels.get("1") == renamed


async def test_channels_come_in_the_order_of_their_adding_and_go(channels: Channels) -> None:
    await channels.put(replace(CHANNEL, id="2", added_at=1), lambda held: held)
    await channels.put(CHANNEL, lambda held: held)
    assert [channel.id for channel in await channels.all()] == ["2", "1"]
    assert await channels.remove("2")
    assert not await channels.remove("2")
    assert await channels.get("2") is None
