"""The lobby in a real browser: its faces, the ways into a room, and names that are hostile."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.web.browser import BROWSER, EVIL, chromium
from tests.web.watch.hall import ROOM, Hall
from tests.web.watch.looks import PHONE, fits, in_room, opened

pytestmark = BROWSER
__all__ = ("chromium",)


def room(id: str, title: str, **more: Any) -> dict[str, Any]:
    plain = {
        "film": "",
        "channel": "",
        "members": 3,
        "here": 3,
        "vipOnly": False,
        "hasPassword": False,
        "openedAt": 0,
    }
    return {"roomId": id, "title": title, **plain, **more}


async def test_public_rooms_are_cards_that_lead_in(chromium: Browser, hall: Hall) -> None:
    hall.rooms = (
        200,
        {
            "rooms": [
                room(ROOM, EVIL, film=EVIL, here=12, vipOnly=True, hasPassword=True),
                room("b", "x" * 80),
            ]
        },
    )
    async with opened(chromium, hall, "/party") as seen:
        card = seen.page.locator(".room-card").first
        await expect(card.locator(".room-name")).to_have_text(EVIL)
        await expect(card).to_contain_text("12 here")
        await expect(card).to_contain_text("VIPs only")
        await expect(card).to_contain_text("password")
        for width in (1280, 390):
            await seen.page.set_viewport_size({"width": width, "height": 844})
            await fits(seen.page, width)
        await card.click()
        await in_room(seen.page)
        assert seen.page.url == f"{hall.origin}/party/{ROOM}"
        await seen.page.go_back()
        await expect(seen.page.locator("#main")).to_have_attribute("data-page", "lobby")
        assert await seen.page.evaluate("window.broken_in") is None


@pytest.mark.parametrize(
    ("answer", "heading"),
    [
        ((200, {"rooms": []}), "No room is open to everybody now"),
        ((500, {}), "We cannot show the rooms"),
        ((404, {}), "There is no list of rooms here"),
    ],
)
async def test_without_rooms_the_lobby_says_what_to_do(
    chromium: Browser, hall: Hall, answer: tuple[int, Any], heading: str
) -> None:
    hall.rooms = answer
    async with opened(chromium, hall, "/party", forgiven=("status of",), viewport=PHONE) as seen:
        await expect(seen.page.locator(".lobby-rooms")).to_contain_text(heading)
        await fits(seen.page, 390)
        if answer[0] == 500:
            hall.rooms = (200, {"rooms": [room("b", "Back again")]})
            await seen.page.get_by_role("button", name="Try again").click()
            await expect(seen.page.locator(".room-name")).to_have_text("Back again")


async def test_a_code_or_a_link_leads_in_and_anything_else_is_told(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall, "/party") as seen:
        field = seen.page.get_by_label("Code or link")
        for wrong in ("https://example.org/elsewhere", "two words", "javascript:alert(1)"):
            await field.fill(wrong)
            await field.press("Enter")
            await expect(seen.page.locator("#join-fault")).to_contain_text("neither a code")
            await expect(field).to_be_focused()
        await field.fill(f"https://some.example/party/{ROOM}#invite=v1.a.b")
        await field.press("Enter")
        await in_room(seen.page)
        asked = dict(hall.heard)["party:join"]
        assert (asked["roomId"], asked["invite"], asked["userName"]) == (ROOM, "v1.a.b", "Ann")


async def test_a_room_is_opened_as_it_was_set(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall, "/party") as seen:
        page = seen.page
        await page.get_by_label("Your name in the room").fill("")
        await page.get_by_role("button", name="Open the room").click()
        await expect(page.get_by_label("Your name in the room")).to_be_focused()
        await page.get_by_label("Your name in the room").fill("Annika")
        await page.get_by_label("Name of the room").fill("Friday film")
        await page.get_by_label("Password", exact=True).fill("popcorn")
        await page.get_by_label("In the list of rooms").check()
        await page.get_by_text("More settings").click()
        await page.get_by_label("For the channel").select_option("c1")
        await page.get_by_label("Slow mode").fill("5")
        await page.get_by_role("button", name="Open the room").click()
        await in_room(page)
        assert page.url == f"{hall.origin}/party/{ROOM}"
        [asked] = [data for kind, data in hall.heard if kind == "party:create"]
        assert (asked["userName"], asked["channel"]) == ("Annika", "c1")
        wanted = {
            "title": "Friday film",
            "password": "popcorn",
            "isPublic": True,
            "slowSeconds": 5,
            "control": "host",
        }
        assert wanted.items() <= asked["settings"].items()
        assert len(hall.sockets) == 1, "over the same connection"


async def test_what_is_refused_is_said_and_nothing_is_lost(chromium: Browser, hall: Hall) -> None:
    hall.refused["party:create"] = {
        "code": "bad_field",
        "detail": "title has to be text.",
        "advice": "Send text.",
    }
    async with opened(chromium, hall, "/party") as seen:
        await seen.page.get_by_label("Name of the room").fill("Friday film")
        await seen.page.get_by_role("button", name="Open the room").click()
        await expect(seen.page.locator(".toast")).to_contain_text("title has to be text.")
        await expect(seen.page.get_by_label("Name of the room")).to_have_value("Friday film")


async def test_strangers_are_led_to_sign_in(chromium: Browser, hall: Hall) -> None:
    hall.session = {"signed_in": False, "channels": []}
    async with opened(chromium, hall, "/party") as seen:
        link = seen.page.get_by_role("link", name="Sign in")
        await expect(link).to_have_attribute("href", "/sign-in?return_to=%2Fparty")
        hall.session["sign_in_url"] = "/api/auth/sign-in"
        await seen.page.reload()
        await expect(link).to_have_attribute("href", "/api/auth/sign-in?role=viewer&return_to=%2Fparty")
        await expect(seen.page.get_by_label("Code or link")).to_be_visible()
