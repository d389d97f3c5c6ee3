"""Several routes in one proxy."""

from __future__ import annotations

import asyncio

import pytest

from simulators.network.errors import Refused
from simulators.network.network import Network, address
from tests.simulators.network.peers import Bench


async def test_routes_have_faults_of_their_own(stand: Bench) -> None:
    other = await stand.network.add("other", f"127.0.0.1:{stand.echo.port}")
    other.conditions({"up": {"black_hole": True}})
    await stand.talking()
    assert stand.network.chosen("other") == [other]
    assert stand.network.chosen("") == [stand.route, other]
    await stand.network.remove("other")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", other.port)


async def test_names_are_unique_and_known() -> None:
    async with Network() as network:
        await network.add("one", "127.0.0.1:9")
        for name in ("one", ""):
            with pytest.raises(Refused):
                await network.add(name, "127.0.0.1:9")
        with pytest.raises(Refused):
            network.route("two")
        assert set(network.to_json()["routes"]) == {"one"}


def test_addresses() -> None:
    assert address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert address("[::1]:80") == ("::1", 80)
    for text in ("127.0.0.1", ":80", "a:", "a:0", "a:65536", "a:x"):
        with pytest.raises(Refused):
            address(text)
