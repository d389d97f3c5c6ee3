"""What is ordered for a route at once: cuts, refusals, half-closed connections."""

from __future__ import annotations

import asyncio

import pytest

from simulators.network.errors import Refused
from tests.simulators.network.peers import Bench


@pytest.mark.parametrize(("how", "end"), [("reset", "reset"), ("close", "eof")])
async def test_cut_now(stand: Bench, how: str, end: str) -> None:
    clients = [await stand.talking() for _ in range(2)]
    assert stand.route.cut(how) == 2
    for client in clients:
        assert await client.end() == (b"", end)
    await stand.echo.until_ended(end, end)
    await stand.talking()


async def test_refusing_is_what_nobody_listening_looks_like(stand: Bench) -> None:
    client, port = await stand.talking(), stand.route.port
    await stand.route.refuse(refuse=True)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await client.send(b"still here")
    assert await client.hear(10) == b"still here", "what is open stays open"
    await stand.route.refuse(refuse=False)
    assert stand.route.port == port
    await stand.talking()


async def test_half_closed(stand: Bench) -> None:
    client = await stand.talking()
    assert stand.route.half_close("down") == 1
    assert await client.end() == (b"", "eof")
    await client.send(b"I can still speak")
    await stand.echo.until_heard(b"I can still speak")


async def test_nobody_behind_it_ends_the_connection(stand: Bench) -> None:
    dead = await stand.network.add("dead", "127.0.0.1:1")
    reader, writer = await asyncio.open_connection("127.0.0.1", dead.port)
    assert await reader.read() == b""
    writer.close()


async def test_its_state_tells_what_passed(stand: Bench) -> None:
    await stand.talking()
    stand.route.conditions({"down": {"delay_ms": 5}})
    stand.route.trap({"act": "hold", "containing": "x"})
    state = stand.route.to_json()
    assert state["connections"] == [{"up": 5, "down": 5}]
    assert (state["accepted"], state["refusing"], state["down"]["delay_ms"]) == (1, False, 5.0)
    assert [trap["act"] for trap in state["traps"]] == ["hold"]


async def test_bad_orders_are_refused_and_change_nothing(stand: Bench) -> None:
    for order in ({}, {"left": {}}, {"up": {"delay_ms": 3}, "down": {"speed": 1}}):
        with pytest.raises(Refused):
            stand.route.conditions(order)
    assert stand.route.to_json()["up"]["delay_ms"] == 0.0
    with pytest.raises(Refused):
        stand.route.cut("gently")
    with pytest.raises(Refused):
        stand.route.half_close("left")
