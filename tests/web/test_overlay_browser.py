"""The overlay in a real browser, as streaming software shows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.web.api.choices import Choices, open_choices
from tests.web.browser import BROWSER, EVIL, Seen, chromium, new_page

pytestmark = BROWSER
__all__ = ("chromium",)

PIXEL = "node => getComputedStyle(node).backgroundColor"


@pytest_asyncio.fixture(loop_scope="module")
async def choices(tmp_path: Path) -> AsyncIterator[Choices]:
    async with open_choices(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def overlay(
    chromium: Browser, choices: Choices, more: str = "", **options: object
) -> AsyncIterator[Seen]:
    seen = await new_page(chromium, **options)
    url = (await choices.ask("GET", "/api/settings"))[1]["overlay"]["url"]
    try:
        await seen.page.goto(choices.world.url(f"{url}{more}"))
        yield seen
        assert seen.wrong == []
        assert seen.hosts <= {choices.world.url("")}, "it asks nobody else"
    finally:
        await seen.context.close()


async def vip(choices: Choices, login: str, name: str = "") -> None:
    scene = choices.scene
    viewer = await scene.viewer(login)
    if name:
        await scene.act("rename", user_id=viewer.id, login=login, name=name)
    event = await scene.pay(choices.channel, viewer)
    event["user_name"] = name or viewer.name
    await scene.deliver(event)
    await scene.settled(event["id"])


async def test_the_newest_vip_and_who_is_next_to_leave(chromium: Browser, choices: Choices) -> None:
    async with overlay(chromium, choices, reduced_motion="no-preference") as seen:
        latest, following = seen.page.locator("#latest"), seen.page.locator("#next")
        await expect(latest).to_be_hidden()
        assert await seen.page.locator("body").evaluate(PIXEL) == "rgba(0, 0, 0, 0)", "nothing behind it"
        await vip(choices, "ann")
        await expect(latest).to_contain_text("Newest VIP")
        await expect(latest.locator(".name")).to_have_text("Ann")
        assert await latest.evaluate("node => node.classList.contains('arrived')"), "it moves in"
        await choices.scene.pass_ms(5000)
        await vip(choices, "ben", EVIL)
        await expect(latest.locator(".name")).to_have_text(EVIL)
        await expect(following.locator(".name")).to_have_text("Ann")
        await expect(following.locator(".left")).to_have_text("55 s")
        assert await seen.page.evaluate("window.broken_in") is None


async def test_a_new_page_begins_without_motion_and_is_as_one_chose(
    chromium: Browser, choices: Choices
) -> None:
    await vip(choices, "ann")
    await choices.ask("PATCH", "/api/settings", {"language": "de"})
    chosen = "&theme=clear&size=large&position=top-right&show=latest"
    async with overlay(chromium, choices, chosen, viewport={"width": 640, "height": 360}) as seen:
        latest = seen.page.locator("#latest")
        await expect(latest).to_contain_text("Neuester VIP")
        assert not await latest.evaluate("node => node.classList.contains('arrived')")
        await expect(seen.page.locator("#next")).to_be_hidden()
        box = await latest.bounding_box()
        assert box is not None
        assert box["y"] < 60
        assert box["x"] + box["width"] > 580
        assert await latest.evaluate(PIXEL) == "rgba(0, 0, 0, 0)"


async def test_an_address_that_is_not_in_force_says_so_once(chromium: Browser, choices: Choices) -> None:
    await vip(choices, "ann")
    async with overlay(chromium, choices) as seen:
        await expect(seen.page.locator("#latest .name")).to_have_text("Ann")
        await choices.ask("POST", "/api/settings/overlay/rotate")
        await expect(seen.page.locator("#latest")).to_be_hidden()
        await expect(seen.page.locator("#trouble")).to_be_hidden()  # not on a stream that runs
        await seen.page.reload()
        await expect(seen.page.locator("#trouble")).to_contain_text("not in force any more")
        seen.forgive("404")
