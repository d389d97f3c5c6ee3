"""The rewards page in a real browser, its answers scripted in the server's own shapes."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.web.browser import BROWSER, EVIL, Seen
from tests.web.pages.answers import NO_RULES, catalogue, figures, reward, rewards, settings
from tests.web.stage import Stage

POINTS = "/api/channel-points"
CHANGE = re.compile("^Change (?!the )")

pytestmark = BROWSER


async def opened(seen: Seen, stage: Stage, *given: dict[str, object], **more: object) -> Page:
    stage.answers["GET", POINTS] = (200, rewards(*given, **more))  # type: ignore[arg-type]
    stage.answers["GET", "/api/settings"] = (200, settings())
    stage.answers["GET", "/api/settings/messages"] = (200, catalogue())
    await seen.page.goto(f"{stage.origin}/rewards")
    await expect(seen.page.locator("h1")).to_have_text("What viewers can redeem")
    return seen.page


async def test_each_state_has_its_word(seen: Seen, stage: Stage) -> None:
    page = await opened(
        seen,
        stage,
        reward("1"),
        reward("2", paused=True),
        reward("3", paused=True, paused_by_us=True),
        reward("4", enabled=False),
        reward("5", missing_on_twitch=True, color="", redeemed_now=None),
        reward("6", in_stock=False),
    )
    await expect(page.locator(".reward-state")).to_have_text(
        [
            "On",
            "Paused",
            "Paused by us: slots are full",
            "Hidden on Twitch",
            "Deleted on Twitch",
            "Sold out for this stream",
        ]
    )
    await expect(page.locator(".reward").nth(4)).to_contain_text("Create it again")


async def test_what_everybody_is_refused_says_so(seen: Seen, stage: Stage) -> None:
    limited = NO_RULES | {"most_seconds": 3600}
    page = await opened(seen, stage, reward("1"), reward("2", rules=limited))
    await expect(page.locator(".reward .notice")).to_have_text(
        re.compile("^Nobody gets this: .* for 1 week, more than 1 hour ahead")
    )
    await page.locator(".reward").nth(1).get_by_role("button", name=CHANGE).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator(".warnings")).to_be_visible()
    await dialog.get_by_label("the channel’s rules").check()
    await expect(dialog.locator(".warnings")).to_be_hidden()


async def test_a_change_sends_only_what_differs(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, reward(cooldown_seconds=300))
    stage.answers["PATCH", f"{POINTS}/r-1"] = (200, reward())
    await page.get_by_role("button", name=CHANGE).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Title")).to_be_focused()
    await dialog.get_by_label("Price").fill("1000")
    await dialog.get_by_label("by cost").check()
    await dialog.get_by_label("This much time", exact=True).fill("2")
    await expect(dialog.locator(".example")).to_have_text("1,000 points → 2 hours")
    await expect(dialog.locator(".tw-lasts")).to_have_text("Whoever redeems it is VIP for 2 hours.")
    await dialog.get_by_label("Cooldown for everybody", exact=True).fill("")
    await dialog.get_by_label("rules of its own").check()
    await dialog.get_by_label("Subscribers only").check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name=CHANGE)).to_be_focused()  # in the list that was fetched anew
    [call] = stage.made("PATCH", f"{POINTS}/r-1")
    assert call.body == {
        "cost": 1000,
        "time": {"lasting": "per_unit", "seconds": 7200, "per": 1000},
        "cooldown_seconds": 0,
        "rules": NO_RULES | {"subscribers_only": True},
    }


async def test_limits_of_twitch_are_told_at_the_field(seen: Seen, stage: Stage) -> None:
    page = await opened(
        seen, stage, reward(), others=({"id": "o", "title": "Hydrate", "cost": 1, "why": "No."},)
    )
    await page.get_by_role("button", name="New reward").click()
    dialog = page.get_by_role("dialog")
    title = dialog.get_by_label("Title")
    await title.fill("x" * 46)
    await expect(dialog.locator(".field-count").first).to_have_text("46 / 45")
    await dialog.get_by_label("Price").fill("0")
    await dialog.get_by_role("button", name="Create on Twitch").click()
    await expect(title).to_be_focused()
    await expect(title).to_have_attribute("aria-invalid", "true")
    await expect(dialog.get_by_label("Price")).to_have_attribute("aria-invalid", "true")
    await title.fill("hydrate ")
    await dialog.get_by_role("button", name="Create on Twitch").click()
    await expect(dialog).to_contain_text("has a reward with this title already")
    assert stage.made("POST", POINTS) == []


async def test_unsaved_work_is_not_lost_by_a_slip(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, reward())
    await page.get_by_role("button", name=CHANGE).click()
    sheet = page.locator("dialog.slide")
    await sheet.get_by_label("Title").fill("Another")
    await page.keyboard.press("Escape")
    question = page.locator("dialog.sheet")
    await expect(question).to_be_visible()
    await question.locator(".sheet-foot .button").first.click()
    await expect(sheet.get_by_label("Title")).to_have_value("Another")
    await page.keyboard.press("Escape")
    await question.locator(".sheet-foot .button").last.click()
    await expect(sheet).to_have_count(0)
    await expect(page.get_by_role("button", name=CHANGE)).to_be_focused()


async def test_deleting_names_the_reward_and_who_waits(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, reward(title="Golden hour", pending=3))
    done = {
        "id": "1" * 32,
        "state": "done",
        "result": "deleted",
        "code": "",
        "detail": "",
        "advice": "",
        "at": 1,
    }
    stage.answers["DELETE", f"{POINTS}/r-1"] = (202, done)
    stage.answers["GET", f"/api/operations/{'1' * 32}"] = (200, done)
    await page.get_by_role("button", name="More for Golden hour").click()
    await page.get_by_role("menuitem", name="Delete").click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text("Delete “Golden hour”?")
    await expect(question).to_contain_text("3 redemptions are waiting: their points are given back first.")
    assert stage.made("DELETE", f"{POINTS}/r-1") == []
    stage.answers["GET", POINTS] = (200, rewards())
    await question.get_by_role("button", name="Delete").click()
    await expect(page.locator("main")).to_contain_text("No VIP reward yet")
    assert len(stage.made("DELETE", f"{POINTS}/r-1")) == 1


async def test_pausing_and_hiding(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, reward())
    stage.answers["PATCH", f"{POINTS}/r-1"] = (200, reward())
    for item, body in (("Pause", {"paused": True}), ("Hide on Twitch", {"enabled": False})):
        await page.get_by_role("button", name="More for").click()
        await page.get_by_role("menuitem", name=item).click()
        await expect(page.locator(".toast").last).to_be_visible()
        assert stage.made("PATCH", f"{POINTS}/r-1")[-1].body == body


async def test_nothing_yet_proposes_the_first(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    await page.get_by_role("button", name="Create “VIP for a week” for 50,000 points").click()
    await expect(page.get_by_role("dialog").get_by_label("Title")).to_have_value("VIP for a week")


async def test_others_say_why_and_ours_is_adopted(seen: Seen, stage: Stage) -> None:
    page = await opened(
        seen,
        stage,
        others=(
            {"id": "o-1", "title": "Hydrate", "cost": 300, "why": "Another application made it."},
            {"id": "o-2", "title": "Old one", "cost": 900, "why": ""},
        ),
    )
    await expect(page.locator(".other").first).to_contain_text("Another application made it.")
    stage.answers["POST", f"{POINTS}/o-2/adopt"] = (200, reward("o-2"))
    await page.get_by_role("button", name="Adopt").click()
    await page.get_by_label("until the stream ends").check()
    await page.get_by_role("dialog").get_by_role("button", name="Adopt").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    [call] = stage.made("POST", f"{POINTS}/o-2/adopt")
    assert call.body == {"time": {"lasting": "stream", "seconds": 86400, "per": 1}}


async def test_moderators_look_and_are_told_why(seen: Seen, stage: Stage) -> None:
    stage.role = "moderator"
    page = await opened(seen, stage, reward(), others=({"id": "o", "title": "Old", "cost": 1, "why": ""},))
    await expect(page.locator("main")).to_contain_text("Only lumen_live can change rewards.")
    await expect(page.get_by_role("button", name="New reward")).to_have_count(0)
    await expect(page.get_by_role("button", name=CHANGE)).to_have_count(0)
    await expect(page.get_by_role("button", name="Adopt")).to_be_disabled()


async def test_markup_stays_text(seen: Seen, stage: Stage) -> None:
    evil = reward(title=EVIL, prompt=EVIL, color=EVIL, advice=EVIL)
    page = await opened(seen, stage, evil, others=({"id": "o", "title": EVIL, "cost": 1, "why": EVIL},))
    await expect(page.locator(".reward-title")).to_have_text(EVIL)
    await page.get_by_role("button", name=CHANGE).click()
    await expect(page.locator(".tile-title")).to_have_text(EVIL)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="More for").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(page.get_by_role("dialog")).to_contain_text(EVIL)
    assert await page.locator("img").count() == 0
    assert await page.evaluate("window.broken_in") is None


async def test_what_somebody_else_changes_appears(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, reward())
    await expect(page.locator("#state")).to_have_text("Live")
    stage.answers["GET", POINTS] = (200, rewards(reward(title="Renamed")))
    stage.push("settings", {"channel": "1", "at": 1, "by": None, "parts": ["rewards"]})
    await expect(page.locator(".reward-title")).to_have_text("Renamed")


async def test_broken_says_what_and_heals(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", POINTS] = (500, {"code": "x", "detail": "Twitch is down.", "advice": "Wait a bit."})
    await seen.page.goto(f"{stage.origin}/rewards")
    face = seen.page.get_by_role("alert").filter(has_text="Twitch is down.")
    await expect(face).to_contain_text("Wait a bit.")
    stage.answers["GET", POINTS] = (200, rewards(reward()))
    await face.get_by_role("button").click()
    await expect(seen.page.locator(".reward")).to_have_count(1)
    seen.forgive("500")


async def test_nothing_scrolls_sideways(seen: Seen, stage: Stage) -> None:
    wide = [
        reward(f"r-{n}", title="W" * 45, pauses_when_full=True, max_per_stream=1, rules=NO_RULES)
        for n in range(50)
    ]
    page = await opened(seen, stage, *wide)
    for width in (1280, 768, 390, 320):
        await page.set_viewport_size({"width": width, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.locator(".reward-actions .button").first.click()
        await expect(page.locator("dialog.slide")).to_be_visible()
        inner = "document.querySelector('.slide-body')"
        assert await page.evaluate(f"{inner}.scrollWidth <= {inner}.clientWidth")
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog.slide")).to_have_count(0)


async def test_going_back_asks_when_work_would_be_lost(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", "/api/analytics"] = (200, figures(granted=0))
    await seen.page.goto(f"{stage.origin}/analytics")
    stage.answers["GET", POINTS] = (200, rewards(reward()))
    await seen.page.locator("#nav").get_by_role("link", name="Rewards").click()
    await seen.page.get_by_role("button", name=CHANGE).click()
    sheet = seen.page.locator("dialog.slide")
    await sheet.get_by_label("Title").fill("Another")
    await seen.page.evaluate("history.back()")
    question = seen.page.locator("dialog.sheet")
    await question.locator(".sheet-foot .button").first.click()
    await expect(sheet.get_by_label("Title")).to_have_value("Another")
    await expect(seen.page).to_have_url(re.compile("/rewards"))
    await seen.page.evaluate("history.back()")
    await question.locator(".sheet-foot .button").last.click()
    await expect(seen.page.locator("main")).to_have_attribute("data-page", "analytics")
    await expect(sheet).to_have_count(0)
