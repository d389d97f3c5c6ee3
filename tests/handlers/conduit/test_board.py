"""The record of how EventSub comes in, as each process knows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.transport import Transport, Way, arrived, with_conduit
from handlers.conduit.board import ROUND_SECONDS, Board
from storage.open import open_store, sqlite_url
from storage.transports import TRANSPORTS, Transports
from tests.support.bus import Bus, BusEnd
from tests.support.clock import ManualClock
from tests.support.unreliable import UnreliableStore


class Fleet:
    def __init__(self, store: UnreliableStore, transports: Transports, clock: ManualClock) -> None:
        self.store, self.transports, self.clock, self.bus = store, transports, clock, Bus()
        self.running: list[asyncio.Task[None]] = []

    async def start(self, target: Way) -> tuple[Board, list[Transport]]:
        board = Board(transports=self.transports, signals=BusEnd(self.bus), clock=self.clock)
        heard: list[Transport] = []
        board.listen(heard.append)
        await board.open(target)
        self.running.append(asyncio.create_task(board.run()))
        await asyncio.sleep(0)
        return board, heard

    async def until(self, board: Board, way: Way, *, seconds: float = 5.0) -> None:
        end = self.clock.monotonic() + seconds
        while board.now.target is not way:
            assert self.clock.monotonic() < end
            await self.clock.advance(0.1)
            await asyncio.sleep(0.002)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    clock = ManualClock()
    store = UnreliableStore(await open_store(sqlite_url(tmp_path / "data"), clock=clock))
    one = Fleet(store, Transports(await store.collection(TRANSPORTS)), clock)
    yield one
    for task in one.running:
        task.cancel()
    await asyncio.gather(*one.running, return_exceptions=True)
    await store.close()


async def test_who_was_started_last_says_where_it_goes(fleet: Fleet) -> None:
    first, _ = await fleet.start(Way.WEBSOCKET)
    second, _ = await fleet.start(Way.CONDUIT)
    assert second.now.target is Way.CONDUIT
    await fleet.until(first, Way.CONDUIT, seconds=0.5)  # by the signal
    assert first.now.in_force is Way.WEBSOCKET


async def test_without_a_signal_it_is_seen_within_a_round(fleet: Fleet) -> None:
    first, heard = await fleet.start(Way.WEBSOCKET)
    await fleet.transports.change(lambda held: with_conduit(held, "c1", 2))
    end = fleet.clock.monotonic() + ROUND_SECONDS + 1
    while first.now.conduit_id != "c1":
        assert fleet.clock.monotonic() < end
        await fleet.clock.advance(0.5)
        await asyncio.sleep(0.002)
    assert [one.conduit_id for one in heard] == ["c1"]  # told once


async def test_changes_are_told_here_and_gaps_counted(fleet: Fleet) -> None:
    board, heard = await fleet.start(Way.CONDUIT)
    await board.gap()
    await board.gap()
    assert [one.gaps for one in heard] == [1, 2]
    await board.change(arrived)
    assert board.now.in_force is Way.CONDUIT
    before = len(heard)
    await board.change(lambda held: held)
    assert len(heard) == before


async def test_while_the_store_is_away_what_was_known_holds(fleet: Fleet) -> None:
    board, _ = await fleet.start(Way.CONDUIT)
    fleet.store.orders.fail("transports", "get", times=2)
    await fleet.clock.advance(ROUND_SECONDS * 2)
    assert board.now.target is Way.CONDUIT
    await fleet.transports.change(lambda held: with_conduit(held, "c1", 2))
    end = fleet.clock.monotonic() + ROUND_SECONDS * 3
    while board.now.conduit_id != "c1":
        assert fleet.clock.monotonic() < end
        await fleet.clock.advance(0.5)
        await asyncio.sleep(0.002)
