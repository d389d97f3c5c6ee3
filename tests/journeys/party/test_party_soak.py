"""Every fault of the fleet under a watch party, longer, and with four processes. Part of `make soak`."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.journeys.party import stories

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

FAULTS = (
    "redis.subscribers",
    "redis.flushed",
    "redis.flushed.behind",
    "redis.restarted",
    "redis.paused",
    "redis.black_hole",
    "mongo.paused",
    "mongo.cut",
    "stopped",
    "parted",
)


@pytest.mark.parametrize("name", FAULTS)
async def test_fault_under_a_party(tmp_path: Path, name: str) -> None:
    async with stories.two(tmp_path) as (stand, party):
        await stories.faults(stand, party, name, each=8)


@pytest.mark.parametrize("seed", range(3))
async def test_one_fault_after_the_other(tmp_path: Path, seed: int) -> None:
    names = list(FAULTS)
    Random(seed).shuffle(names)
    async with stories.two(tmp_path) as (stand, party):
        await stories.faults(stand, party, *names, each=4)


@pytest.mark.parametrize("run", range(5))
async def test_one_dies(tmp_path: Path, run: int) -> None:
    async with stories.two(tmp_path) as (stand, party):
        await stories.one_dies(stand, party, each=5 + 5 * run)


async def test_a_flood_at_four_processes(tmp_path: Path) -> None:
    async with stories.two(tmp_path, names=("a", "b", "c", "d")) as (_, party):
        await stories.flood(party, senders=60, stalled=30, seeks=20)
        await stories.wander(party)
        await stories.rights(party)


async def test_all_die_at_once(tmp_path: Path) -> None:
    async with stories.two(tmp_path) as (stand, party):
        await stories.all_die(stand, party)
