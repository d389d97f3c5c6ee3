"""Nobody owns a room: two processes, and what breaks between them. The long forms are `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.party import stories

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]


async def test_a_flood_and_a_third_that_does_not_read(tmp_path: Path) -> None:
    async with stories.two(tmp_path) as (_, party):
        await stories.flood(party)
        await stories.wander(party)
        await stories.rights(party)


async def test_one_of_two_dies(tmp_path: Path) -> None:
    async with stories.two(tmp_path) as (stand, party):
        await stories.one_dies(stand, party)


async def test_redis_loses_everything(tmp_path: Path) -> None:
    async with stories.two(tmp_path) as (stand, party):
        await stories.faults(stand, party, *stories.LOSSES)
