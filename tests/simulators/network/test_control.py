"""The control surface over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from simulators.network.control import Control
from tests.simulators.network.peers import Bench

Ask = Any


@pytest.fixture
async def ask(stand: Bench) -> AsyncIterator[Ask]:
    server = TestServer(Control(stand.network).app())
    await server.start_server()
    async with aiohttp.ClientSession() as http:

        async def send(method: str, path: str, **body: Any) -> tuple[int, Any]:
            async with http.request(method, server.make_url(f"/network/{path}"), json=body) as answer:
                return answer.status, await answer.json()

        yield send
    await server.close()


async def test_a_fault_comes_and_goes(stand: Bench, ask: Ask) -> None:
    client = await stand.talking()
    assert (await ask("POST", "conditions", route="echo", up={"paused": True}))[0] == 200
    await client.send(b"wait")
    assert not stand.echo.heard
    assert await ask("POST", "calm") == (200, {})
    assert await client.hear(4) == b"wait"
    assert await ask("POST", "cut", how="close") == (200, {"cut": 1})
    assert await client.end() == (b"", "eof")


async def test_traps_and_state(stand: Bench, ask: Ask) -> None:
    client = await stand.talking()
    status, laid = await ask("POST", "traps", route="echo", act="hold", containing="late")
    assert (status, laid["traps"][0]["sprung"]) == (200, 0)
    await client.send(b"late")
    await client.send(b"r")
    _, state = await ask("GET", "state")
    assert state["routes"]["echo"]["port"] == stand.route.port
    assert await ask("POST", "release") == (200, {"released": 1})
    assert await client.hear(5) == b"later"


async def test_routes_are_added_refuse_and_go(stand: Bench, ask: Ask) -> None:
    status, made = await ask("POST", "routes", name="two", upstream=f"127.0.0.1:{stand.echo.port}")
    assert status == 200
    assert made["port"] > 0
    assert (await ask("POST", "refuse", route="two"))[0] == 200
    assert (await ask("GET", "state"))[1]["routes"]["two"]["refusing"] is True
    assert (await ask("DELETE", "routes", name="two"))[0] == 200
    assert await ask("POST", "half_close", direction="up") == (200, {"closed": 0})


async def test_bad_orders_are_told(ask: Ask) -> None:
    assert (await ask("POST", "routes", name="x"))[0] == 400
    assert (await ask("POST", "routes", name="echo", upstream="127.0.0.1:1"))[0] == 409
    assert (await ask("POST", "cut", route="nobody"))[0] == 404
    assert (await ask("POST", "conditions", up=5))[0] == 400
    assert (await ask("POST", "half_close"))[0] == 400
