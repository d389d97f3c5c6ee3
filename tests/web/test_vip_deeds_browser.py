"""What one does about a VIP on the overview: at once on the page, put back when the server says no."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Page, expect

from tests.web.browser import BROWSER, Seen, opened
from tests.web.stage import Call, Reply, Stage, vip
from tests.web.stage_answers import settings
from tests.web.test_page_browser import waiting
from tests.web.world import until

pytestmark = BROWSER


def done(result: str, told: dict[str, Any] | None = None) -> Reply:
    return 200, {"result": result, "vip": told, "operation": "0" * 32}


async def press(page: Page, menu: str, item: str) -> None:
    await page.get_by_role("button", name=menu).click()
    await page.get_by_role("menuitem", name=item).click()


async def test_more_time_shows_at_once_and_is_sent_with_a_token_and_a_key(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann", left=600, total=900)]
    reply = asyncio.Event()

    def extend(call: Call) -> Reply:
        reply.set()
        return done("extended", vip("a", "ann", left=4200, total=4500, extensions=1) | {"left_seconds": 4200})

    stage.answers["POST", "/api/vip/extend"] = extend
    page = await opened(seen, stage)
    await press(page, "Give ann more time", "+ 1 hour")
    await expect(page.locator(".vip-left")).to_contain_text("1 h ")
    await expect(page.locator(".toast")).to_contain_text("ann stays VIP 1 h longer.")
    await reply.wait()
    (call,) = stage.made("POST", "/api/vip/extend")
    assert call.body == {"viewer": "u-a", "seconds": 3600}
    assert call.query == {"channel": "1"}
    assert call.headers["x-csrf-token"] == stage.token
    assert len(call.headers["idempotency-key"]) == 32


async def test_a_token_that_is_too_old_is_fetched_anew(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann", left=600, total=900)]
    stage.answers["POST", "/api/vip/extend"] = lambda call: done("extended")
    page = await opened(seen, stage)
    await press(page, "Give ann more time", "+ 1 hour")
    await expect(page.locator(".toast")).to_have_count(1)
    stage.token = "token-2"
    await press(page, "Give ann more time", "+ 1 day")
    await expect(page.locator(".toast")).to_have_count(2)
    first, refused, second = stage.made("POST", "/api/vip/extend")
    assert (first.headers["x-csrf-token"], second.headers["x-csrf-token"]) == ("token-1", "token-2")
    assert refused.headers["idempotency-key"] == second.headers["idempotency-key"], "the same wish"
    seen.forgive("403")


async def test_what_the_server_refuses_is_put_back_and_explained(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann", left=600, total=900)]
    told = {"code": "vip.enough", "detail": "ann has enough time.", "advice": "Wait until it is less."}
    stage.answers["POST", "/api/vip/extend"] = (409, told)
    page = await opened(seen, stage)
    await press(page, "Give ann more time", "+ 7 days")
    await expect(page.get_by_role("alert")).to_contain_text(
        "ann stays as before. ann has enough time. Wait until"
    )
    await expect(page.locator(".vip-left")).to_contain_text(" min ")
    seen.forgive("409")


async def test_what_takes_longer_and_fails_is_put_back_too(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann", left=600, total=900)]
    stage.answers["POST", "/api/vip/extend"] = (
        202,
        {"result": "pending", "vip": None, "operation": "f" * 32},
    )
    told = {"id": "f" * 32, "result": "refused", "code": "vip.enough", "detail": "ann has enough time."}
    states = ["pending", "done"]
    stage.answers["GET", f"/api/operations/{'f' * 32}"] = lambda call: (
        200,
        told | {"state": states.pop(0), "advice": "", "at": 0},
    )
    page = await opened(seen, stage)
    await press(page, "Give ann more time", "+ 7 days")
    await expect(page.locator(".toast").first).to_contain_text("ann will follow.")
    await expect(page.locator(".vip-left")).to_contain_text("7 d ")
    await expect(page.get_by_role("alert")).to_contain_text("ann stays as before. ann has enough time.")
    await expect(page.locator(".vip-left")).to_contain_text(" min ")


async def test_a_removal_can_be_taken_back_before_it_is_sent(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann"), vip("b", "ben", left=90)]
    stage.answers["DELETE", "/api/vip"] = lambda call: done("revoked")
    page = await opened(seen, stage)
    await press(page, "More for ann", "Remove VIP")
    await expect(page.locator(".vip").first).to_contain_text("removing…")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".vip-left").first).to_contain_text("left")
    assert stage.made("DELETE", "/api/vip") == []

    await press(page, "More for ann", "Remove VIP")
    # Whoever goes to another page has decided.
    await page.get_by_role("link", name="Connection", exact=True).click()
    await until(lambda: len(stage.made("DELETE", "/api/vip")) == 1)
    assert stage.made("DELETE", "/api/vip")[0].query == {"channel": "1", "viewer": "u-a"}


async def test_a_removal_is_sent_after_some_seconds_and_failing_brings_the_row_back(
    seen: Seen, stage: Stage
) -> None:
    stage.vips = [vip("a", "ann")]
    told = {"code": "twitch.down", "detail": "Twitch does not answer.", "advice": "Try again in a minute."}
    stage.answers["DELETE", "/api/vip"] = (503, told)
    page = await opened(seen, stage)
    await press(page, "More for ann", "Remove VIP")
    await page.locator(".toast").get_by_role("button", name="Close").click()  # need not be waited for
    await expect(page.get_by_role("alert")).to_contain_text("Twitch does not answer.")
    await expect(page.locator(".vip-left")).to_contain_text("left")
    stage.answers["DELETE", "/api/vip"] = lambda call: done("revoked")
    await press(page, "More for ann", "Remove VIP")
    await page.locator(".toast").last.get_by_role("button", name="Close").click()
    await expect(page.locator(".vip")).to_have_count(0)
    seen.forgive("503")


async def test_what_is_held_of_a_viewer_is_had_as_a_file_or_erased(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann", left=600, total=900)]
    told = {
        "id": "f" * 32,
        "state": "done",
        "result": "erased",
        "detail": "",
        "code": "",
        "advice": "",
        "at": 0,
    }
    stage.answers["POST", "/api/viewers/u-a/erase"] = (200, told)
    page = await opened(seen, stage)
    await press(page, "More for ann", "What we hold of ann…")
    shown = page.get_by_role("dialog")
    await expect(shown.get_by_role("link", name="Download")).to_have_attribute(
        "href", "/api/viewers/u-a/export?channel=1"
    )
    await shown.get_by_role("button", name="Erase it…").click()
    await expect(shown).to_contain_text("whoever was blocked may redeem again")
    sure = shown.get_by_role("button", name="Erase for good")
    await expect(sure).to_be_disabled()
    assert stage.made("POST", "/api/viewers/u-a/erase") == []
    await shown.get_by_label("Type ann to").fill("ann")
    await sure.click()
    await expect(page.locator(".toast")).to_contain_text("What we held of ann is erased.")
    (call,) = stage.made("POST", "/api/viewers/u-a/erase")
    assert call.query == {"channel": "1"}


async def test_who_is_over_his_time_stays_where_nothing_is_taken_back(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann", left=-60, total=900)]
    stage.answers["GET", "/api/settings"] = (200, settings() | {"removes": False})
    page = await opened(seen, stage)
    await expect(page.locator(".vip-until")).to_have_text("stays VIP")
    stage.answers["GET", "/api/settings"] = (200, settings())
    stage.push("settings", {"channel": "1", "at": 0, "by": None, "parts": ["settings"]})
    await expect(page.locator(".vip-until")).to_have_text("taking it back")


async def test_somebody_is_looked_up_and_made_vip(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", "/api/viewers/find"] = (200, {"id": "77", "login": "zoe", "name": "Zoë"})
    stage.answers["POST", "/api/vip"] = lambda call: (
        201,
        {"result": "granted", "vip": vip("n", "Zoë", left=86_400, total=86_400), "operation": "0" * 32},
    )
    page = await opened(seen, stage)
    await page.get_by_role("button", name="Make someone VIP").click()
    await page.get_by_label("Viewer").fill("@zoe")
    await expect(page.locator(".grant-found")).to_contain_text("Found on Twitch")
    await page.get_by_label("Note").fill("won the raffle")
    await page.get_by_role("button", name="Make VIP").click()
    await expect(page.locator(".vip-name")).to_have_text(["Zoë"])
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert stage.made("GET", "/api/viewers/find")[-1].query["login"] == "zoe"
    (call,) = stage.made("POST", "/api/vip")
    assert call.body == {"viewer": "77", "seconds": settings()["default_seconds"], "note": "won the raffle"}


async def test_refusals_stand_where_they_belong(seen: Seen, stage: Stage) -> None:
    told = {"code": "vip.no_viewer", "detail": "Nobody on Twitch is called nobody1.", "advice": ""}
    stage.answers["GET", "/api/viewers/find"] = (404, told)
    page = await opened(seen, stage)
    await page.get_by_role("button", name="Make someone VIP").click()
    field = page.get_by_label("Viewer")
    await field.fill("nobody1")
    await expect(page.locator(".grant .field-error")).to_have_text("Nobody on Twitch is called nobody1.")
    full = {"code": "vip.slots_full", "detail": "Your VIP slots are full.", "advice": "Take one away first."}
    stage.answers["GET", "/api/viewers/find"] = (200, {"id": "5", "login": "ben", "name": "Ben"})
    stage.answers["POST", "/api/vip"] = (409, full)
    await field.fill("ben")
    await expect(page.locator(".grant-found")).to_contain_text("Ben")
    await page.get_by_text("Until the stream ends").click()
    await page.get_by_role("button", name="Make VIP").click()
    await expect(page.locator(".grant .form-trouble")).to_have_text(
        "Your VIP slots are full. Take one away first."
    )
    assert stage.made("POST", "/api/vip")[0].body == {"viewer": "5", "until_stream_end": True}
    seen.forgive("404", "409")


async def test_a_vip_by_hand_is_given_an_end(seen: Seen, stage: Stage) -> None:
    hand = vip("hand:9", "friend", expires_at=None, method="by_hand", viewer_id="9")
    stage.vips = [hand]
    told = vip("new", "friend", left=7200, total=7200, method="adopted", viewer_id="9")
    stage.answers["POST", "/api/vip"] = lambda call: (
        201,
        {"result": "adopted", "vip": told, "operation": ""},
    )
    page = await opened(seen, stage)
    await press(page, "More for friend", "Give it an end…")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox", name="For how long").fill("0")
    await dialog.get_by_role("button", name="Give an end").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("From 1 minute")
    await dialog.get_by_role("textbox", name="For how long").fill("2")
    await dialog.get_by_role("combobox").select_option("hours")
    await dialog.get_by_role("button", name="Give an end").click()
    staying = page.locator(".vip:not([data-phase=over]) .vip-why")
    await expect(staying).to_have_text("by hand, now with an end")
    assert stage.made("POST", "/api/vip")[0].body == {"viewer": "9", "seconds": 7200, "adopt": True}


async def test_protection_is_the_owners_and_asks_once(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann")]
    stage.answers["POST", "/api/vip/protect"] = lambda call: done("protected")
    page = await opened(seen, stage)
    await press(page, "More for ann", "Protect: never take it away")
    await expect(page.get_by_role("dialog")).to_contain_text("Protect ann?")
    await page.get_by_role("button", name="Protect", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("ann is protected")
    assert stage.made("POST", "/api/vip/protect")[0].body == {"viewer": "u-a", "protected": True}
    stage.role = "moderator"
    page = await opened(seen, stage)
    await page.get_by_role("button", name="More for ann").click()
    item = page.get_by_role("menuitem", name="Protect: never take it away")
    await expect(item).to_have_attribute("aria-disabled", "true")
    await expect(item).to_contain_text("Only the owner of the channel can change this.")


async def test_the_waiting_list(seen: Seen, stage: Stage) -> None:
    stage.waiting = waiting("ann", "Ben")
    stage.answers["DELETE", "/api/waiting-list/w-ann"] = (200, {"result": "refunded", "operation": ""})
    page = await opened(seen, stage)
    rows = page.locator(".waiting-row")
    await expect(rows.locator(".person-name")).to_have_text(["ann", "Ben"])
    await expect(page.locator("#count-waiting")).to_have_text("2")
    await page.get_by_role("button", name="Take ann off the list and give the points back").click()
    await page.get_by_role("button", name="Give the points back", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("ann is off the list.")
    assert len(stage.made("DELETE", "/api/waiting-list/w-ann")) == 1
    stage.push("waiting", waiting("Ben"))
    await expect(rows.locator(".person-name")).to_have_text(["Ben"])
    stage.push("waiting", waiting())
    await expect(page.locator(".panel-waiting")).to_be_hidden()


async def test_menus_by_keyboard(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann", left=600, total=900)]
    stage.answers["POST", "/api/vip/extend"] = lambda call: done("extended")
    page = await opened(seen, stage)
    opener = page.get_by_role("button", name="Give ann more time")
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="+ 1 hour")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem", name="+ 1 day")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="+ 1 hour")).to_be_focused()
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("Give ann more time")
    await page.keyboard.type("3")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert stage.made("POST", "/api/vip/extend")[0].body["seconds"] == 3 * 86_400
