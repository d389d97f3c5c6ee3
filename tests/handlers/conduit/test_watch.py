"""From one way of listening to the other, while viewers redeem all the time: nothing is lost, nothing doubled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.channel import Channel
from domain.transport import Way
from gateways.twitch.subscriptions import vip_channel
from tests.support.listening import Shoppers, Town, open_town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as one:
        yield one


async def in_force(town: Town, way: Way) -> None:
    async def there() -> bool:
        return (await town.transport()).in_force is way

    await town.until(there, what=way)


def uncovered(town: Town, channel: Channel) -> bool:
    """Whether no living subscription anywhere tells of this channel's redemptions."""
    kinds = {one.type for way in ("websocket", "conduit") for one in town.subscriptions(way, channel)}
    return "channel.channel_points_custom_reward_redemption.add" not in kinds


async def test_there_and_back_in_a_rolling_deployment(town: Town) -> None:
    """A process with the new setting starts, then the one with the old setting stops. Between the two nothing that
    Twitch tells goes unheard, so there is nothing that a reconciliation would have to find."""
    channels = [await town.scene.channel(f"streamer{number}") for number in range(3)]
    old = await town.start("sockets", transport="websocket")
    await town.live(*channels)
    assert town.conduits == []
    shoppers = Shoppers(town, *channels)
    await shoppers.some()

    new = await town.start("conduit", transport="conduit")
    await in_force(town, Way.CONDUIT)
    assert not any(uncovered(town, channel) for channel in channels)
    await town.until(lambda: not town.subscriptions("websocket"), what="sockets closed")  # also the other's
    await old.stop()
    await town.until(lambda: town.attached(2), what="attached")
    await shoppers.some()
    assert [await town.state(channel) for channel in channels] == [("live", "")] * 3

    back = await town.start("sockets again", transport="websocket")
    await in_force(town, Way.WEBSOCKET)
    assert not any(uncovered(town, channel) for channel in channels)
    await town.until(lambda: town.conduits == [], what="conduit gone")
    await new.stop()
    await town.until(
        lambda: len({one.session_id for one in town.subscriptions("websocket")}) == 3, what="taken over"
    )
    await town.live(*channels)
    await shoppers.some()
    await shoppers.all_served()
    assert [
        one for one in town.scene.sim.ledger.of("event_dropped") if "redemption" in one.detail["type"]
    ] == []
    told = back.told()
    assert told["shards_here"] == {}
    assert (told["missing_subscriptions"], told["seconds_left"]) == (0, 0), (
        "on a conduit that there is no more"
    )


async def test_nobody_is_let_go_before_everybody_is_served(town: Town) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(2)]
    await town.start("sockets", transport="websocket")
    await town.live(*channels)
    await town.scene.fault("PATCH", "/eventsub/conduits/shards", times=1000, status=503)
    await town.start("conduit", transport="conduit")
    await town.until(lambda: bool(town.conduits), what="made")
    await town.clock.sleep(10)
    assert (await town.transport()).moving
    await town.until(
        lambda: all(len(town.subscriptions("websocket", one)) == len(vip_channel(one.id)) for one in channels)
    )
    await town.scene.heal()
    await in_force(town, Way.CONDUIT)


async def test_a_move_that_is_turned_back_leaves_no_conduit(town: Town) -> None:
    channel = await town.scene.channel("streamer")
    await town.start("sockets", transport="websocket")
    await town.live(channel)
    await town.scene.fault("PATCH", "/eventsub/conduits/shards", times=1000, status=503)
    other = await town.start("conduit", transport="conduit")
    await town.until(lambda: bool(town.conduits), what="made")
    await other.stop()
    await town.scene.heal()
    await town.start("sockets again", transport="websocket")
    await town.until(lambda: town.conduits == [], what="conduit gone")

    async def turned() -> bool:
        transport = await town.transport()
        told = (transport.in_force, transport.target, transport.conduit_id)
        return told == (Way.WEBSOCKET, Way.WEBSOCKET, "")

    await town.until(turned, what="turned back")
    await town.until(lambda: len(town.subscriptions("websocket")) == len(vip_channel(channel.id)))


async def test_what_the_streamer_chooses_reaches_whoever_listens(town: Town) -> None:
    channel = await town.scene.channel("streamer")
    await town.on_conduit()
    process = await town.start()
    await town.ready(channel)
    less = vip_channel(channel.id)[:4]
    process.listening.watch.add(channel.id, less)
    await town.until(
        lambda: {one.type for one in town.subscriptions(channel=channel)} == {wish.type for wish in less}
    )
    process.signals.listeners["channels"][-1](channel.id)  # another process stored something else
    await town.until(lambda: len(town.subscriptions(channel=channel)) == len(vip_channel(channel.id)))


async def test_every_channel_is_looked_after_by_one(town: Town) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(3)]
    await town.on_conduit()
    first, second = await town.start("a"), await town.start("b")
    await town.ready(*channels)
    found = [*await first.listening.watch.all(), *await second.listening.watch.all()]
    assert sorted(channel.id for channel in found) == sorted(channel.id for channel in channels)
