"""After a gap every channel is reconciled, at a pace, and whoever takes over goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inbox import InboxRow, RowState
from domain.ports import NullMetrics, no_checkpoint
from domain.transport import Way, arrived
from handlers.conduit.board import Board
from handlers.conduit.sweep import Lap, Sweep
from handlers.intake import Intake
from storage.inbox import INBOX, Inbox
from storage.open import open_store, sqlite_url
from storage.transports import TRANSPORTS, Transports
from tests.support.bus import Bus, BusEnd
from tests.support.clock import ManualClock
from tests.support.unreliable import UnreliableStore


@given(st.integers(0, 8), st.lists(st.integers(0, 10), max_size=4))
def test_every_channel_comes_after_every_gap(count: int, gaps: list[int]) -> None:
    """Whenever gaps come: after the last of them each channel comes once more, and the lap ends."""
    lap, seen, step = Lap(map(str, range(count))), list[str](), 0
    while len(lap):
        if step in gaps:
            lap.again()
            seen.clear()
        seen.append(lap.next())
        step += 1
        assert step < 200
    assert sorted(set(seen)) == [str(number) for number in range(count)]


class Rig:
    def __init__(self, store: UnreliableStore, inbox: Inbox, board: Board, clock: ManualClock) -> None:
        self.store, self.inbox, self.board, self.clock = store, inbox, board, clock
        self.channels = [f"{number}" for number in range(10)]
        self.heard: dict[str, int] = {}
        self.running: asyncio.Task[None] | None = None

    def start(self, boot: str = "one") -> None:
        def alarm(row: InboxRow) -> None:
            raise AssertionError(row.id)

        intake = Intake(
            inbox=self.inbox,
            poke=lambda lane: None,
            metrics=NullMetrics(),
            checkpoint=no_checkpoint,
            alarm=alarm,
        )
        sweep = Sweep(
            board=self.board,
            channels=self._channels,
            heard=self._heard,
            boot=boot,
            intake=intake,
            clock=self.clock,
            metrics=NullMetrics(),
            per_second=2.0,
        )
        self.running = asyncio.create_task(sweep.run())

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)

    async def _channels(self) -> list[str]:
        return self.channels

    async def _heard(self) -> dict[str, int]:
        return self.heard

    async def rows(self, channel_id: str = "") -> int:
        lanes = await self.inbox.open_lanes()
        return sum(count for lane, count in lanes.items() if channel_id in ("", lane.partition(":")[2]))

    async def pass_time(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            await self.clock.advance(0.25)
            await asyncio.sleep(0.004)  # the store has a thread of its own

    async def swept(self) -> None:
        end = self.clock.monotonic() + 60
        while self.board.now.swept < self.board.now.gaps:
            assert self.clock.monotonic() < end
            await self.pass_time(0.25)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = ManualClock()
    store = UnreliableStore(await open_store(sqlite_url(tmp_path / "data"), clock=clock))
    board = Board(
        transports=Transports(await store.collection(TRANSPORTS)), signals=BusEnd(Bus()), clock=clock
    )
    await board.open(Way.CONDUIT)
    await board.change(arrived)
    one = Rig(store, Inbox(await store.collection(INBOX), clock=clock), board, clock)
    yield one
    await one.stop()
    await store.close()


async def test_nothing_without_a_gap_then_everybody_at_a_pace(rig: Rig) -> None:
    rig.start()
    await rig.pass_time(5)
    assert await rig.rows() == 0
    await rig.board.gap()
    await rig.pass_time(2)
    assert 3 <= await rig.rows() <= 6
    await rig.swept()
    assert await rig.rows() == 10


async def test_who_was_heard_of_last_comes_first(rig: Rig) -> None:
    rig.heard = {"7": 300, "3": 900, "gone": 5000, "9": 0}
    rig.start()
    await rig.board.gap()
    await rig.swept()
    rows = sorted(await rig.inbox.documents(RowState.OPEN), key=lambda row: row["order"])
    assert [row["channel_id"] for row in rows] == ["3", "7", "0", "1", "2", "4", "5", "6", "8", "9"]


async def test_a_gap_on_the_way_goes_round_once_more_for_those_who_were_done(rig: Rig) -> None:
    rig.start()
    await rig.board.gap()
    await rig.pass_time(2)
    done = await rig.rows()
    await rig.board.gap()
    await rig.board.gap()
    await rig.swept()
    assert 10 + done <= await rig.rows() <= 10 + done + 2
    assert min([await rig.rows(channel_id) for channel_id in rig.channels]) == 1


async def test_who_takes_over_leaves_nobody_out(rig: Rig) -> None:
    rig.start("one")
    await rig.board.gap()
    await rig.pass_time(2)
    await rig.stop()
    assert rig.board.now.swept < rig.board.now.gaps
    rig.start("two")
    await rig.swept()
    assert min([await rig.rows(channel_id) for channel_id in rig.channels]) >= 1


async def test_a_full_disk_only_delays(rig: Rig) -> None:
    rig.store.orders.fail("inbox", "insert", times=3)
    rig.start()
    await rig.board.gap()
    await rig.swept()
    assert await rig.rows() >= 10
