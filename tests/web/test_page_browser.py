"""The overview in a real browser, on its real files under the real policy; only the events are scripted."""

from __future__ import annotations

import re
import sys
from typing import Any

from playwright.async_api import expect

from domain.audit import Action
from domain.redemption import Alarm, Refusal
from domain.vip import Ended
from tests.web.browser import BROWSER, EVIL, Seen, opened
from tests.web.stage import Stage, channel, deed, now, vip
from tests.web.stage_answers import analytics, settings

pytestmark = BROWSER


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
    await expect(page.locator("#count-next")).to_have_text("Ben")

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


async def test_vips_without_an_end_say_why(seen: Seen, stage: Stage) -> None:
    stage.vips = [
        vip("hand:1", "old_friend", expires_at=None, method="by_hand"),
        vip("hand:2", "sister", expires_at=None, method="by_hand", protected=True),
        vip("c", "guest", left=3000, until_stream_end=True, after_stream_ms=300_000),
    ]
    page = await opened(seen, stage)
    rows = page.locator(".vip")
    await expect(rows.locator(".vip-name")).to_have_text(["guest", "old_friend", "sister"])
    await expect(rows.nth(0)).to_contain_text("until the stream ends, then 5 min")
    await expect(rows.nth(1).locator(".vip-why")).to_have_text("by hand on Twitch")
    await expect(rows.nth(1).locator(".vip-left")).to_have_text("no end")
    await expect(rows.nth(2)).to_contain_text("protected, stays VIP")
    await expect(page.locator("#count-now")).to_have_text("1")
    await expect(page.locator("#count-next")).to_have_text("guest")


async def test_a_reset_replaces_everything(seen: Seen, stage: Stage) -> None:
    stage.vips, stage.deeds = [vip("a", "ann"), vip("b", "ben")], [deed("1")]
    page = await opened(seen, stage)
    await expect(page.locator(".vip")).to_have_count(2)
    stage.vips = [vip("b", "ben"), vip("c", "cleo", left=90), vip("d", "dan", status="ended")]
    stage.deeds = [deed("9", "vip.refunded", "dan", reason="slots_full"), deed("8", name="cleo")]
    stage.reset()
    await expect(page.locator(".vip-name")).to_have_text(["ben", "cleo"])
    await expect(page.locator(".deed p")).to_have_text(
        [
            "Your VIP slots are full, so there was no place for dan. We gave 500 points back.",
            "cleo became VIP for 20 s.",
        ]
    )
    # What happened while the line was down is counted, once.
    await expect(page.locator("#count-refunded")).to_have_text("1")
    stage.reset()
    stage.push("activity", deed("10", "vip.refunded", "eve", reason="moderator"))
    await expect(page.locator("#count-refunded")).to_have_text("2")


async def test_todays_numbers_begin_with_the_servers(seen: Seen, stage: Stage) -> None:
    told = analytics()
    told["days"][-1] |= {"granted": 41, "refunded": 3}
    stage.answers["GET", "/api/analytics"] = (200, told)
    stage.deeds = [deed("1", at=told["now"] - 5_000)]  # counted already
    page = await opened(seen, stage)
    await expect(page.locator("#count-granted")).to_have_text("41")
    stage.push("activity", deed("2", at=now() + 1_000))
    await expect(page.locator("#count-granted")).to_have_text("42")
    await expect(page.locator("#count-refunded")).to_have_text("3")


async def test_markup_in_names_stays_text(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", EVIL, reward_title=EVIL, viewer_login="evil")]
    stage.deeds = [
        deed("1", name=EVIL, detail={"reward_title": EVIL, "reward_cost": EVIL, "seconds": EVIL}),
        deed("2", "vip.ended", EVIL, reason="revoked", actor={"kind": "streamer", "id": "1", "name": EVIL}),
        deed("3", EVIL, reason=EVIL, cause=EVIL),
        deed("4", "constructor", reason="__proto__"),
    ]
    stage.waiting = waiting(EVIL)
    page = await opened(seen, stage)
    await expect(page.locator(".vip-name bdi").first).to_have_text(EVIL)
    await expect(page.locator(".deed")).to_have_count(4)
    await expect(page.locator(".waiting-row .person-name")).to_have_text(EVIL)
    assert await page.locator("img").count() == 0
    assert await page.evaluate("window.broken_in") is None


async def test_every_action_and_reason_has_its_sentence(seen: Seen, stage: Stage) -> None:
    reasons: dict[str, list[str]] = {
        Action.REFUNDED: [each.value for each in Refusal],
        Action.REFUSED: [each.value for each in Refusal],
        Action.ALARM: [each.value for each in Alarm],
        Action.ENDED: [each.value for each in Ended],
    }
    pairs = [(action.value, reason) for action in Action for reason in ["", *reasons.get(action, [])]]
    lines = [deed(f"{n}", action, reason=reason) for n, (action, reason) in enumerate(pairs)]
    stage.answers["GET", "/api/audit-log"] = (200, {"entries": lines, "cursor": None})
    page = await opened(seen, stage, "/activity")
    await expect(page.locator(".deed p")).to_have_count(len(pairs))
    # Not the inner text: a line that is out of sight is not laid out and has none.
    sentences = await page.locator(".deed p").all_text_contents()
    marks = await page.locator(".deed-word > span:first-child").all_text_contents()
    for sentence, word, pair in zip(sentences, marks, pairs, strict=True):
        assert sentence, pair
        assert "{" not in sentence, pair
        assert "new happened" not in sentence, pair
        assert "undefined" not in sentence, pair
        assert word != pair[0], f"{pair} has no word"
    own = [sentence for sentence, (_, reason) in zip(sentences, pairs, strict=True) if reason]
    assert len(set(own)) == len(own)


async def test_the_filter_and_the_keyboard(seen: Seen, stage: Stage) -> None:
    stage.vips = [vip("a", "ann"), vip("b", "ben"), vip("c", "נועה", viewer_login="noa")]
    page = await opened(seen, stage)
    await expect(page.locator(".vip")).to_have_count(3)
    await page.keyboard.press("/")
    await expect(page.locator("#filter")).to_be_focused()
    await page.keyboard.type("NOA")
    await expect(page.locator(".vip:visible")).to_have_count(1)
    assert await seen.text("#vips-tally") == "1 of 3"
    await page.keyboard.type("?")  # in a field, a key is a letter
    await expect(page.locator("#keys")).to_have_count(0)
    await expect(page.locator("#filter-empty")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".vip:visible")).to_have_count(3)
    await page.keyboard.press("Escape")  # leaves the field
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#keys")).to_have_count(0)


async def test_empty_teaches_the_next_step(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    await expect(page.locator("#vips-empty")).to_contain_text("A viewer redeems your VIP reward")
    await expect(page.locator("#deeds-empty")).to_be_visible()
    stage.push("vip", vip("a"))
    await expect(page.locator("#vips-empty")).to_be_hidden()

    none: dict[str, Any] = {"rewards": [], "others": [], "can_create": True, "why_not": ""}
    stage.answers["GET", "/api/channel-points"] = (200, none)
    page = await opened(seen, stage)
    link = page.get_by_role("link", name="Make a reward")
    await expect(link).to_have_attribute("href", re.compile(r"^/rewards"))
    stage.answers["GET", "/api/settings"] = (200, settings(wizard_done=False))
    page = await opened(seen, stage)
    await expect(page.get_by_role("link", name="Set up your channel")).to_be_visible()
    stage.role = "moderator"
    page = await opened(seen, stage)
    await expect(page.get_by_role("link", name="Set up your channel")).to_have_count(0)


async def test_nothing_scrolls_sideways_on_a_phone(seen: Seen, stage: Stage) -> None:
    wide = "W" * 25
    stage.vips = [
        vip(f"{n}", wide, left=90_000 + n, total=200_000, reward_title="R" * 45) for n in range(200)
    ]
    stage.deeds = [deed(f"{n}", "vip.refunded", wide, reason="not_unlocked") for n in range(50)]
    stage.waiting = waiting(wide)
    stage.answers["GET", "/api/audit-log"] = (200, {"entries": stage.deeds, "cursor": None})
    for path in ("/", "/activity", "/connection", "/sign-in"):
        await seen.page.goto(stage.origin + path)
        await expect(seen.page.locator("#main")).not_to_have_attribute("data-page", "")
        if path == "/":
            await expect(seen.page.locator(".vip")).to_have_count(200)
        for width in (390, 320, 700, 1000):
            await seen.page.set_viewport_size({"width": width, "height": 844})
            assert await seen.page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


async def test_the_feed_is_bounded_and_never_repeats(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    for n in range(230):
        stage.push("activity", deed(f"{n}", name=f"v{n}"))
        stage.push("activity", deed(f"{n}", name=f"v{n}"))
    await expect(page.locator("#count-granted")).to_have_text("230")
    await expect(page.locator(".deed")).to_have_count(20)
    await expect(page.locator(".deed bdi").first).to_have_text("v229")


async def test_200_vips_and_20_events_a_second_keep_the_page_quick(seen: Seen, stage: Stage) -> None:
    """Counts the long tasks of the page while it scrolls, and prints them; a time on this machine proves nothing."""
    stage.vips = [vip(f"{n}", f"viewer_{n}", left=600 + n * 30, total=9000) for n in range(200)]
    page = await opened(seen, stage)
    await expect(page.locator(".vip")).to_have_count(200)
    await page.evaluate(
        """() => {
            window.long = [];
            new PerformanceObserver((list) => window.long.push(...list.getEntries().map((each) => each.duration)))
                .observe({ type: "longtask" });
            window.frames = 0;
            const frame = () => { window.frames += 1; scrollBy(0, 40); requestAnimationFrame(frame); };
            requestAnimationFrame(frame);
        }"""
    )
    for n in range(60):
        await page.wait_for_timeout(50)
        stage.push("vip", vip(f"{n}", f"viewer_{n}", left=8000 + n, total=9000, extensions=n))
        stage.push("activity", deed(f"x{n}", "vip.extended", f"viewer_{n}"))
    await expect(page.locator(".deed bdi").first).to_have_text("viewer_59")
    long, frames = await page.evaluate("[window.long, window.frames]")
    sys.stdout.write(f"long tasks: {len(long)}, longest {max(long, default=0):.0f} ms; frames: {frames}\n")
    rows = page.locator(".vip")
    assert await rows.count() == 200
    # Rows out of sight are not laid out, and their countdown is not written.
    skipped = await page.evaluate(
        "[...document.querySelectorAll('.vip')].filter(n => !n.querySelector('.vip-left').checkVisibility("
        "{contentVisibilityAuto: true})).length"
    )
    assert skipped > 100


async def test_a_dropped_stream_goes_on_where_it_was(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    stage.push("vip", vip("a"))
    await expect(page.locator(".vip")).to_have_count(1)
    stage.hold.clear()
    stage.drop()
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    await expect(page.locator("#status")).to_have_attribute("data-signal", "standby")
    await expect(page.locator("#fresh")).to_contain_text("data from")
    await expect(page.locator("#favicon")).to_have_attribute("href", "/static/favicon-standby.svg")
    await expect(page.locator("#banner")).to_be_visible()  # once it has lasted
    stage.hold.set()
    await expect(page.locator("#state")).to_have_text("Live")
    await expect(page.locator("#banner")).to_be_hidden()
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
    await expect(page.locator("#banner-text")).to_contain_text("try again in")
    await expect(page.locator(".vip")).to_have_count(1)  # what was known stays
    await expect(page.locator("#retry")).to_be_visible()
    stage.refuse = False
    await page.locator("#retry").dispatch_event("click")
    await expect(page.locator("#state")).to_have_text("Live")
    await expect(page.locator("#retry")).to_be_hidden()
    assert "last_event_id=7-2" in stage.asked[-1][1]
    seen.forgive("404")


async def test_the_channels_state_is_the_lamp(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage)
    for state, words, signal in (
        ("connecting", "Stand by", "standby"),
        ("needs_login", "Needs to sign in again", "stop"),
        ("stopped", "Stopped", "stop"),
        ("live", "Live", "go"),
    ):
        stage.push("channel", channel(state))
        await expect(page.locator("#state")).to_have_text(words)
        await expect(page.locator(".brand .lamp")).to_have_attribute("data-signal", signal)
        await expect(page.locator("#ears")).to_contain_text(words)  # spoken, too
        await expect(page.locator("#login-again")).to_be_visible(visible=state == "needs_login")


def waiting(*names: str) -> dict[str, Any]:
    at = now()
    return {
        "channel": "1",
        "cap": 10,
        "held": 10,
        "full": True,
        "entries": [
            {
                "redemption_id": f"w-{name.lower()}",
                "viewer_id": f"u{n}",
                "viewer_login": name.lower(),
                "viewer_name": name,
                "reward_id": "r-1",
                "reward_title": name,
                "redeemed_at": at,
                "since": at,
                "until": at + 60_000,
                "position": n,
            }
            for n, name in enumerate(names, 1)
        ],
    }
