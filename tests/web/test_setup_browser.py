"""The set-up page in a real browser, under its real policy: from the terminal's address to the end."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, expect

from domain.errors import Rejected
from tests.web.browser import BROWSER, new_page
from tests.web.test_setup import TOKEN, standing

pytestmark = BROWSER


async def test_the_whole_way(chromium: Browser) -> None:
    async with standing() as stand:
        seen = await new_page(chromium)
        page = seen.page
        await page.goto(f"{stand.url}/")
        await expect(page.get_by_role("heading", name="Open the address from your terminal")).to_be_visible()
        await page.goto(f"{stand.url}/setup?token=wrong")
        await expect(page.get_by_role("heading", name="This address is not the right one")).to_be_visible()
        seen.forgive("403")

        await page.goto(f"{stand.url}/setup?token={TOKEN}")
        assert TOKEN not in page.url
        await expect(page.locator("#redirect")).to_have_text("http://localhost:1/api/auth/callback/twitch")
        await page.get_by_label("Address in the browser").fill("vip.example.org/")
        await expect(page.locator("#redirect")).to_have_text(
            "https://vip.example.org/api/auth/callback/twitch"
        )
        await page.get_by_label("Address in the browser").fill("")
        await expect(page.get_by_role("button", name="Copy the redirect URL")).to_be_disabled()
        await page.get_by_label("Address in the browser").fill("http://localhost:1")

        secret = page.get_by_label("Client Secret")
        await expect(secret).to_have_attribute("type", "password")
        await page.get_by_label("Client ID").fill("an-id")
        await secret.fill("wrong")
        stand.error = Rejected(
            "Another secret.", code="setup.client_secret", advice="Press it."
        )  # our own words
        await secret.press("Enter")
        await expect(page.locator("#error-client_secret")).to_contain_text(
            "the Client Secret is another one. Press “New Secret”"
        )
        await expect(secret).to_be_focused()
        stand.error = Rejected("<b>No</b>", code="setup.refused", advice="<i>Never</i>")
        await page.get_by_role("button", name="Check and start").click()
        await expect(page.get_by_role("alert")).to_have_text("<b>No</b> <i>Never</i>")
        await expect(page.locator("#error-client_secret")).to_be_hidden()
        seen.forgive("400")

        stand.error, stand.gate = None, asyncio.Event()
        await page.get_by_role("button", name="Check and start").click()
        await expect(page.get_by_role("button", name="Asking Twitch…")).to_be_disabled()
        stand.gate.set()
        await expect(page.get_by_role("heading", name="It works. Cuelight is starting…")).to_be_visible()
        assert [one.client_id for one in stand.taken] == ["an-id"]
        seen.forgive("503")
        assert seen.hosts <= {stand.url}
        await seen.context.close()


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_hangs_over_the_edge(chromium: Browser, width: int) -> None:
    async with standing() as stand:
        seen = await new_page(chromium, viewport={"width": width, "height": 800})
        await seen.page.goto(f"{stand.url}/setup?token={TOKEN}")
        await seen.page.get_by_label("Address in the browser").fill(
            "https://" + "a-very-long-name." * 12 + "org"
        )
        over = await seen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0
        await seen.context.close()


async def test_it_speaks_the_language_of_the_visitor(chromium: Browser) -> None:
    async with standing() as stand:
        seen = await new_page(chromium, locale="de-DE")
        page = seen.page
        await page.goto(f"{stand.url}/setup?token={TOKEN}")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Cuelight einrichten")
        await expect(page).to_have_title("Cuelight einrichten")
        stand.error = Rejected("Twitch knows no application.", code="setup.client_id")
        await page.get_by_label("Client ID").fill("an-id")
        await page.get_by_role("button", name="Prüfen und starten").click()
        await expect(page.locator("#error-client_id")).to_contain_text("Twitch kennt keine Anwendung")
        seen.forgive("400")
        await seen.context.close()
