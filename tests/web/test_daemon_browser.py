"""The pages in a real browser on a whole daemon, with the simulated Twitch beside it: nothing here is scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.daemon.running import Running, running
from tests.web.browser import BROWSER, Seen, new_page

pytestmark = [*BROWSER, pytest.mark.server]


@dataclass
class House:
    run: Running
    seen: Seen
    channel_id: str
    reward_id: str

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.run.daemon.port}"

    @property
    def vips(self) -> set[str]:
        """Logins of those who are VIP on Twitch."""
        world = self.run.sim.world
        return {world.users[user].login for user in world.channels[self.channel_id].vips}

    async def open(self, path: str = "/") -> Page:
        await self.seen.page.goto(self.origin + path)
        return self.seen.page


@pytest_asyncio.fixture(loop_scope="module")
async def house(chromium: Browser, tmp_path: Path) -> AsyncIterator[House]:
    """A demo daemon with one channel that is live, and a browser that nobody has signed in with."""
    async with running(tmp_path, CUELIGHT_DEMO="1") as run:
        channel_id, reward_id = await run.enrol()
        seen = await new_page(chromium)
        yield House(run, seen, channel_id, reward_id)
        await seen.context.close()
        assert seen.wrong == []


async def test_redeem_extend_remove_and_read_it_in_the_log(house: House) -> None:
    page = await house.open()
    await page.get_by_role("button", name="Enter the demo").click()
    await expect(page.locator("#state")).to_have_text("Live")

    await house.run.redeem(house.channel_id, house.reward_id, "ann")
    row = page.locator(".vip")
    await expect(row.locator(".vip-name")).to_have_text("Ann")
    await expect(row.locator(".vip-left")).to_contain_text("min")
    assert house.vips == {"ann"}

    await page.get_by_role("button", name="Give Ann more time").click()
    await page.get_by_role("menuitem", name="+ 1 day").click()
    await expect(page.locator(".toast")).to_contain_text("Ann stays VIP 1 d longer.")
    await expect(row.locator(".vip-left")).to_contain_text("1 d ")

    await page.get_by_role("button", name="More for Ann").click()
    await page.get_by_role("menuitem", name="Remove VIP").click()
    await page.locator(".toast").last.get_by_role("button", name="Close").click()
    await expect(row).to_have_count(0)
    await house.run.until(lambda: house.vips == set())

    await page.get_by_role("link", name="Activity", exact=True).click()
    lines = page.locator(".deed")
    await expect(lines.first).to_contain_text("time as VIP")
    await expect(lines.locator("p").filter(has_text="more as VIP")).to_have_count(1)
    await expect(lines.locator("p").filter(has_text="Ann became VIP")).to_have_count(1)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
        await page.get_by_role("menuitem", name="As a table (CSV)").click()
    text = (await (await download.value).path()).read_text("utf-8-sig")
    assert text.count("vip.granted") == 1


async def test_somebody_is_made_vip_from_the_page(house: House) -> None:
    await house.run.order("viewers", {"login": "zoe_1", "name": "Zoe_1"})
    page = await house.open()
    await page.get_by_role("button", name="Enter the demo").click()
    await page.get_by_role("button", name="Make someone VIP").click()
    await page.get_by_label("Viewer").fill("zoe_1")
    await expect(page.locator(".grant-found")).to_contain_text("Found on Twitch")
    await page.get_by_role("dialog").get_by_role("button", name="Make VIP").click()
    await expect(page.locator(".vip-name")).to_have_text("Zoe_1")
    assert house.vips == {"zoe_1"}


async def test_the_connection_is_seen_as_it_is(house: House) -> None:
    page = await house.open("/connection")
    await page.get_by_role("button", name="Enter the demo").click()
    await expect(page.locator("#line-state")).to_have_text("Live")
    row = page.locator("tbody tr").filter(has_text="VIPs made on Twitch")
    await expect(row.locator(".state-word")).to_have_text("listening")
    await page.get_by_role("button", name="Compare with Twitch").click()
    await expect(page.locator(".toast").last).to_contain_text("We compared everything with Twitch.")
