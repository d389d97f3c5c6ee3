"""Many channels at once, against a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateways.twitch.contracts import LoginNeeded
from gateways.twitch.subscriptions import vip_channel
from tests.gateways.twitch import eventsub_frames as frames
from tests.gateways.twitch.eventsub_server import House, Peer


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        yield house


async def test_channels_come_and_go_while_others_go_on(house: House) -> None:
    first = await house.live("100", "S1")
    second = await house.live("200", "S2")
    assert {channel: shown.state for channel, shown in house.monitor.states().items()} == {
        "100": "live",
        "200": "live",
    }
    assert house.counts.gauges["live"] == 2
    await house.monitor.remove("100")
    assert await first.gone() == 1000
    assert house.records.state("100")[0] == "stopped"
    assert list(house.monitor.states()) == ["200"]
    assert house.counts.gauges["live"] == 1
    await second.send(frames.notification("n-1"))
    await house.heard("n-1")
    await house.live("100", "S3")


async def test_removing_what_is_not_there_does_nothing(house: House) -> None:
    await house.monitor.remove("100")
    house.monitor.wake("100")
    house.monitor.restart("100")
    assert house.records.states == []


async def test_a_channel_removed_while_it_connects_leaves_nothing(house: House) -> None:
    accepted: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accepted.put(reader)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        house.monitor._url = f"ws://127.0.0.1:{port}/ws"
        house.monitor.add("100", vip_channel("100"))
        async with asyncio.timeout(30):
            reader = await accepted.get()
            await house.monitor.remove("100")
            while await reader.read(1000):
                continue
    assert house.tasks.running == 0
    assert house.records.state()[0] == "stopped"


async def test_a_channel_removed_before_its_task_ran(house: House) -> None:
    house.monitor.add("100", vip_channel("100"))
    await house.monitor.remove("100")
    assert house.server.connections == 0
    assert house.tasks.running == 0


async def test_a_channel_removed_while_it_waits_for_its_welcome(house: House) -> None:
    house.monitor.add("100", vip_channel("100"))
    peer = await house.server.peer()
    await house.monitor.remove("100")
    assert await peer.gone() in (1000, 1006)  # 1006: our end had not seen the end of the handshake
    assert house.tasks.running == 0


async def test_what_was_heard_before_the_removal_is_still_handed_on(house: House) -> None:
    peer = await house.live()
    for number in range(50):
        await peer.send(frames.notification(f"n-{number}"))
    await house.heard("n-0")
    await house.monitor.remove("100")
    assert house.records.notified == [f"n-{number}" for number in range(len(house.records.notified))]


async def test_connecting_is_spread() -> None:
    async with House(connections_per_second=2.0) as house:
        for number in range(5):
            house.monitor.add(str(number), vip_channel(str(number)))
        await house.server.peer()
        await house.clock.advance(0.4)
        assert house.server.connections == 1
        for expected in (2, 3, 4, 5):
            await house.clock.advance(0.5)
            await house.server.peer()
            assert house.server.connections == expected


async def test_what_is_wanted_may_change(house: House) -> None:
    everything = vip_channel("100")
    await house.live()
    house.monitor.add("100", everything)
    house.monitor.add("100", everything[:2])
    await house.until(lambda: house.desk.types("S1") == [wish.type for wish in everything[:2]])
    house.monitor.add("100", everything)
    await house.until(lambda: len(house.desk.types("S1")) == len(everything))
    assert house.server.connections == 1


async def test_restart_connects_anew(house: House) -> None:
    peer = await house.live()
    house.monitor.restart("100")
    assert await peer.gone() == 1000
    await house.server.greet("S2")
    await house.until(lambda: house.records.state()[0] == "live")


async def test_a_channel_that_needs_login_does_not_disturb_the_others(house: House) -> None:
    await house.live("200", "S2")
    house.desk.refuse("list", LoginNeeded("100", "The grant is gone."))
    house.monitor.add("100", vip_channel("100"))
    await house.server.greet("S1")
    await house.until(lambda: house.records.state("100")[0] == "needs_login")
    assert house.records.state("200")[0] == "live"
    shown = house.monitor.states()["100"]
    assert (shown.state, shown.detail, shown.since) == (
        "needs_login",
        "The grant is gone.",
        house.clock.now(),
    )


async def test_a_listener_that_fails_costs_nothing(house: House) -> None:
    def fail(*said: Any) -> None:
        raise ZeroDivisionError

    house.monitor._on_state = fail
    house.monitor.add("100", vip_channel("100"))
    await house.server.greet("S1")
    await house.until(lambda: house.records.gaps)
    assert house.monitor.states()["100"].state == "live"


async def test_stop_closes_all_sockets_in_order(house: House) -> None:
    peers: list[Peer] = [await house.live(str(number), f"S{number}") for number in range(5)]
    await house.monitor.stop()
    assert [await peer.gone() for peer in peers] == [1000] * 5
    assert house.monitor.states() == {}
    assert house.tasks.running == 0
    house.monitor.add("9", vip_channel("9"))
    assert house.monitor.states() == {}


async def test_a_server_that_does_not_answer_the_close_does_not_hold_up_the_stop(house: House) -> None:
    peer = await house.live()
    peer.connection.transport.pause_reading()
    async with asyncio.timeout(4.0):
        await house.monitor.stop()
    peer.connection.transport.abort()


async def test_a_cancelled_monitor_leaves_no_socket(house: House) -> None:
    peer = await house.live()
    for task in house.tasks.tasks:
        task.cancel()
    assert await peer.gone() == 1006
