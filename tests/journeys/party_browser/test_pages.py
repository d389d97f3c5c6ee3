"""Pages in Chromium with clocks that are wrong, on ways that are longer in one direction, show the same picture at the
same time: when the film plays, is paused, sought, when somebody comes late, and when a tab is loaded anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from statistics import median

import pytest

from bench._party_pages import CLIP, PLAYS, STANDS, UNEVEN, House, Watching, house
from bench.party_browser import errors, places, spreads
from tests.support.need import need

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.timeout(170)]

LIMIT_SECONDS = 60.0
TOGETHER_MS = 250.0
"""That of a machine that has ten times too much to do; where it has not, they are hundredths of a second apart."""
WINDOW_SECONDS = 1.0


async def together(rooms: House, ahead: float) -> None:
    """Wait until all pages have shown the same pictures for a second, and those of the room's timeline. Judged by what
    the browser says of each picture, on the true clock."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            await asyncio.sleep(WINDOW_SECONDS / 2)
            until = time.time()
            since = until - WINDOW_SECONDS
            state = await rooms.pages[0].state()
            told = [places(await page.pictures(), since, until) for page in rooms.pages]
            apart, off = spreads(told), errors(told, state, since=since, ahead=ahead)
            if len(apart) == len(told[0]) and max(median(apart), median(off)) < TOGETHER_MS:
                return


async def agree(pages: Sequence[Watching]) -> None:
    """Wait until all know the same film, changed as often."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            states = [await page.state() for page in pages]
            if all(state == states[0] for state in states):
                return
            await asyncio.sleep(0.05)


async def stands_still(rooms: House) -> None:
    await rooms.all_until(STANDS)
    stood = [await page.stood_at() for page in rooms.pages]
    assert max(stood) - min(stood) < 0.05, "on the same picture"


async def members(pages: Sequence[Watching], number: int) -> None:
    for page in pages:
        await page.until(f"() => party.room.members === {number} && party.room.here === {number}")


async def test_two_pages_and_then_five() -> None:
    async with house(str(need("chromium"))) as rooms:
        ahead = await rooms.room_ahead()
        host = await rooms.opened(UNEVEN[:2])
        own = [await page.page.evaluate("performance.now()") for page in rooms.pages]
        assert abs(own[1] - own[0]) > 1_000, "their clocks are wrong"
        for _ in range(3):  # it goes on, however long the pages take
            await host.ask("party:queue:add", item=CLIP)

        await host.ask("party:play", currentTime=0)
        await rooms.all_until(PLAYS)
        await together(rooms, ahead)
        await agree(rooms.pages)

        await host.ask("party:pause")
        await stands_still(rooms)
        await host.ask("party:seek", currentTime=3)
        await rooms.all_until("() => party.room.state.pos === 3")
        await stands_still(rooms)

        for seat in UNEVEN[2:]:
            await (await rooms.open(seat)).join(rooms.room_id)
        await rooms.all_until("() => adapter.isReady && party.clock.ready")
        await members(rooms.pages, 5)
        await rooms.pages[1].ask("party:play")  # in this room each member may
        await rooms.all_until(PLAYS)
        await together(rooms, ahead)
        await host.ask("party:play", currentTime=2)
        await rooms.all_until(f"() => party.room.state.pos === 2 && ({PLAYS})()")
        await together(rooms, ahead)

        # A tab is loaded anew while the film plays: the same member, at the same place.
        was = await host.page.evaluate("party.room.self")
        await host.reload(rooms.room_id)
        assert await host.page.evaluate("[party.room.self, party.room.isHost]") == [was, True]
        await host.ask("party:play", currentTime=1)  # or it would have come to its end meanwhile
        await rooms.all_until(f"() => party.room.state.pos === 1 && ({PLAYS})()")
        await together(rooms, ahead)

        # One more comes while it plays.
        late = await rooms.open(UNEVEN[0])
        rooms.pages.remove(late)
        await host.ask("party:media", item=CLIP)
        await rooms.all_until(PLAYS)
        rooms.pages.append(late)
        await late.join(rooms.room_id)
        await rooms.all_until(PLAYS)
        await together(rooms, ahead)
        await members(rooms.pages, 6)
        await agree(rooms.pages)
        await rooms.close_room()
