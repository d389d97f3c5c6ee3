"""Two releases side by side: an entry of the later one is answered by a snapshot of the earlier one's own making."""

from __future__ import annotations

import pytest

from gateways.topics.contracts import NewEntry
from tests.web.world import World, running, stream


@pytest.fixture
async def signed_in(world: World) -> World:
    await world.sign_in()
    return world


async def test_an_entry_of_a_later_release_is_answered_with_a_reset_in_its_place() -> None:
    async with running(ports={"versions": {"vip": 2}}) as world:
        await world.sign_in()
        async with await stream(world) as events:
            assert (await events.event()).name == "reset"
            known = await world.topics.append("channel:100", NewEntry("vip", {"n": 1}, version=2))
            assert (await events.event()).id == str(known)
            world.outside.vips = [{"id": "v3"}]
            later = await world.topics.append("channel:100", NewEntry("vip", {"odd": 1}, version=3))
            reset = await events.event()
            assert (reset.name, reset.id, reset.data["vips"]) == ("reset", str(later), [{"id": "v3"}])
            after = await world.happen(n=2)
            assert (await events.event()).id == str(after)


async def test_a_client_that_comes_back_to_entries_of_a_later_release_is_reset_once(signed_in: World) -> None:
    before = await signed_in.happen(n=0)
    for number in range(3):
        await signed_in.topics.append("channel:100", NewEntry("vip", {"n": number}, version=2))
    last = await signed_in.happen(n=1)
    async with await stream(signed_in, after=str(before)) as events:
        reset = await events.event()
        assert (reset.name, reset.id) == ("reset", str(last))
        after = await signed_in.happen(n=2)
        assert (await events.event()).id == str(after)
