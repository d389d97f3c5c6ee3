"""The management pages against the whole daemon: real sockets, real store, the Twitch simulator beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.daemon.running import Running, running
from tests.web.browser import BROWSER, new_page

pytestmark = [*BROWSER, pytest.mark.server]


@dataclass
class House:
    """A daemon with one channel, and a page in which its streamer is signed in."""

    run: Running
    channel_id: str
    reward_id: str
    page: Page

    async def open(self, path: str) -> Page:
        await self.page.goto(path)
        await expect(self.page.locator("#state")).to_have_text("Live")
        return self.page


@pytest_asyncio.fixture(loop_scope="module")
async def house(tmp_path: Path, chromium: Browser) -> AsyncIterator[House]:
    async with running(tmp_path, CUELIGHT_DEMO="true") as run:
        channel_id, reward_id = await run.enrol()
        origin = f"http://127.0.0.1:{run.daemon.port}"
        seen = await new_page(chromium, base_url=origin)
        signed_in = await seen.page.request.post("/api/auth/dev", headers={"Origin": origin})
        assert signed_in.ok, await signed_in.text()
        yield House(run, channel_id, reward_id, seen.page)
        await seen.context.close()
        assert seen.wrong == []
        assert seen.hosts <= {origin}


async def test_a_reward_is_made_changed_and_deleted(house: House) -> None:
    page = await house.open("/rewards")
    await expect(page.locator(".reward-title")).to_have_text(["VIP"])
    await page.get_by_role("button", name="New reward").click()
    sheet = page.locator("dialog.slide")
    await sheet.get_by_label("Title").fill("VIP for a month")
    await sheet.get_by_label("Price").fill("90000")
    await sheet.get_by_label("Description").fill("Thirty days.")
    await sheet.get_by_label("For how long", exact=True).fill("4")
    await sheet.get_by_role("button", name="Create on Twitch").click()
    await expect(sheet).to_have_count(0)
    await expect(page.locator(".reward-title")).to_have_text(["VIP", "VIP for a month"])
    there = house.run.sim.world.channels[house.channel_id].rewards
    made = next(reward for reward in there.values() if reward.title == "VIP for a month")
    assert (made.cost, made.prompt) == (90_000, "Thirty days.")

    await page.get_by_role("button", name="Change VIP for a month").click()
    await sheet.get_by_label("Price").fill("80000")
    await sheet.get_by_label("Per stream", exact=True).fill("3")
    await sheet.get_by_role("button", name="Save").click()
    await expect(sheet).to_have_count(0)
    row = page.locator(".reward").filter(has_text="VIP for a month")
    await expect(row).to_contain_text("80,000 points")
    await expect(row).to_contain_text("3 per stream")

    await page.get_by_role("button", name="More for VIP for a month").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.locator(".reward-title")).to_have_text(["VIP"])
    assert made.id not in there


async def test_a_rule_is_kept_and_another_tab_hears_of_it(house: House) -> None:
    page = await house.open("/rules")
    other = await page.context.new_page()
    await other.goto("/rules")
    await expect(other.locator("#state")).to_have_text("Live")
    await page.get_by_label("A pause between two VIPs").check()
    await page.get_by_label("Wait after the end of the last one", exact=True).fill("2")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".save-bar")).to_be_hidden()
    await expect(other.get_by_label("A pause between two VIPs")).to_be_checked()
    await expect(other.get_by_label("Wait after the end of the last one", exact=True)).to_have_value("2")
    await page.reload()
    await expect(page.get_by_label("A pause between two VIPs")).to_be_checked()


async def test_a_message_is_previewed_by_the_server(house: House) -> None:
    page = await house.open("/settings")
    await page.get_by_role("button", name="Change: A viewer becomes VIP").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Text").fill("Hooray {viewer}, {duration}! {nonsense}")
    await expect(dialog.locator(".chat-words")).to_contain_text("Hooray StarlightFox, 2 h!")
    await expect(dialog.locator(".faults li")).to_have_count(1)
    await dialog.get_by_label("Text").fill("Hooray {viewer}!")
    await expect(dialog.locator(".faults li")).to_have_count(0)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("[data-event=granted]")).to_contain_text("Hooray StarlightFox!")
    await expect(page.locator("[data-event=granted]")).to_contain_text("your words")


async def test_the_guide_sees_the_streamers_own_redemption(house: House) -> None:
    page = await house.open("/welcome?step=test")
    await expect(page.locator("main")).to_contain_text("Waiting for your redemption")
    order = {"channel_id": house.channel_id, "reward_id": house.reward_id, "viewer_id": house.channel_id}
    redeemed = await house.run.order("redeem", order)
    await expect(page.locator("main")).to_contain_text("It works")
    await expect(page.locator("main")).to_contain_text("500 points came back to you.")
    await house.run.until(lambda: house.run.status_of(house.channel_id, redeemed["id"]) == "CANCELED")
    await page.get_by_role("button", name="Go to your dashboard").click()
    await expect(page.locator("main")).to_have_attribute("data-page", "overview")
    await page.goto("/welcome")
    await expect(page.locator("main")).to_contain_text("Everything is set up")


async def test_leaving_takes_the_vips_along(house: House) -> None:
    await house.run.redeem(house.channel_id, house.reward_id, "ann")
    vips = house.run.sim.world.channels[house.channel_id].vips
    await house.run.until(lambda: len(vips) == 1)
    page = await house.open("/account")
    await page.get_by_role("button", name="Disconnect").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Remove our VIPs now").check()
    await dialog.get_by_label("Type lantern to go on").fill("lantern")
    await dialog.get_by_role("button", name="Disconnect").click()
    await expect(dialog).to_contain_text("Lantern is being disconnected")
    await house.run.until(lambda: len(vips) == 0)


async def test_figures_come_from_what_happened(house: House) -> None:
    await house.run.redeem(house.channel_id, house.reward_id, "ann")
    await house.run.until(lambda: len(house.run.sim.world.channels[house.channel_id].vips) == 1)
    page = await house.open("/analytics")
    await expect(page.locator(".stat-value").first).to_have_text("1")
    await expect(page.locator(".top .person-name bdi").first).to_have_text("Ann")
    await expect(page.locator(".bar-words").first).to_have_text("VIP")
