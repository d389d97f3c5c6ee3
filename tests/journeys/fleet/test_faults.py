"""What breaks a fleet, in short: each story in some seconds. The long forms, and the table, are `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.fleet import late, points
from tests.journeys.fleet.rig import fleet
from tests.journeys.fleet.rolling import roll
from tests.journeys.fleet.story import IN_SHORT, under_load
from tests.journeys.stand import measured

WRONG = {"b": {"CLOCK_OFFSET_MS": "2000"}}
pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]


async def test_one_dies_under_load(tmp_path: Path) -> None:
    await under_load(tmp_path, "killed", vip_seconds=IN_SHORT)


async def test_one_dies_at_a_step_and_the_other_completes_it(tmp_path: Path) -> None:
    async with fleet(tmp_path, "--unthrottled") as stand:
        measured(f"{await points.play(stand, 'vip.granted')}")


async def test_a_zombie_is_fenced(tmp_path: Path) -> None:
    """Stopped right before it asks for the VIP, it wakes up when the other one has granted and removed it."""
    async with fleet(tmp_path, "--unthrottled") as stand:
        measured(f"{await points.play(stand, 'vip.intended', by='stop')}")


async def test_a_call_that_lands_late_is_made_good(tmp_path: Path) -> None:
    async with fleet(tmp_path, "--unthrottled") as stand:
        measured(f"without VIP for {await late.play(stand, by='stop')} ms")


async def test_redis_loses_everything(tmp_path: Path) -> None:
    await under_load(tmp_path, "redis.subscribers", "redis.flushed", "redis.restarted", vip_seconds=IN_SHORT)


async def test_mongodb_s_connections_are_cut(tmp_path: Path) -> None:
    await under_load(tmp_path, "mongo.cut", "mongo.mid_frame", "mongo.after_write", vip_seconds=IN_SHORT)


async def test_mongodb_freezes_and_clocks_are_wrong(tmp_path: Path) -> None:
    await under_load(tmp_path, "mongo.paused", vip_seconds=IN_SHORT, own=WRONG)


async def test_a_new_release_comes_while_viewers_redeem(tmp_path: Path) -> None:
    rolled = await roll(tmp_path, seed=23, vip_seconds=IN_SHORT, quiet_seconds=2.0)
    measured(f"p99 {rolled.quiet_p99_ms} ms when quiet, {rolled.rolling_p99_ms} ms while rolling")
