"""Every fault, again and again; `docs/faults.md` gets the medians at the end. Half an hour and more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from domain.ports import CHECKPOINTS
from tests.journeys.fleet import late, points
from tests.journeys.fleet.faults import FAULTS
from tests.journeys.fleet.recovery import Recovery
from tests.journeys.fleet.report import main as write_the_page
from tests.journeys.fleet.report import note
from tests.journeys.fleet.rig import fleet
from tests.journeys.fleet.rolling import roll
from tests.journeys.fleet.story import under_load
from tests.journeys.stand import measured

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

RUNS = 3
BEFORE_AND_AFTER_CALLS = (
    "vip.intended",
    "vip.granted",
    "vip.recorded",
    "vip.fulfilled",
    "vip.refund_intended",
    "vip.refunded",
    "expiry.claimed",
    "expiry.removed",
)


@pytest.fixture(scope="module", autouse=True)
def page() -> Iterator[None]:
    """What was measured is written at the end, whatever failed."""
    yield
    write_the_page([])


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("name", [name for name in FAULTS if name != "killed.again"])
async def test_fault_under_load(tmp_path: Path, name: str, run: int) -> None:
    note(*(await under_load(tmp_path, name, seed=31 + run))[0])


async def test_either_dies_again_and_again(tmp_path: Path) -> None:
    for name, times in await under_load(tmp_path, *["killed.again"] * 6, seed=71):
        note(name, times)


@pytest.mark.parametrize("point", CHECKPOINTS)
async def test_one_dies_at_a_checkpoint(tmp_path: Path, point: str) -> None:
    async with fleet(tmp_path, "--unthrottled") as stand:
        note("point", await points.play(stand, point))


@pytest.mark.parametrize("point", BEFORE_AND_AFTER_CALLS)
async def test_one_freezes_at_a_checkpoint(tmp_path: Path, point: str) -> None:
    async with fleet(tmp_path, "--unthrottled") as stand:
        note("zombie", await points.play(stand, point, by="stop"))


@pytest.mark.parametrize("by", ["stop", "kill"])
async def test_a_call_lands_late(tmp_path: Path, by: str) -> None:
    async with fleet(tmp_path, "--unthrottled") as stand:
        without_ms = await late.play(stand, by=by)
        note("late", Recovery(without_ms, without_ms, 0, 0, 2))


@pytest.mark.parametrize("run", range(RUNS))
async def test_clocks_two_seconds_apart(tmp_path: Path, run: int) -> None:
    own = {"b": {"CLOCK_OFFSET_MS": str((-2000, 2000, 2000)[run])}}
    ((_, times),) = await under_load(tmp_path, "quiet", seed=41 + run, own=own)
    note("clocks", times)


@pytest.mark.parametrize("run", range(RUNS))
async def test_rolling_restart(tmp_path: Path, run: int) -> None:
    rolled = await roll(tmp_path, seed=51 + run)
    measured(f"p99 {rolled.quiet_p99_ms} ms when quiet, {rolled.rolling_p99_ms} ms while rolling")
    note("rolling", rolled.recovery)


@pytest.mark.timeout(900)
async def test_one_fault_after_the_other(tmp_path: Path) -> None:
    """All of them on one fleet, in an order that somebody drew."""
    names = [name for name in FAULTS if name not in ("quiet", "killed.again")]
    Random(61).shuffle(names)  # the same order each time
    await under_load(tmp_path, *names, seed=61)
