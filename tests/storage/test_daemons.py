"""A daemon finds out whether it is alone on its store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.contracts import Collection, Store, every
from storage.daemons import DAEMONS, SILENT_MS, Daemons, NotAlone
from storage.open import open_store, sqlite_url
from tests.support.clock import ManualClock


@pytest.fixture
async def daemons(tmp_path: Path) -> AsyncIterator[Collection]:
    store: Store = await open_store(sqlite_url(tmp_path / "data"), clock=ManualClock())
    yield await store.collection(DAEMONS)
    await store.close()


async def ends(work: asyncio.Future[None], clock: ManualClock) -> None:
    """Let time pass until the work is done; raises what it raises."""
    async with asyncio.timeout(30):
        while not work.done():
            await clock.advance(0.25)
            await asyncio.sleep(0.001)
    await work


async def names(daemons: Collection) -> set[str]:
    return {document["_id"] async for document in every(daemons, {})}


async def test_those_that_share_redis_go_together(daemons: Collection) -> None:
    clock = ManualClock()
    first = Daemons(daemons, id="a", shared=True, clock=clock)
    second = Daemons(daemons, id="b", shared=True, clock=clock)
    await first.enter()
    await second.enter()
    assert await names(daemons) == {"a", "b"}
    await first.leave()
    assert await names(daemons) == {"b"}


@pytest.mark.parametrize(
    ("there", "comes", "advice"),
    [(False, False, "Set REDIS_URL"), (True, False, "Set REDIS_URL"), (False, True, "Give that one")],
)
async def test_one_that_cannot_agree_is_refused_while_the_other_lives(
    daemons: Collection, there: bool, comes: bool, advice: str
) -> None:
    clock = ManualClock()
    first = Daemons(daemons, id="a", shared=there, clock=clock)
    await first.enter()
    beating = asyncio.ensure_future(first.beat())
    await clock.advance(0.1)
    second = Daemons(daemons, id="b", shared=comes, clock=clock)
    with pytest.raises(NotAlone) as caught:
        await ends(asyncio.ensure_future(second.enter()), clock)
    assert caught.value.advice.startswith(advice)
    assert await names(daemons) == {"a"}
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_one_that_was_killed_is_waited_for_and_cleared_away(daemons: Collection) -> None:
    clock = ManualClock()
    await Daemons(daemons, id="a", shared=False, clock=clock).enter()
    began = clock.now()
    await ends(asyncio.ensure_future(Daemons(daemons, id="b", shared=False, clock=clock).enter()), clock)
    assert clock.now() - began >= SILENT_MS
    assert await names(daemons) == {"b"}


async def test_of_two_that_come_at_once_one_stays(daemons: Collection) -> None:
    clock = ManualClock()
    both = [Daemons(daemons, id=name, shared=False, clock=clock) for name in "ab"]
    work = [asyncio.ensure_future(one.enter()) for one in both]
    entered = asyncio.ensure_future(asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED))
    async with asyncio.timeout(30):
        while not entered.done():
            await asyncio.sleep(0.001)
    assert [one.done() for one in work] == [True, False]
    beating = asyncio.ensure_future(both[0].beat())
    with pytest.raises(NotAlone):
        await ends(work[1], clock)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert await names(daemons) == {"a"}


async def test_the_dead_are_cleared_away_by_those_who_live(daemons: Collection) -> None:
    clock = ManualClock()
    await Daemons(daemons, id="a", shared=True, clock=clock).enter()
    alive = Daemons(daemons, id="b", shared=True, clock=clock)
    await alive.enter()
    beating = asyncio.ensure_future(alive.beat())
    async with asyncio.timeout(30):
        while "a" in await names(daemons):
            await clock.advance(1)
            await asyncio.sleep(0.001)
    assert await names(daemons) == {"b"}
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_the_first_is_who_finds_no_earlier_one_alive(daemons: Collection) -> None:
    clock = ManualClock()
    first, second = (Daemons(daemons, id=name, shared=True, clock=clock) for name in ("a", "b"))
    await first.enter()
    await second.enter()
    assert await first.is_first()
    assert not await second.is_first(), "of two that come at once, the earlier"
    await first.leave()
    assert await second.is_first()


async def test_one_that_was_silent_is_no_more(daemons: Collection) -> None:
    clock = ManualClock()
    await Daemons(daemons, id="killed", shared=True, clock=clock).enter()
    await clock.advance(SILENT_MS / 1000)
    late = Daemons(daemons, id="late", shared=True, clock=clock)
    await late.enter()
    assert not await late.is_first(), "it may live still"
    await clock.advance(0.001)
    assert await late.is_first()
