"""Chromium for the tests of the pages: fixtures, and a page that remembers what went wrong in it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.web.stage import Stage, staged

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
EVIL = '<img src=x onerror="window.broken_in=1">'

BROWSER = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]
"""The marks of a module of browser tests."""


@dataclass
class Seen:
    """A page and what went wrong in it."""

    page: Page
    wrong: list[str]
    hosts: set[str]

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    async def text(self, selector: str) -> str:
        return await self.page.locator(selector).inner_text()

    def forgive(self, *parts: str) -> None:
        """The browser itself notes each refused request: those are expected."""
        assert [told for told in self.wrong if not any(part in told for part in parts)] == []
        self.wrong.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with staged() as stage:
        yield stage


async def new_page(chromium: Browser, **options: object) -> Seen:
    """A page in a browser of its own, in British English, without motion."""
    given = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "reduced_motion": "reduce"}
    context = await chromium.new_context(**(given | options))  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    return watched(await context.new_page())


def watched(page: Page) -> Seen:
    seen = Seen(page, [], set())
    page.on("console", lambda told: seen.wrong.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: seen.wrong.append(str(error)))
    page.on("request", lambda request: seen.hosts.add("/".join(request.url.split("/")[:3])))
    return seen


@pytest_asyncio.fixture(loop_scope="module")
async def seen(chromium: Browser, stage: Stage) -> AsyncIterator[Seen]:
    """A fresh page, not opened yet. Whatever the console or the policy complains about fails the test."""
    seen = await new_page(chromium)
    yield seen
    await seen.context.close()
    assert seen.wrong == []
    assert seen.hosts <= {stage.origin}


async def opened(seen: Seen, stage: Stage, path: str = "/") -> Page:
    """Go to a page, and wait until it is live."""
    await seen.page.goto(stage.origin + path)
    await expect(seen.page.locator("#state")).to_have_text("Live")
    await expect(seen.page.locator("#main")).not_to_have_attribute("data-page", "")
    return seen.page
