"""The shell in a real browser: going from page to page, one stream for all tabs, signing in, themes and languages."""

from __future__ import annotations

import re

from playwright.async_api import Browser, Page, expect

from tests.web.browser import BROWSER, EVIL, Seen, new_page, opened, watched
from tests.web.stage import Call, Reply, Stage, channel, deed, vip
from tests.web.world import until
from web.pages import PATHS

pytestmark = BROWSER


async def test_links_change_the_page_and_the_way_back_is_the_browsers(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", "/api/audit-log"] = (
        200,
        {"entries": [deed(f"{n}") for n in range(40)], "cursor": None},
    )
    page = await opened(seen, stage)
    await page.evaluate("window.same = true")
    await page.get_by_role("link", name="Activity", exact=True).click()
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("What happened")
    await expect(heading).to_be_focused()
    await expect(page).to_have_title("What happened · lumen_live · Cuelight")
    await expect(page.locator("#nav [aria-current=page]")).to_have_text("Activity")
    assert "/activity" in page.url
    await expect(page.locator(".deed")).to_have_count(40)
    await page.evaluate("scrollTo(0, 700)")
    await page.get_by_role("link", name="Connection", exact=True).click()
    await expect(heading).to_have_text("How the connection is")
    assert await page.evaluate("scrollY") == 0
    await page.go_back()
    await expect(heading).to_have_text("What happened")
    await expect(page.locator(".deed")).to_have_count(40)
    await page.go_back()
    await expect(heading).to_have_text("Who is VIP now")
    await page.go_forward()
    await expect(heading).to_have_text("What happened")
    assert await page.evaluate("window.same"), "no page was loaded anew"
    assert len(stage.asked) == 1, "and the stream went on"


async def test_a_link_opens_in_another_tab(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    async with seen.context.expect_page() as opening:
        await page.get_by_role("link", name="Activity", exact=True).click(modifiers=["Control"])
    other = await opening.value
    await expect(other.get_by_role("heading", level=1)).to_have_text("What happened")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Who is VIP now")


async def test_every_page_has_its_path_in_both_tables(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    routes = await page.evaluate("import('/static/lib/routes.js').then(m => m.ROUTES.map(r => r.path))")
    assert sorted(routes) == sorted(PATHS)
    preloaded = await page.evaluate("[...document.querySelectorAll('[rel=modulepreload]')].map(n => n.href)")
    for href in preloaded:
        assert (await seen.context.request.get(href)).ok, href


async def test_tabs_share_one_stream_and_newcomers_get_the_picture(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann")]
    first = await opened(seen, stage)
    await expect(first.locator(".vip-name")).to_have_text(["ann"])
    stage.push("vip", vip("b", "ben", left=10))
    await expect(first.locator(".vip-name")).to_have_text(["ben", "ann"])

    second = await opened(watched(await seen.context.new_page()), stage)
    # It never was in a snapshot: the worker kept it.
    await expect(second.locator(".vip-name")).to_have_text(["ben", "ann"])
    assert stage.streams == 1
    assert len(stage.asked) == 1

    stage.push("vip", vip("c", "cleo", left=5))
    for page in (first, second):
        await expect(page.locator(".vip-name")).to_have_text(["cleo", "ben", "ann"])

    stage.hold.clear()
    stage.drop()
    for page in (first, second):
        await expect(page.locator("#state")).to_have_text("Reconnecting")
    stage.hold.set()
    for page in (first, second):
        await expect(page.locator("#state")).to_have_text("Live")
    assert len(stage.asked) == 2

    await first.close()
    stage.push("vip", vip("d", "dan", left=1))
    await expect(second.locator(".vip-name").first).to_have_text("dan")
    assert stage.streams == 1
    seen.page = second


async def test_another_channel_has_another_stream(seen: Seen, stage: Stage) -> None:
    first = await opened(seen, stage)
    second = await opened(watched(await seen.context.new_page()), stage)
    await second.locator("#channel-place button").click()
    await second.get_by_role("menuitemradio", name="otto_plays").click()
    await expect(second.locator("#channel-place .channel-name")).to_have_text("otto_plays")
    assert "channel=otto_plays" in second.url
    await until(lambda: stage.streams == 2)
    assert sorted(query for _, query in stage.asked) == ["channel=1", "channel=2"]
    # A new tab begins with the channel that was shown last, a link with the one that it names.
    await first.get_by_role("link", name="Activity", exact=True).click()
    await expect(first.locator("#channel-place .channel-name")).to_have_text("lumen_live")
    await second.close()


async def test_without_a_shared_worker_each_tab_has_its_own(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann")]
    await seen.context.add_init_script("delete window.SharedWorker")
    page = await opened(seen, stage)
    await expect(page.locator(".vip-name")).to_have_text(["ann"])
    stage.hold.clear()
    stage.drop()
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    stage.hold.set()
    await expect(page.locator("#state")).to_have_text("Live")


async def test_the_end_of_a_session_is_told_to_every_tab(seen: Seen, stage: Stage) -> None:
    first = await opened(seen, stage, "/activity")
    second = await opened(watched(await seen.context.new_page()), stage)
    stage.signed_in = False
    stage.push("auth", {})
    for page in (first, second):
        await expect(page.locator("#sign-in-trouble")).to_contain_text("Your session ended")
        await expect(page.locator("#side")).to_be_hidden()
    await first.get_by_role("button", name="Enter the demo").click()
    await expect(first.get_by_role("heading", level=1)).to_have_text("What happened")  # where it was
    await second.close()


async def test_signing_out_ends_it_on_the_server_too(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)

    def out(call: Call) -> Reply:
        stage.signed_in = False
        return 200, {"signed_in": False}

    stage.answers["POST", "/api/auth/sign-out"] = out
    await page.locator("#user-place button").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.locator("#main")).to_contain_text("You are signed out.")
    assert len(stage.made("POST", "/api/auth/sign-out")) == 1
    # Only what is written to a closed connection tells the server of the test that it is closed.
    await until(lambda: stage.push("channel", channel()) or stage.streams == 0)


async def test_sign_in_ways_and_where_they_lead(seen: Seen, stage: Stage) -> None:
    stage.signed_in, stage.sign_in_url = False, "/api/auth/sign-in"
    page = seen.page
    await page.goto(f"{stage.origin}/rules?x=1")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to see who is VIP")
    assert stage.asked == []
    link = page.locator("#sign-in-twitch")
    await expect(link).to_have_attribute("href", "/api/auth/sign-in?return_to=%2Frules%3Fx%3D1")
    helper = page.get_by_role("link", name="I help in somebody’s channel")
    await expect(helper).to_have_attribute("href", re.compile("role=moderator"))
    for evil in ("//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"):
        await page.goto(f"{stage.origin}/sign-in?return_to={evil}")
        await expect(link).to_have_attribute("href", "/api/auth/sign-in")


async def test_every_failed_sign_in_says_what_to_do(seen: Seen, stage: Stage) -> None:
    from web.models.session import ERRORS

    stage.signed_in, stage.sign_in_url = False, "/api/auth/sign-in"
    await seen.page.goto(f"{stage.origin}/sign-in?error=not_invited")
    await expect(seen.page.locator("#sign-in-trouble")).to_contain_text("Ask the streamer or the host")
    words = await seen.page.evaluate("import('/static/words/en/sign-in.js').then(m => m.default)")
    assert len({words[f"error {code}"] + words[f"error {code} text"] for code in ERRORS}) == len(ERRORS)
    await seen.page.goto(f"{stage.origin}/sign-in?error={EVIL}")
    await expect(seen.page.locator("#sign-in-trouble")).to_contain_text("That did not work")


async def test_a_code_signs_in(seen: Seen, stage: Stage) -> None:
    stage.signed_in, stage.sign_in_url = False, "/api/auth/sign-in"
    begun = {
        "handle": "h",
        "user_code": "ABCDEFGH",
        "verification_uri": f"{stage.origin}/activate",
        "interval_seconds": 0,
        "expires_at": 2**50,
    }
    states = ["pending", "pending", "signed_in"]

    def poll(call: Call) -> Reply:
        state = states.pop(0)
        stage.signed_in = state == "signed_in"
        return 200, {"state": state}

    stage.answers["POST", "/api/auth/device"] = (200, begun)
    stage.answers["POST", "/api/auth/device/poll"] = poll
    await seen.page.goto(f"{stage.origin}/sign-in?return_to=/connection")
    await seen.page.get_by_role("button", name="Use a code instead").click()
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("How the connection is")
    assert [call.body for call in stage.made("POST", "/api/auth/device/poll")] == [{"handle": "h"}] * 3
    stage.signed_in = False
    states[:] = ["denied"]
    await seen.page.goto(f"{stage.origin}/sign-in")
    await seen.page.get_by_role("button", name="Use a code instead").click()
    await expect(seen.page.locator(".device")).to_contain_text("You did not agree")


async def test_nobody_answers(seen: Seen, stage: Stage) -> None:
    await seen.context.route("**/api/auth/session", lambda route: route.abort())
    await seen.page.goto(stage.origin)
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("Cuelight does not answer")
    await seen.context.unroute("**/api/auth/session")
    await seen.page.get_by_role("button", name="Try now").click()
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("Who is VIP now")
    seen.forgive("Failed to load")


async def test_a_broken_page_says_so_and_tries_again(seen: Seen, stage: Stage) -> None:
    told = {
        "code": "storage.down",
        "detail": "The store does not answer.",
        "advice": "We try again by ourselves.",
    }
    stage.answers["GET", "/api/connection"], good = (500, told), stage.answers["GET", "/api/connection"]
    page = await opened(seen, stage, "/connection")
    await expect(page.locator(".face-broken")).to_contain_text("The store does not answer.")
    await expect(page.locator(".face-broken")).to_contain_text("We try again by ourselves.")
    stage.answers["GET", "/api/connection"] = good
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#line-state")).to_have_text("Live")
    seen.forgive("500")


async def test_the_theme_is_remembered(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    await choose(page, "Theme", "Dark")
    root = page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(root).to_have_attribute("data-theme", "dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 20, 18)"


async def test_the_language_is_the_browsers_until_one_is_chosen(chromium: Browser, stage: Stage) -> None:
    seen = await new_page(chromium, locale="de-AT")
    page = await opened_in(seen, stage, "de")
    await choose(page, "Sprache", "English")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Who is VIP now")
    assert seen.wrong == []
    await seen.context.close()


async def opened_in(seen: Seen, stage: Stage, language: str) -> Page:
    await seen.page.goto(stage.origin)
    await expect(seen.page.locator("html")).to_have_attribute("lang", language)
    await expect(seen.page.locator(".page h1")).to_be_visible()
    return seen.page


async def test_on_a_phone_the_rest_is_in_a_drawer(seen: Seen, stage: Stage) -> None:
    await seen.page.set_viewport_size({"width": 390, "height": 844})
    page = await opened(seen, stage)
    bar = page.locator("#bottom")
    await expect(bar.get_by_role("link")).to_have_text(["Overview", "Activity", "Rewards", "Settings"])
    await bar.get_by_role("button", name="More").click()
    await page.get_by_role("dialog").get_by_role("link", name="Connection").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("How the connection is")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_keys_lead_to_pages(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    await page.keyboard.press("Tab")
    await expect(page.locator("#skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await expect(page.get_by_role("heading", level=1)).to_have_text("How the connection is")


async def test_names_of_channels_stay_text(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    stage.push("channel", channel(name=EVIL))
    stage.push("activity", deed("1", name=EVIL))
    await expect(page.locator(".deed bdi").first).to_have_text(EVIL)
    assert await page.evaluate("window.broken_in") is None


async def test_pages_that_stand_alone(seen: Seen, stage: Stage) -> None:
    for name, heading, german in (
        ("error", "We cannot show this page", "Wir können diese Seite nicht zeigen"),
        ("not_found", "Nothing lives here", "Hier wohnt nichts"),
    ):
        await seen.page.goto(f"{stage.origin}/static/{name}.html")
        await expect(seen.page.get_by_role("heading")).to_have_text(heading)
        await seen.page.evaluate("localStorage.setItem('cuelight.language', 'de')")
        await seen.page.reload()
        await expect(seen.page.get_by_role("heading")).to_have_text(german)
        await expect(seen.page).to_have_title(f"{german} · Cuelight")
        await seen.page.evaluate("localStorage.clear()")
        await seen.page.reload()
        await seen.page.get_by_role("link", name="Open the overview").click()
        await expect(seen.page.locator("#state")).to_have_text("Live")


async def choose(page: Page, item: str, words: str) -> None:
    await page.locator("#user-place button").click()
    await page.get_by_role("menuitem", name=item).click()
    await page.get_by_role("dialog").get_by_role("button", name=words, exact=True).click()
