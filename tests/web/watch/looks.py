"""What several tests of the watch pages do: open one, and look whether anything went wrong in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.web.browser import Seen, new_page
from tests.web.watch.hall import ROOM, Hall

PHONE: ViewportSize = {"width": 390, "height": 844}
OVER = "document.documentElement.scrollWidth - innerWidth"


@asynccontextmanager
async def opened(
    chromium: Browser,
    hall: Hall,
    path: str = f"/party/{ROOM}",
    *,
    forgiven: tuple[str, ...] = (),
    **options: object,
) -> AsyncIterator[Seen]:
    """A page at a path. Whatever the console or the policy complains about fails the test, but for `forgiven`."""
    seen = await new_page(chromium, **options)
    try:
        await seen.page.goto(hall.origin + path)
        yield seen
        assert [told for told in seen.wrong if not any(part in told for part in forgiven)] == []
        assert seen.hosts <= {hall.origin, hall.origin.replace("http", "ws"), f"blob:{hall.origin}"}, (
            "it asks nobody else"
        )
    finally:
        await seen.context.close()


async def in_room(page: Page) -> None:
    await expect(page.locator("#main")).to_have_attribute("data-page", "room")
    await expect(page.locator(".top-title")).not_to_have_text("")


async def fits(page: Page, width: int) -> None:
    """Nothing hangs over the edge."""
    assert await page.evaluate(OVER) <= 0, width


async def asked(hall: Hall, type: str, times: int = 1) -> list[dict[str, Any]]:
    """What was sent with this type, once it was sent so often."""
    async with asyncio.timeout(20):
        while len(found := [data for each, data in hall.heard if each == type]) < times:
            hall.news.clear()
            await hall.news.wait()
    return found
