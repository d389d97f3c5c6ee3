"""Account, analytics and the first run in a real browser, the answers scripted in the server's own shapes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.web.browser import BROWSER, EVIL, Seen
from tests.web.pages.answers import (
    DAY,
    account,
    figures,
    reward,
    rewards,
    scopes,
    settings,
    team,
)
from tests.web.stage import Call, Stage, channel, deed, now

pytestmark = BROWSER


async def account_page(
    seen: Seen, stage: Stage, *members: str, missing: tuple[str, ...] = (), **changes: Any
) -> Page:
    stage.answers["GET", "/api/account"] = (200, account(**changes))
    stage.answers["GET", "/api/settings/scopes"] = (200, scopes(*missing))
    stage.answers["GET", "/api/team"] = (200, team(*members))
    await seen.page.goto(f"{stage.origin}/account")
    await expect(seen.page.locator(".account-who").first).to_be_visible()
    return seen.page


async def test_a_missing_permission_leads_to_consent(seen: Seen, stage: Stage) -> None:
    page = await account_page(seen, stage, missing=("vips",))
    await expect(page.locator("main")).to_contain_text("1 permission is missing")
    link = page.get_by_role("link", name="Allow it on Twitch")
    await expect(link).to_have_attribute("href", "/api/auth/sign-in?return_to=%2Faccount&features=rewards")
    await expect(page.get_by_role("row", name="VIPs").locator(".state-word")).to_have_text("missing")
    await expect(page.locator("main")).to_contain_text("Firefox on Linux")


async def test_the_team_is_let_in_and_out(seen: Seen, stage: Stage) -> None:
    members = ["Ann"]
    page = await account_page(seen, stage, *members)
    stage.answers["GET", "/api/team"] = lambda call: (200, team(*members))

    def add(call: Call) -> tuple[int, Any]:
        members.append(call.body["login"])
        return 201, team(*members)

    def drop(call: Call) -> tuple[int, Any]:
        members.remove("Ann")
        return 200, team(*members)

    stage.answers["POST", "/api/team"] = add
    stage.answers["DELETE", "/api/team/1000"] = drop
    name = page.get_by_label("Twitch name of somebody to let in")
    await name.fill("@ben")
    await name.press("Enter")
    await expect(page.locator(".page .lines .person-name bdi:first-child")).to_have_text(["Ann", "ben"])
    await page.get_by_role("button", name="Take Ann out of the team").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Take Ann out of the team?")
    await page.get_by_role("dialog").get_by_role("button", name="Take out").click()
    await expect(page.locator(".page .lines .person-name bdi:first-child")).to_have_text(["ben"])


async def test_leaving_asks_for_everything_and_the_login(seen: Seen, stage: Stage) -> None:
    page = await account_page(seen, stage)
    done = {"id": "1" * 32, "state": "pending", "result": "", "code": "", "detail": "", "advice": "", "at": 1}
    stage.answers["POST", "/api/account/disconnect"] = (202, done)
    await page.get_by_role("button", name="Disconnect").click()
    dialog = page.get_by_role("dialog")
    yes = dialog.get_by_role("button", name="Disconnect")
    await expect(yes).to_be_disabled()
    await dialog.get_by_label("Remove our VIPs now").check()
    await dialog.get_by_label("Erase it").check()
    field = dialog.get_by_label("Type lumen_live to go on")
    await field.fill("lumen")
    await field.press("Enter")
    await expect(yes).to_be_disabled()
    await field.fill("Lumen_Live")
    await yes.click()
    await expect(dialog).to_contain_text("lumen_live is being disconnected")
    [call] = stage.made("POST", "/api/account/disconnect")
    assert call.body == {"remove_vips": True, "erase": True, "confirm": "Lumen_Live"}


async def test_moderators_see_neither_team_nor_leaving(seen: Seen, stage: Stage) -> None:
    stage.role = "moderator"
    page = await account_page(seen, stage, missing=("vips",), role="moderator")
    await expect(page.locator("main")).to_contain_text("You help lumen_live as a moderator.")
    await expect(page.get_by_role("button", name="Disconnect")).to_have_count(0)
    await expect(page.get_by_role("link", name="Allow it on Twitch")).to_have_count(0)
    assert stage.made("GET", "/api/team") == []


async def test_names_stay_text(seen: Seen, stage: Stage) -> None:
    page = await account_page(seen, stage, EVIL, name=EVIL, login_state="needed", login_detail=EVIL)
    await expect(page.locator(".account-name bdi").first).to_have_text(EVIL)
    stage.answers["GET", "/api/analytics"] = (200, figures(EVIL, title=EVIL))
    await page.goto(f"{stage.origin}/analytics")
    await expect(page.locator(".bar-words").first).to_have_text(EVIL)
    await expect(page.locator(".top .person-name bdi").first).to_have_text(EVIL)
    assert await page.locator("img").count() == 0
    assert await page.evaluate("window.broken_in") is None


async def test_a_plot_is_read_by_keyboard_and_as_a_table(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", "/api/analytics"] = (200, figures())
    page = seen.page
    await page.goto(f"{stage.origin}/analytics")
    plot = page.locator(".plot").first
    await expect(plot.locator("canvas")).to_be_visible()
    await expect(plot.locator(".plot-name")).to_have_text(["granted", "extended", "ended"])
    view = plot.locator(".plot-view")
    await view.focus()
    await page.keyboard.press("ArrowLeft")
    tip = plot.locator(".plot-tip")
    await expect(tip).to_contain_text("Mon, 30 November 2026")
    await expect(tip.locator("b")).to_have_text(["0", "1", "0"])
    await page.keyboard.press("ArrowLeft")
    await expect(tip.locator("b")).to_have_text(["3", "1", "0"])
    await page.keyboard.press("Home")
    await expect(plot.locator("[aria-live]")).to_contain_text(
        "1 November 2026: granted 3, extended 1, ended 0"
    )
    await page.keyboard.press("Escape")
    await expect(tip).to_be_hidden()
    await plot.get_by_role("button", name="Show as table").click()
    await expect(plot.locator("tbody tr")).to_have_count(30)
    await expect(plot.locator("tbody tr").first).to_contain_text("30 November 2026")
    await expect(view).to_be_hidden()
    await plot.get_by_role("button", name="Show as plot").click()
    await expect(view).to_be_visible()


async def test_a_plot_tells_under_the_pointer(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", "/api/analytics"] = (200, figures())
    await seen.page.goto(f"{stage.origin}/analytics")
    over = seen.page.locator(".plot .u-over").first
    await over.hover(position={"x": 5, "y": 40})
    await expect(seen.page.locator(".plot-tip").first).to_contain_text("1 November 2026")


async def test_periods_and_nothing_yet(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", "/api/analytics"] = (200, figures())
    page = seen.page
    await page.goto(f"{stage.origin}/analytics")
    await expect(page.locator(".stat-value").first).to_have_text("87")
    await expect(page.locator("main")).to_contain_text("brand new")  # a reason that this page does not know
    stage.answers["GET", "/api/analytics"] = (200, figures(granted=0))
    await page.get_by_role("button", name="7 days").click()
    await expect(page.locator("main")).to_contain_text("No VIPs in these days")
    assert stage.made("GET", "/api/analytics")[-1].query["period"] == "7d"
    assert "period=7d" in page.url


def first_run(stage: Stage, *missing: str, made: tuple[dict[str, Any], ...] = ()) -> None:
    stage.answers["GET", "/api/settings"] = (200, settings(wizard_done=False))
    stage.answers["GET", "/api/settings/scopes"] = (200, scopes(*missing))
    stage.answers["GET", "/api/channel-points"] = (200, rewards(*made))
    stage.answers["GET", "/api/audit-log"] = (200, {"entries": [], "cursor": None})
    stage.answers["PATCH", "/api/settings"] = (200, settings())


async def test_the_first_run_leads_to_a_test(seen: Seen, stage: Stage) -> None:
    first_run(stage)
    page = seen.page
    await page.goto(f"{stage.origin}/welcome")
    await expect(page.locator("#state")).to_have_text("Live")
    await expect(page.get_by_role("button", name="First reward")).to_have_attribute("aria-current", "step")
    stage.answers["POST", "/api/channel-points"] = (201, reward(title="VIP for a month"))
    await page.get_by_label("Title").fill("VIP for a month")
    await page.get_by_label("VIP for", exact=True).fill("4")
    await page.get_by_role("button", name="Create on Twitch").click()
    await expect(page.locator("main")).to_contain_text("Choose VIP for a month and redeem it.")
    [call] = stage.made("POST", "/api/channel-points")
    assert call.body["time"] == {"lasting": "fixed", "seconds": 4 * 7 * DAY, "per": 1}
    stage.push("activity", deed("0", "vip.refunded", "ann", reason="slots_full"))  # somebody else
    stage.push("channel", channel("connecting"))
    await expect(page.locator("#state")).to_have_text("Stand by")  # so the one before has been dealt with
    await expect(page.locator("main")).to_contain_text("Waiting for your redemption")
    stage.push("channel", channel())
    detail = {"reward_title": "VIP for a month", "reward_cost": 500}
    stage.push("activity", deed("1", "vip.refunded", "lumen_live", reason="broadcaster", detail=detail))
    await expect(page.locator("main")).to_contain_text("It works")
    await expect(page.locator(".badge")).to_have_text("test")
    await expect(page.locator("main")).to_contain_text("500 points came back to you.")
    await page.get_by_role("button", name="Go to your dashboard").click()
    await expect(page).to_have_url(f"{stage.origin}/?channel=lumen_live")
    assert stage.made("PATCH", "/api/settings")[0].body == {"wizard_done": True}


async def test_the_first_run_goes_on_where_it_was(seen: Seen, stage: Stage) -> None:
    first_run(stage, "rewards")
    page = seen.page
    await page.goto(f"{stage.origin}/welcome")
    consent = page.get_by_role("link", name="Allow it on Twitch")
    await expect(consent).to_have_attribute(
        "href", "/api/auth/sign-in?return_to=%2Fwelcome%3Fchannel%3Dlumen_live&features=rewards"
    )
    first_run(stage, made=(reward(),))
    await page.reload()
    await expect(page.get_by_role("button", name="3 Test")).to_have_attribute("aria-current", "step")
    tested = {"entries": [deed("1", "vip.refunded", reason="broadcaster", at=now())], "cursor": None}
    stage.answers["GET", "/api/audit-log"] = (200, tested)
    await page.reload()
    await expect(page.locator(".step[data-state=done]")).to_have_count(3)
    await page.get_by_role("button", name="Skip the guide").click()
    await expect(page).to_have_url(f"{stage.origin}/?channel=lumen_live")


@pytest.mark.parametrize("path", ["/account", "/analytics", "/welcome"])
async def test_nothing_scrolls_sideways(seen: Seen, stage: Stage, path: str) -> None:
    first_run(stage, "rewards", made=(reward(title="W" * 45),))
    told = account("W" * 25, login_state="needed", login_detail="W" * 200)
    stage.answers["GET", "/api/account"] = (200, told)
    stage.answers["GET", "/api/team"] = (200, team(*["W" * 25] * 5))
    stage.answers["GET", "/api/analytics"] = (200, figures("W" * 25, title="W" * 45, granted=12_345_678))
    await seen.page.goto(stage.origin + path)
    await expect(seen.page.locator("main")).to_have_attribute("data-page", path[1:])
    for width in (1280, 390, 320):
        await seen.page.set_viewport_size({"width": width, "height": 844})
        await expect(seen.page.locator("main")).to_be_visible()
        # A plot is drawn anew for its place, a frame or two later.
        async with asyncio.timeout(30):
            while not await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                await seen.page.evaluate("() => new Promise(requestAnimationFrame)")
        assert await seen.page.evaluate("innerWidth") == width
