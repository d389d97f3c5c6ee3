"""A streamer leaves and comes back, at a whole daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.daemon.running import SECONDS, running
from tests.daemon.signing_in import browser

pytestmark = pytest.mark.server


async def test_a_channel_leaves_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        channel_id, reward_id = await run.enrol()
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        await page.log_in("lantern")
        wish = {"remove_vips": True, "erase": False, "confirm": "lantern"}
        status, told = await page.write("/api/account/disconnect", wish)
        assert status == 202, told
        world = run.sim.world.channels[channel_id]
        async with asyncio.timeout(SECONDS):
            while (await page.session())["signed_in"]:
                await asyncio.sleep(0.02)
        assert not world.vips
        assert not world.rewards[reward_id].is_enabled
        await run.until(lambda: channel_id not in run.daemon.states())
        assert await page.log_in("lantern") == "/", "the host may always come back"
        await run.until(lambda: run.state(channel_id) == "live")
        (channel,) = (await run.admin("channels.list"))["channels"]
        rewards = channel["rewards"]
        assert [reward["id"] for reward in rewards] == [reward_id]
