"""Shards of a conduit: attached in time, replaced when they are lost, shared out among processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.events import Arrival
from handlers.conduit.shards import ShardSink, name_of, shard_of
from handlers.holding import LEASE_SECONDS
from tests.support.listening import SIMULATOR, Shoppers, Town, open_town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as one:
        await one.on_conduit()
        yield one


def dropped(town: Town) -> int:
    """Events that Twitch could hand to nobody, apart from those about shards."""
    return len(
        [one for one in town.scene.sim.ledger.of("event_dropped") if "shard" not in one.detail["type"]]
    )


@pytest.mark.parametrize("how", [{"code": 4000}, {"abort": True}])
async def test_a_lost_shard_is_replaced_and_nothing_is_lost(town: Town, how: dict[str, Any]) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(4)]
    await town.start()
    await town.ready(*channels)
    gaps = (await town.transport()).gaps
    shoppers = Shoppers(town, *channels)
    await shoppers.some()
    lost = town.session_of(0)
    await town.scene.act("eventsub/close", session_id=lost, **how)
    await town.until(lambda: town.attached(2) and town.session_of(0) != lost, what="replaced")
    await shoppers.some()
    await shoppers.all_served()
    assert (await town.transport()).gaps > gaps
    for channel in channels:  # nobody saw anything of it
        assert await town.state(channel) == ("live", "")
    assert len(town.conduits) == 1


async def test_with_all_shards_lost_a_sweep_finds_what_was_missed(town: Town) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(4)]
    await town.start()
    await town.ready(*channels)
    await town.scene.act("eventsub/close", code=4000)
    viewer = await town.scene.viewer()
    redemption = await town.scene.pay(channels[3], viewer)
    assert dropped(town) >= 1
    await town.granted(channels[3], viewer)
    assert town.scene.status(channels[3], redemption["id"]) in ("UNFULFILLED", "FULFILLED")
    await town.ready(*channels)


async def test_who_comes_too_late_tries_another_session(tmp_path: Path) -> None:
    async with open_town(tmp_path, settings=replace(SIMULATOR, subscribe_window_s=0.3)) as town:
        channel = await town.scene.channel("streamer")
        await town.on_conduit()
        await town.scene.fault("PATCH", "/eventsub/conduits/shards", times=2, delay_ms=600)
        process = await town.start()
        await town.ready(channel)
        reasons = ("unused", "subscribing", "window")
        lost = [process.metrics.value("eventsub_reconnects_total", reason=reason) for reason in reasons]
        assert sum(one or 0 for one in lost) >= 2
        assert [one["state"] for one in process.told()["shards_here"].values()] == ["live", "live"]


async def test_a_refusal_inside_a_202_is_read(town: Town) -> None:
    """A conduit that shrank behind our back has no second shard: Twitch says so in a 202, for that one alone."""
    channel = await town.scene.channel("streamer")
    process = await town.start()
    await town.ready(channel)
    register, client_id = town.scene.sim.stage.eventsub.conduits, town.scene.sim.client_id
    register.resize(client_id, town.conduits[0].id, 1)
    await town.scene.act("eventsub/close", code=4000)
    await town.until(lambda: town.attached(1))
    await town.until(lambda: process.told()["shards_here"]["1"]["state"] == "connecting")
    register.resize(client_id, town.conduits[0].id, 2)
    await town.until(lambda: town.attached(2))
    await town.live(channel)


@pytest.mark.parametrize("keeps_id", [True, False])
async def test_a_hand_over_takes_the_shard_along(tmp_path: Path, keeps_id: bool) -> None:
    settings = replace(SIMULATOR, reconnect_keeps_session_id=keeps_id)
    async with open_town(tmp_path, settings=settings) as town:
        channel = await town.scene.channel("streamer")
        await town.on_conduit()
        await town.start()
        await town.ready(channel)
        gaps = (await town.transport()).gaps
        before = {town.session_of(0), town.session_of(1)}
        shoppers = Shoppers(town, channel)
        await shoppers.some(3)
        await town.scene.act("eventsub/reconnect")
        hall = town.scene.sim.stage.eventsub.hall
        await town.until(
            lambda: (
                len(hall.sessions) == 2
                and all(one.predecessor is None for one in hall.sessions.values())
                and (keeps_id or not before & set(hall.sessions))
            ),
            what="moved",
        )
        await shoppers.some(3)
        await shoppers.all_served()
        assert town.attached(2)
        assert (await town.transport()).gaps == gaps  # nothing was missed, nothing is reconciled


async def test_a_shard_that_stays_behind_is_attached_again(tmp_path: Path) -> None:
    async with open_town(tmp_path, settings=replace(SIMULATOR, reconnect_moves_shard=False)) as town:
        channel = await town.scene.channel("streamer")
        await town.on_conduit()
        await town.start()
        await town.ready(channel)
        gaps, before = (await town.transport()).gaps, town.session_of(0)
        await town.scene.act("eventsub/reconnect", session_id=before)
        await town.until(lambda: town.session_of(0) != before and town.attached(2), what="again")

        async def swept() -> bool:
            transport = await town.transport()
            return transport.gaps == transport.swept > gaps

        await town.until(swept)


async def test_processes_share_the_shards_and_inherit_them(town: Town) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(3)]
    first = await town.start("a", shards=4)
    second = await town.start("b", shards=4)

    def shared() -> bool:
        return [len(one.told()["shards_here"]) for one in (first, second)] == [2, 2]

    await town.until(lambda: shared() and town.attached(4), what="shared")
    await town.ready(*channels, shards=4)
    shoppers = Shoppers(town, *channels)
    await shoppers.some()
    theirs = set(first.told()["shards_here"])
    await first.die()
    await town.until(lambda: town.attached(4), what="inherited")
    assert theirs < set(second.told()["shards_here"])
    await town.until(lambda: bool(second.told()["keeper"]))
    await shoppers.some()
    await shoppers.all_served()
    assert len(town.conduits) == 1


async def test_who_lost_the_lease_attaches_nothing(town: Town) -> None:
    channel = await town.scene.channel("streamer")
    process = await town.start(shards=1)
    await town.ready(channel, shards=1)
    process.leases.dead = True  # nobody can say whose the shard is: what serves goes on
    await town.clock.sleep(LEASE_SECONDS + 1)
    assert town.attached(1)
    attached = process.metrics.value("twitch_calls_total", call="attach_shards", outcome="ok")
    await town.scene.act("eventsub/close", code=4000)  # but a new session would be a claim
    await town.until(lambda: process.told()["shards_here"]["0"]["state"] == "connecting")
    await town.clock.sleep(10)
    assert process.metrics.value("twitch_calls_total", call="attach_shards", outcome="ok") == attached
    process.leases.dead = False
    await town.until(lambda: town.attached(1))


async def test_a_shard_that_twitch_gave_up_is_begun_anew(town: Town) -> None:
    """The socket seems alive to us: only the event on another shard says otherwise."""
    channel = await town.scene.channel("streamer")
    await town.start()
    await town.ready(channel)
    eventsub, conduit = town.scene.sim.stage.eventsub, town.conduits[0]
    before = town.session_of(0)
    eventsub.conduits.disable(conduit.id, "0", "websocket_network_timeout", session_id=before)
    await town.until(lambda: town.attached(2) and town.session_of(0) != before)


class Heard:
    def __init__(self) -> None:
        self.passed: list[str] = []

    async def notification(self, came: Arrival) -> str:
        self.passed.append(came.type)
        return "new"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"shard_id": "1", "transport": {"session_id": "S"}}, ("1", "S")),
        ({"shard_id": "1", "transport": None}, ("1", "")),
        ({}, ("", "")),
        ("nonsense", ("", "")),
    ],
)
async def test_news_of_shards_are_no_rows(event: Any, told: tuple[str, str]) -> None:
    heard, lost = Heard(), list[tuple[str, str]]()
    sink = ShardSink(heard, disabled=lambda shard, session: lost.append((shard, session)))
    common: dict[str, Any] = {
        "message_id": "m",
        "version": "1",
        "payload": {"event": event},
        "raw": b"{}",
        "headers": {},
        "key_id": "",
        "transport": "conduit",
    }
    assert await sink.notification(Arrival(type="conduit.shard.disabled", **common)) == "ignored"
    assert await sink.notification(Arrival(type="channel.vip.add", **common)) == "new"
    assert (lost, heard.passed) == ([told], ["channel.vip.add"])


def test_names() -> None:
    assert shard_of(name_of("17")) == "17"
