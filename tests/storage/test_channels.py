from __future__ import annotations

from dataclasses import replace

import pytest

from domain.channel import Causes, Channel, ChannelSettings, Lasting, Messages, Reward, VipTime
from domain.errors import NotFound
from domain.rules import Rules
from domain.slots import Limits, WhenFull
from storage.channels import CHANNELS, SEALED, Channels
from storage.contracts import Store
from storage.sealing import Sealer, generate_key

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


async def test_a_change_tells_what_was_and_what_is(channels: Channels) -> None:
    with pytest.raises(NotFound):
        await channels.change("1", lambda held: held)
    await channels.put(CHANNEL, lambda held: held)
    before, after = await channels.change("1", lambda held: replace(held, paused=True))
    assert (before, after) == (CHANNEL, replace(CHANNEL, paused=True))
    assert await channels.get("1") == after


async def test_what_a_later_release_wrote_into_a_channel_survives_a_change(
    store: Store, channels: Channels
) -> None:
    await channels.put(CHANNEL, lambda held: held)
    collection = await store.collection(CHANNELS)
    await collection.change("1", lambda document: {**document, "mood": "good"})
    await channels.change("1", lambda held: replace(held, paused=True))
    assert (await collection.get("1") or {})["mood"] == "good"


async def test_everything_that_a_streamer_chose_is_kept(channels: Channels) -> None:
    settings = ChannelSettings(
        default_vip_ms=5000,
        removes=False,
        rules=Rules(subscribers_only=True, cooldown_ms=7),
        limits=Limits(3, WhenFull.WAIT, 60_000),
        causes=Causes(bits=VipTime(1000, Lasting.PER_UNIT, 100)),
        messages=Messages(
            texts={"refunded.slots_full": "No."}, off=("ended",), discord_url="x", discord=("granted",)
        ),
        timezone="Europe/Berlin",
        wizard_done=True,
    )
    reward = Reward("rw", "VIP", 500, 1000, Lasting.STREAM, 2, Rules(allow_only=True), True, True)
    full = replace(CHANNEL, rewards=(reward,), settings=settings, paused=True)
    await channels.put(full, lambda held: held)
    assert await channels.get("1") == full


async def test_sealed_addresses_are_sealed_again(channels: Channels) -> None:
    old, new = generate_key(), generate_key()
    sealed = Sealer([old]).seal("https://discord.com/x", bound_to=f"1:{SEALED[0]}")
    messages = Messages(discord_url=sealed)
    await channels.put(replace(CHANNEL, settings=ChannelSettings(messages=messages)), lambda held: held)
    await channels.put(replace(CHANNEL, id="2"), lambda held: held)
    both = Sealer([new, old])
    assert (await channels.seal_again(both)).changed == 1
    assert (await channels.seal_again(both)).changed == 0
    held = await channels.get("1")
    assert held is not None
    url = Sealer([new]).open(held.settings.messages.discord_url, bound_to=f"1:{SEALED[0]}")
    assert url == "https://discord.com/x"
    assert held.rewards == CHANNEL.rewards
