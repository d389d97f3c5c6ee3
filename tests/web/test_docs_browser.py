"""The page of the API in a real browser: drawn from the real document, under the real policy."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from handlers.vip.vip_desk import Wish
from tests.web.api.parts import Parts
from tests.web.browser import BROWSER, Seen, chromium, new_page
from tests.web.world import World, running

pytestmark = BROWSER
__all__ = ("chromium",)


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[tuple[World, Parts]]:
    parts = Parts()
    async with running(ports={"api": parts.api()}) as world:
        yield world, parts


@asynccontextmanager
async def shown(
    chromium: Browser, world: World, *, signed_in: bool = True, at: str = "", **options: object
) -> AsyncIterator[Seen]:
    """The page, drawn; at the end nothing went wrong in it, and it has asked nobody else."""
    seen = await new_page(chromium, **options)
    if signed_in:
        answer = await seen.context.request.post(
            world.url("/api/auth/dev"), headers={"Origin": world.url("")}
        )
        assert answer.ok
    await seen.page.goto(world.url(f"/api/docs{at}"))
    await expect(seen.page.locator(".docs-group").first).to_be_visible()
    try:
        yield seen
        assert seen.wrong == []
        assert seen.hosts <= {world.url("")}
    finally:
        await seen.context.close()


async def test_every_operation_of_the_document_is_drawn(
    chromium: Browser, served: tuple[World, Parts]
) -> None:
    world, _ = served
    async with world.client.get(world.url("/api/openapi.json")) as response:
        document = await response.json()
    ids = {one["operationId"] for methods in document["paths"].values() for one in methods.values()}
    async with shown(chromium, world) as seen:
        drawn = await seen.page.locator(".op").evaluate_all("ops => ops.map(op => op.id)")
        assert len(drawn) == len(ids)
        assert set(drawn) == ids
        await expect(seen.page.locator(".docs-link")).to_have_count(len(ids))
        # each unfolds without a fault
        for operation_id in drawn:
            await seen.page.evaluate("id => { document.getElementById(id).open = true; }", operation_id)
        await expect(seen.page.locator(".op-body")).to_have_count(len(ids))


async def test_an_address_leads_to_an_operation_and_its_fields(
    chromium: Browser, served: tuple[World, Parts]
) -> None:
    async with shown(chromium, served[0], at="#post_api_vip") as seen:
        grant = seen.page.locator("#post_api_vip")
        await expect(grant).to_have_attribute("open", "")
        await expect(
            grant.locator(".field-name").get_by_text("until_stream_end", exact=True).first
        ).to_be_visible()
        await expect(grant).to_contain_text("integer, 1 to 31622400 or null")
        await expect(grant.locator(".answer-status")).to_have_text(
            ["201", "202", "400", "401", "403", "404", "408", "409", "413", "429", "503"]
        )
        example = json.loads(await grant.locator(".op-words .code-block").first.inner_text())
        assert example["viewer"] == "ann"
        await expect(seen.page.locator('.docs-link[aria-current="location"]')).to_contain_text("vip")


async def test_a_request_is_sent_with_the_session_and_its_token(
    chromium: Browser, served: tuple[World, Parts]
) -> None:
    world, parts = served
    async with shown(chromium, world, at="#post_api_vip") as seen:
        grant = seen.page.locator("#post_api_vip")
        await grant.get_by_label("Idempotency-Key").fill("raffle-17")
        await grant.get_by_label("Body").fill('{"viewer": "ben", "seconds": 60}')
        await grant.get_by_role("button", name="Send").click()
        await expect(grant.locator(".answer-head")).to_contain_text("201 Created")
        await expect(grant.get_by_label("Body").last).to_contain_text('"result": "granted"')
        (asked,) = parts.asked
        assert asked[0].key == "raffle-17"
        assert asked[0].channel_id == "100"
        fields = {"seconds": 60, "until_stream_end": False, "adopt": False, "note": ""}
        assert asked[1] == Wish("vip.grant", "ben", fields)
        await grant.get_by_label("Body").first.fill("{")
        await grant.get_by_role("button", name="Send").click()
        await expect(grant.locator(".answer-broken")).to_contain_text("The body is not JSON")
        assert len(parts.asked) == 1
        await grant.get_by_label("Body").first.fill('{"viewer": ""}')
        await grant.get_by_role("button", name="Send").click()
        await expect(grant.locator(".answer-head")).to_contain_text("400")
        await expect(grant.get_by_text("The same with curl")).to_be_visible()
        seen.forgive("400")


async def test_the_keyboard_alone_is_enough(chromium: Browser, served: tuple[World, Parts]) -> None:
    async with shown(chromium, served[0]) as seen:
        page = seen.page
        await page.keyboard.press("/")
        await expect(page.get_by_label("Find an endpoint")).to_be_focused()
        await page.keyboard.type("waiting list")
        await expect(page.locator(".op:visible")).to_have_count(2)
        await expect(page.locator("#ears")).to_have_text("2 endpoints")
        await page.keyboard.press("Escape")
        await expect(page.locator(".op:visible")).not_to_have_count(2)
        await page.keyboard.type("no such thing")
        await expect(page.get_by_text("No endpoint is called so.")).to_be_visible()
        await page.keyboard.press("Escape")
        summary = page.locator("#get_api_connection > summary")
        await summary.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#get_api_connection")).to_have_attribute("open", "")
        await page.get_by_role("button", name="Theme: system").press("Enter")
        assert await page.evaluate("document.documentElement.dataset.theme") == "light"


async def test_who_is_not_signed_in_reads_and_is_led_to_the_login(
    chromium: Browser, served: tuple[World, Parts]
) -> None:
    async with shown(chromium, served[0], signed_in=False, at="#get_api_vip") as seen:
        await expect(seen.page.locator(".docs-who")).to_contain_text("You are not signed in")
        await expect(seen.page.locator("#get_api_vip .op-try a")).to_have_text("Sign in")
        for operation_id in ("post_api_webhooks_eventsub", "get_api_ws", "post_api_auth_sign_out"):
            await seen.page.evaluate("id => { document.getElementById(id).open = true; }", operation_id)
            await expect(seen.page.locator(f"#{operation_id} .op-try form")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_fits_on_a_phone(chromium: Browser, served: tuple[World, Parts], theme: str) -> None:
    phone = {"width": 360, "height": 740}
    async with shown(
        chromium, served[0], at="#get_api_audit_log", viewport=phone, color_scheme=theme
    ) as seen:
        await expect(seen.page.locator("#get_api_audit_log .op-try")).to_be_visible()
        await expect(seen.page.locator("#contents")).not_to_have_attribute("open", "")
        assert await _width(seen.page) <= 360
        await seen.page.locator("#contents > summary").click()
        await expect(seen.page.locator(".docs-link").first).to_be_visible()
        assert await _width(seen.page) <= 360


async def test_a_document_that_does_not_come_is_told(chromium: Browser, served: tuple[World, Parts]) -> None:
    seen = await new_page(chromium)

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503)

    await seen.page.route("**/api/openapi.json", refuse)
    await seen.page.goto(served[0].url("/api/docs"))
    await expect(seen.page.get_by_role("heading", name="The description did not come")).to_be_visible()
    await expect(seen.page.get_by_role("button", name="Try again")).to_be_visible()
    await seen.context.close()


async def _width(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth"))
