"""Why one is not in a room: each reason has its own face, and each face a next step."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.web.browser import BROWSER, chromium
from tests.web.watch.hall import ROOM, Hall
from tests.web.watch.looks import PHONE, fits, in_room, opened

pytestmark = BROWSER
__all__ = ("chromium",)

AGAIN, LOBBY, HERE, SIGN_IN = "Try again", "All watch parties", "Watch here instead", "Sign in"


@pytest.mark.parametrize(
    ("code", "heading", "step"),
    [
        ("room_not_found", "No such room", LOBBY),
        ("room_closed", "This room is closed", LOBBY),
        ("room_full", "The room is full", AGAIN),
        ("vip_only", "For VIPs only", LOBBY),
        ("banned", "You may not come back here", LOBBY),
        ("invite_invalid", "This invite is not good", LOBBY),
        ("invite_expired", "This invite has run out", LOBBY),
        ("invite_used", "This invite is used up", LOBBY),
        ("rate_limited", "Too many at once", AGAIN),
        ("something_new", "We cannot let you in", AGAIN),
    ],
)
async def test_who_is_not_let_in_learns_why(
    chromium: Browser, hall: Hall, code: str, heading: str, step: str
) -> None:
    hall.refused["party:join"] = {"code": code}
    async with opened(chromium, hall, viewport=PHONE) as seen:
        await expect(seen.page.get_by_role("heading", level=1)).to_have_text(heading)
        await expect(seen.page.get_by_role("heading", level=1)).to_be_focused()
        await expect(seen.page.locator(".face .actions > *").first).to_have_text(step)
        await fits(seen.page, 390)
        if step == AGAIN:
            hall.refused.clear()
            await seen.page.get_by_role("button", name=AGAIN).click()
            await in_room(seen.page)


@pytest.mark.parametrize(
    ("code", "heading", "step"),
    [
        (4504, "This room is closed", LOBBY),
        (4509, "You are watching in another tab", HERE),
        (4510, "You were sent out", AGAIN),
        (4511, "You may not come back here", LOBBY),
    ],
)
async def test_who_is_sent_away_learns_why(
    chromium: Browser, hall: Hall, code: int, heading: str, step: str
) -> None:
    async with opened(chromium, hall) as seen:
        await in_room(seen.page)
        await hall.bye(code)
        await expect(seen.page.get_by_role("heading", level=1)).to_have_text(heading)
        await expect(seen.page.locator(".face .actions > *").first).to_have_text(step)
        await expect(seen.page.locator(".top .lamp")).not_to_have_attribute("data-signal", "go")
        await seen.page.get_by_role("link", name=LOBBY).last.click()
        await expect(seen.page.locator("#main")).to_have_attribute("data-page", "lobby")


async def test_a_password_is_asked_for_until_it_is_right(chromium: Browser, hall: Hall) -> None:
    hall.refused["party:join"] = {"code": "bad_password"}
    async with opened(chromium, hall) as seen:
        field = seen.page.get_by_label("Password of the room")
        await expect(field).to_be_focused()
        await expect(seen.page.locator("#door-fault")).to_be_hidden()
        await field.fill("wrong")
        await field.press("Enter")
        await expect(seen.page.locator("#door-fault")).to_have_text("That is not the password of this room.")
        hall.refused.clear()
        await field.fill("popcorn")
        await field.press("Enter")
        await in_room(seen.page)
        assert [data.get("password") for kind, data in hall.heard if kind == "party:join"] == [
            None,
            "wrong",
            "popcorn",
        ]


async def test_a_guest_says_a_name_and_comes_in_by_the_invite(chromium: Browser, hall: Hall) -> None:
    hall.session = {"signed_in": False, "channels": []}
    async with opened(chromium, hall, f"/party/{ROOM}#invite=v1.a.b") as seen:
        name = seen.page.get_by_label("Your name in the room")
        await expect(name).to_be_focused()
        await name.fill("Gigi")
        await name.press("Enter")
        await in_room(seen.page)
        heard = dict(hall.heard)
        assert heard["party:hello"] == {"invite": "v1.a.b", "roomId": ROOM}
        assert heard["party:join"]["userName"] == "Gigi"


async def test_a_stranger_comes_into_no_room_that_is_not_open(chromium: Browser, hall: Hall) -> None:
    hall.session = {"signed_in": False, "channels": []}
    async with opened(chromium, hall, forgiven=("403", "404")) as seen:
        await expect(seen.page.get_by_role("heading", level=1)).to_have_text("Who are you?")
        link = seen.page.get_by_role("link", name=SIGN_IN)
        await expect(link).to_have_attribute("href", f"/sign-in?return_to=%2Fparty%2F{ROOM}")
        assert hall.heard == []


async def test_a_stranger_comes_into_an_open_room_as_a_guest(chromium: Browser, hall: Hall) -> None:
    hall.session, hall.ticket = {"signed_in": False, "channels": []}, "t1.guest"
    async with opened(chromium, hall) as seen:
        await seen.page.get_by_label("Your name in the room").fill("Gigi")
        await seen.page.get_by_role("button", name="Come in").click()
        await in_room(seen.page)
        assert dict(hall.heard)["party:hello"] == {"ticket": "t1.guest"}
