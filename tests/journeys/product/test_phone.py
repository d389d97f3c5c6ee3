"""The main path on a telephone: sign in, see a VIP arrive, give more time, look it up in the log."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.journeys.product.place import MARKS, Visitor, place

pytestmark = [*MARKS, pytest.mark.timeout(120)]

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "color_scheme": "dark",
}


async def test_the_main_path_fits_a_phone(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        channel = await there.streamer("lantern", "Lantern")
        viewer = await there.viewer("w" * 25, "W" * 25)
        me = await there.visitor(**PHONE)
        page = me.page
        await me.sign_in("Lantern")
        await fits(me)
        await page.get_by_role("link", name="Set up your channel").tap()
        await page.get_by_role("button", name="Create on Twitch").tap()
        await fits(me)
        await page.get_by_role("button", name="Finish without a test").tap()
        await expect(page.locator("#vips-empty")).to_be_visible()

        loads = me.loads
        await there.redeem(channel, "VIP for a week", viewer)
        row = page.locator(".vip")
        await expect(row.locator(".vip-left")).to_contain_text("6 d 23 h")
        await fits(me)
        await page.get_by_role("button", name="Give WWW").tap()
        await page.get_by_role("menuitem", name="+ 1 day").tap()
        await expect(row.locator(".vip-left")).to_contain_text("7 d 23 h")
        await page.locator("#bottom").get_by_role("link", name="Activity").tap()
        await expect(page.locator(".deed p").filter(has_text="more as VIP")).to_have_count(1)
        await fits(me)
        await page.locator("#bottom").get_by_role("button", name="More").tap()
        await page.get_by_role("dialog").get_by_role("link", name="Account").tap()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Who may do what")
        await fits(me)
        assert me.loads == loads, "no page was loaded anew"
        await page.locator("#bottom").get_by_role("button", name="More").tap()
        await page.get_by_role("dialog").get_by_role("button", name="Sign out").tap()
        await expect(page.get_by_text("You are signed out.")).to_be_visible()
        await fits(me)


async def fits(me: Visitor) -> None:
    """Nothing is wider than the screen."""
    assert await me.page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]  # type: ignore[index]
