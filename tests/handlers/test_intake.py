"""Stored once, then handed on: whoever is told "accepted" may forget it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.inbox import Delivery, InboxRow, RowError, RowState, died
from handlers.intake import Intake
from storage.contracts import StorageFull
from tests.support.scene import Scene
from tests.support.story import Checkpoints, Cut

A = Delivery(source="s", message_id="1", kind="k", lane="lane:1", raw=b"body")


class Side:
    """An intake with its ears open."""

    def __init__(self, scene: Scene) -> None:
        self.pokes: list[str] = []
        self.alarms: list[InboxRow] = []
        self.checkpoints = Checkpoints()
        self.intake = Intake(
            inbox=scene.repositories.inbox,
            poke=self.poke,
            metrics=scene.metrics,
            checkpoint=self.checkpoints,
            alarm=self.alarms.append,
        )

    def poke(self, lane: str) -> None:
        self.pokes.append(lane)


@pytest.fixture
def side(scene: Scene) -> Side:
    return Side(scene)


async def test_a_new_row_is_durable_before_anybody_is_told(scene: Scene, side: Side) -> None:
    assert await side.intake.accept(A) == "new"
    row = await scene.row("s:1")
    assert (row.state, row.raw, row.lane, row.kind) == (RowState.OPEN, "body", "lane:1", "k")
    assert side.pokes == ["lane:1"]
    assert side.checkpoints.passed == ["inbox.inserted"]
    assert scene.counted("inbox_accepted_total", source="s", result="new") == 1


async def test_the_same_again_is_a_duplicate(scene: Scene, side: Side) -> None:
    await side.intake.accept(A)
    assert await side.intake.accept(A) == "duplicate"
    assert len(await scene.rows(RowState.OPEN)) == 1
    assert side.alarms == []


async def test_of_many_at_once_one_is_new(scene: Scene, side: Side) -> None:
    results = await asyncio.gather(*(side.intake.accept(A) for _ in range(16)))
    assert sorted(results) == ["duplicate"] * 15 + ["new"]


async def test_another_body_under_the_same_id_is_kept_and_alarmed(scene: Scene, side: Side) -> None:
    await side.intake.accept(A)
    other = replace(A, raw=b"other")
    assert await side.intake.accept(other) == "conflict"
    assert await side.intake.accept(other) == "conflict"
    assert (await scene.row("s:1")).raw == "body", "the first stays in force"
    (kept,) = await scene.rows(RowState.PARKED)
    assert (kept.raw, kept.message_id) == ("other", "1")
    assert "another body" in kept.result
    assert [row.id for row in side.alarms] == ["s:1", "s:1"]
    assert side.pokes == ["lane:1"]


async def test_of_our_own_making_the_first_body_counts_and_nobody_is_called(scene: Scene, side: Side) -> None:
    ours = replace(A, first_counts=True)
    await side.intake.accept(ours)
    assert await side.intake.accept(replace(ours, raw=b"told a moment later")) == "duplicate"
    assert (await scene.row("s:1")).raw == "body"
    assert (side.alarms, await scene.rows(RowState.PARKED)) == ([], [])
    assert side.pokes == ["lane:1", "lane:1"]


async def test_the_desk_counts_a_conflict(scene: Scene) -> None:
    await scene.desk.intake.accept(A)
    await scene.desk.intake.accept(replace(A, raw=b"other"))
    assert scene.counted("inbox_conflicts_total", source="s") == 1
    await scene.finish()


async def test_what_is_parked_wakes_nobody(scene: Scene, side: Side) -> None:
    assert await side.intake.accept(replace(A, parked_because="unknown")) == "new"
    assert side.pokes == []
    assert (await scene.row("s:1")).state == RowState.PARKED


async def test_a_row_that_was_cut_off_after_the_insert_is_a_duplicate_next_time(
    scene: Scene, side: Side
) -> None:
    side.checkpoints.arm("inbox.inserted")
    with pytest.raises(Cut):
        await side.intake.accept(A)
    assert side.pokes == []
    assert await side.intake.accept(A) == "duplicate"
    assert side.pokes == ["lane:1"], "and this time somebody is told"


async def test_a_full_disk_is_told_and_nothing_is_half_stored(scene: Scene, side: Side) -> None:
    scene.store.orders.fail("inbox", "insert", error=lambda: StorageFull("full"))
    with pytest.raises(StorageFull):
        await side.intake.accept(A)
    assert side.pokes == []
    assert await side.intake.accept(A) == "new"


async def dead(scene: Scene, side: Side) -> None:
    await side.intake.accept(A)
    error = RowError("x", "y", 1)
    await scene.repositories.inbox.change("s:1", lambda row: died(row, fence=1, error=error, now=1))
    side.pokes.clear()


async def test_a_dead_row_stays_dead_unless_it_has_to_happen(scene: Scene, side: Side) -> None:
    await dead(scene, side)
    assert await side.intake.accept(A) == "duplicate"
    assert (await scene.row("s:1")).state == RowState.DEAD
    assert side.pokes == []
    assert await side.intake.accept(A, again=True) == "duplicate"
    assert (await scene.row("s:1")).state == RowState.OPEN
    assert side.pokes == ["lane:1"]


async def test_a_dead_row_that_several_send_round_at_once_goes_round_once(scene: Scene, side: Side) -> None:
    await dead(scene, side)
    results = await asyncio.gather(*(side.intake.accept(A, again=True) for _ in range(8)))
    assert results == ["duplicate"] * 8
    assert (await scene.row("s:1")).state == RowState.OPEN
