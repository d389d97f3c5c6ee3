"""The live page in a real browser, on its real files under the real policy; only the events are scripted."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from domain.audit import Action
from domain.redemption import Alarm, Refusal
from domain.vip import Ended
from tests.web.stage import Stage, channel, deed, now, staged, vip

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

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]


@dataclass
class Seen:
    """A page and what went wrong in it."""

    page: Page
    wrong: list[str]
    hosts: set[str]

    async def text(self, selector: str) -> str:
        return await self.page.locator(selector).inner_text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with staged() as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def seen(browser: Browser, stage: Stage) -> AsyncIterator[Seen]:
    """A fresh page, not opened yet. Whatever the console or the policy complains about fails the test."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(10_000)
    page = await context.new_page()
    seen = Seen(page, [], set())
    page.on("console", lambda told: seen.wrong.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: seen.wrong.append(str(error)))
    page.on("request", lambda request: seen.hosts.add("/".join(request.url.split("/")[:3])))
    yield seen
    await context.close()
    assert seen.wrong == []
    assert seen.hosts <= {stage.origin}


async def opened(seen: Seen, stage: Stage) -> Page:
    await seen.page.goto(stage.origin)
    await expect(seen.page.locator("#state")).to_have_text("Live")
    return seen.page


async def test_rows_arrive_change_and_leave(seen: Seen, stage: Stage) -> None:
    stage.vips, stage.deeds = [vip("a", "ann", left=60)], [deed("1", at=now() - 5_000)]
    page = await opened(seen, stage)
    names = page.locator(".vip-name")
    await expect(names).to_have_text(["ann"])

    stage.push("vip", vip("b", "Ben", left=30))
    stage.push("activity", deed("2", name="Ben"))
    await expect(names).to_have_text(["Ben", "ann"])  # the next to leave is on top
    await expect(page.locator(".deed p").first).to_have_text("Ben became VIP for 20 s.")
    await expect(page.locator("#count-granted")).to_have_text("1")  # what was there before does not count

    stage.push("vip", vip("b", "Ben", left=90, extensions=1))
    await expect(names).to_have_text(["ann", "Ben"])
    await expect(page.locator(".vip-why").last).to_have_text("VIP for a while · extended once")

    stage.push("vip", vip("a", "ann", status="ended", ended_because="expired"))
    stage.push("activity", deed("3", "vip.ended", reason="expired", cause="clock"))
    await expect(names).to_have_text(["Ben"])
    await expect(page.locator("#count-ended")).to_have_text("1")
    await expect(page.locator("#count-now")).to_have_text("1")
    assert await page.title() == "1 VIP · lumen_live · Cuelight"


async def test_a_countdown_turns_amber_and_reaches_its_end(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", left=50, total=600), vip("b", "ben", left=93_000, total=93_000)]
    page = await opened(seen, stage)
    row = page.locator(".vip").first
    await expect(row).to_have_attribute("data-phase", "ending")
    await expect(row).to_contain_text("ending soon")
    stage.push("vip", vip("a", left=0.8, total=600))
    await expect(row.locator(".vip-left")).to_have_text("time is up")
    await expect(row).to_have_attribute("data-phase", "up")
    bar = await row.locator(".vip-bar i").evaluate("bar => bar.style.transform")
    assert bar == "scaleX(0)"
    await expect(page.locator(".vip").last.locator(".vip-left")).to_have_text("1 d 1 h left")


async def test_the_servers_clock_counts_not_this_computers(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", left=595, total=600)]
    await seen.page.clock.install(time=(now() - 7_200_000) / 1000)  # two hours slow
    page = await opened(seen, stage)
    await expect(page.locator(".vip-left")).to_have_text(re.compile(r"^9 min \d+ s left$"))


async def test_a_reset_replaces_everything(seen: Seen, stage: Stage) -> None:
    stage.vips, stage.deeds = [vip("a", "ann"), vip("b", "ben")], [deed("1")]
    page = await opened(seen, stage)
    await expect(page.locator(".vip")).to_have_count(2)
    stage.vips = [vip("b", "ben"), vip("c", "cleo", left=90), vip("d", "dan", status="ended")]
    stage.deeds = [deed("9", "vip.refunded", "dan", reason="slots_full"), deed("8", name="cleo")]
    stage.reset()
    await expect(page.locator(".vip-name")).to_have_text(["ben", "cleo"])
    await expect(page.locator(".deed p")).to_have_text(
        ["Your VIP slots are full. We gave 500 points back to dan.", "cleo became VIP for 20 s."]
    )
    # What happened while the line was down is counted, once.
    await expect(page.locator("#count-refunded")).to_have_text("1")
    stage.reset()
    stage.push("activity", deed("10", "vip.refunded", "eve", reason="moderator"))
    await expect(page.locator("#count-refunded")).to_have_text("2")


async def test_markup_in_names_stays_text(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", EVIL, reward_title=EVIL, viewer_login="evil")]
    stage.deeds = [
        deed("1", name=EVIL, detail={"reward_title": EVIL, "reward_cost": EVIL, "seconds": EVIL}),
        deed("2", "vip.ended", EVIL, reason="revoked", actor={"kind": "streamer", "id": "1", "name": EVIL}),
        deed("3", EVIL, reason=EVIL, cause=EVIL),
        deed("4", "constructor", reason="__proto__"),
    ]
    page = await opened(seen, stage)
    await expect(page.locator(".vip-name bdi").first).to_have_text(EVIL)
    await expect(page.locator(".deed")).to_have_count(4)
    stage.push("channel", channel(name=EVIL))
    await expect(page.locator("#channel-name")).to_have_text(EVIL)
    assert await page.locator("img").count() == 0
    assert await page.evaluate("window.broken_in") is None


async def test_every_action_and_reason_has_its_sentence(seen: Seen, stage: Stage) -> None:
    reasons: dict[str, list[str]] = {
        Action.REFUNDED: [each.value for each in Refusal],
        Action.ALARM: [each.value for each in Alarm],
        Action.ENDED: [each.value for each in Ended],
    }
    pairs = [(action.value, reason) for action in Action for reason in ["", *reasons.get(action, [])]]
    stage.deeds = [deed(f"{n}", action, reason=reason) for n, (action, reason) in enumerate(pairs)]
    page = await opened(seen, stage)
    # Not the inner text: a line that is out of sight is not laid out and has none.
    sentences = await page.locator(".deed p").all_text_contents()
    assert len(sentences) == len(pairs)
    for sentence, pair in zip(sentences, pairs, strict=True):
        assert sentence, pair
        assert "{" not in sentence, pair
        assert "new happened" not in sentence, pair
        assert "undefined" not in sentence, pair
    own = [sentence for sentence, (_, reason) in zip(sentences, pairs, strict=True) if reason]
    assert len(set(own)) == len(own)
    assert (
        await page.evaluate(
            "[...document.querySelectorAll('[data-word]')].filter(n => n.textContent === n.dataset.word).length"
        )
        == 0
    )


async def test_the_keyboard(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann"), vip("b", "ben"), vip("c", "נועה", viewer_login="noa")]
    page = await opened(seen, stage)
    await page.keyboard.press("/")
    await expect(page.locator("#filter")).to_be_focused()
    await page.keyboard.type("NOA")
    await expect(page.locator(".vip:visible")).to_have_count(1)
    assert await seen.text("#vips-tally") == "1 of 3"
    await page.keyboard.type("?")  # in a field, a key is a letter
    await expect(page.locator("#keys")).to_be_hidden()
    await expect(page.locator("#filter-empty")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".vip:visible")).to_have_count(3)
    await page.keyboard.press("Escape")  # leaves the field
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#keys")).to_be_hidden()

    await page.locator(".channel-tab").last.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".channel-tab[aria-current=true]")).to_have_text("otto_plays")
    await expect(page.locator(".vip")).to_have_count(3)
    assert "channel=2" in stage.asked[-1][1]


async def test_empty_teaches(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    await expect(page.locator("#vips-empty")).to_be_visible()
    await expect(page.locator("#deeds-empty")).to_be_visible()
    stage.push("vip", vip("a"))
    await expect(page.locator("#vips-empty")).to_be_hidden()


async def test_nothing_scrolls_sideways_on_a_phone(seen: Seen, stage: Stage) -> None:
    wide = "W" * 25
    stage.vips = [
        vip(f"{n}", wide, left=90_000 + n, total=200_000, reward_title="R" * 45) for n in range(200)
    ]
    stage.deeds = [deed(f"{n}", "vip.refunded", wide, reason="not_unlocked") for n in range(50)]
    for width in (390, 320, 700, 1000):
        await seen.page.set_viewport_size({"width": width, "height": 844})
        page = await opened(seen, stage)
        await expect(page.locator(".vip")).to_have_count(200)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.locator("#views [data-to=deeds]").click()
    await expect(page.locator(".deed").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_the_feed_is_bounded_and_never_repeats(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    for n in range(230):
        stage.push("activity", deed(f"{n}", name=f"v{n}"))
        stage.push("activity", deed(f"{n}", name=f"v{n}"))
    await expect(page.locator("#count-granted")).to_have_text("230")
    await expect(page.locator(".deed")).to_have_count(200)
    await expect(page.locator(".deed bdi").first).to_have_text("v229")


async def test_a_dropped_stream_goes_on_where_it_was(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    stage.push("vip", vip("a"))
    await expect(page.locator(".vip")).to_have_count(1)
    stage.hold.clear()
    stage.drop()
    await expect(page.locator("#state")).to_have_text("Stand by")
    await expect(page.locator("#favicon")).to_have_attribute("href", "/static/favicon-standby.svg")
    stage.hold.set()
    await expect(page.locator("#state")).to_have_text("Live")
    await expect(page.locator("#favicon")).to_have_attribute("href", "/static/favicon-go.svg")
    assert [last for last, _ in stage.asked] == ["", "7-2"]
    await expect(page.locator(".vip")).to_have_count(1)


async def test_a_stream_that_ended_for_good_is_rebuilt(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    stage.push("vip", vip("a"))
    await expect(page.locator(".vip")).to_have_count(1)
    stage.refuse = True
    stage.drop()
    await expect(page.locator("#state")).to_have_text("Connection lost")
    await expect(page.locator("#advice")).to_contain_text("try again in")
    await expect(page.locator(".vip")).to_have_count(1)  # what was known stays
    await expect(page.locator("#retry")).to_be_visible()
    stage.refuse = False
    await page.locator("#retry").dispatch_event("click")
    await expect(page.locator("#state")).to_have_text("Live")
    await expect(page.locator("#retry")).to_be_hidden()
    assert "last_event_id=7-2" in stage.asked[-1][1]
    assert [told for told in seen.wrong if "404" not in told] == []
    seen.wrong.clear()  # the browser itself notes each refusal


async def test_the_channels_state_is_the_lamp(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    for state, words, signal in (
        ("connecting", "Stand by", "standby"),
        ("needs_login", "Needs to log in again", "stop"),
        ("stopped", "Stopped", "stop"),
        ("live", "Live", "go"),
    ):
        stage.push("channel", channel(state))
        await expect(page.locator("#state")).to_have_text(words)
        await expect(page.locator(".stage-lamp")).to_have_attribute("data-signal", signal)
        await expect(page.locator("#ears")).to_contain_text(words)  # spoken, too


async def test_sign_in_and_the_end_of_a_session(seen: Seen, stage: Stage) -> None:
    stage.signed_in = False
    await seen.page.goto(stage.origin)
    await expect(seen.page.locator("#face-heading")).to_have_text("Sign in to see who is VIP")
    assert stage.asked == []
    await seen.page.get_by_role("button", name="Enter the demo").click()
    await expect(seen.page.locator("#state")).to_have_text("Live")
    stage.signed_in = False
    stage.push("auth", {})
    await expect(seen.page.locator("#face-trouble")).to_contain_text("Your session ended")
    await expect(seen.page.locator("#stage")).to_be_hidden()


async def test_the_theme_is_remembered(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    root = page.locator("html")
    await page.locator("#theme").click()
    await expect(root).to_have_attribute("data-theme", "light")
    await page.locator("#theme").click()
    await expect(root).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(root).to_have_attribute("data-theme", "dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 20, 18)"


async def test_the_error_page_stands_alone(seen: Seen, stage: Stage) -> None:
    await seen.page.goto(f"{stage.origin}/static/error.html")
    await expect(seen.page.get_by_role("heading")).to_have_text("We cannot show this page")
    await seen.page.get_by_role("link", name="Open the live page").click()
    await expect(seen.page.locator("#state")).to_have_text("Live")
