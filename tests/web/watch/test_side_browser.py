"""The side of a room in a real browser: people, chat, queue, and how well everybody keeps together."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from tests.web.browser import BROWSER, chromium
from tests.web.watch.hall import Hall, item, line, member
from tests.web.watch.looks import asked, in_room, opened

pytestmark = BROWSER
__all__ = ("chromium",)


async def test_the_host_looks_after_people(chromium: Browser, hall: Hall) -> None:
    hall.members += [member("m2", "Ben", vip=True), member("m3", "Cleo", "cohost")]
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await page.locator("#tab-people").click()
        await expect(page.locator(".people-row").nth(0)).to_contain_text("host")
        await expect(page.locator(".people-row").nth(2)).to_contain_text("VIP")

        async def choose(who: str, deed: str) -> None:
            await page.get_by_role("button", name=f"What to do about {who}").click()
            await page.get_by_role("menuitem", name=deed, exact=True).click()

        await choose("Ben", "Make co-host")
        assert (await asked(hall, "party:role"))[0] == {"memberId": "m2", "role": "cohost"}
        await choose("Ben", "Mute for 10 min")
        assert (await asked(hall, "party:mute"))[0] == {"memberId": "m2", "seconds": 600}
        await expect(page.locator(".people-row", has_text="Ben")).to_contain_text("muted")
        await choose("Ben", "Let speak again")
        await asked(hall, "party:unmute")
        for deed, heading, yes, kind in (
            ("Hand the room over", "Hand the room over to Cleo?", "Hand over", "party:host"),
            ("Send out", "Send Cleo out?", "Send out", "party:kick"),
            ("Ban", "Ban Cleo from this room?", "Ban", "party:ban"),
        ):
            await choose("Cleo", deed)
            await expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(heading)
            await page.get_by_role("dialog").get_by_role("button", name=yes).click()
            assert (await asked(hall, kind))[0] == {"memberId": "m3"}


async def test_a_crowd_is_shown_a_page_at_a_time(chromium: Browser, hall: Hall) -> None:
    hall.crowd = [member(f"m{n}", f"viewer {n:03}") for n in range(1, 121)]
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await page.locator("#tab-people").click()
        await expect(page.locator(".people-row")).to_have_count(50)
        await expect(page.locator(".people-head p")).to_have_text("120 people here")
        for shown in (100, 120):
            await page.get_by_role("button", name="Show more").click()
            await expect(page.locator(".people-row")).to_have_count(shown)
        await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
        await page.get_by_label("Find somebody").fill("viewer 117")
        await expect(page.locator(".people-row")).to_have_count(1)


async def test_the_chat_keeps_what_is_not_sent_and_shows_what_is_taken_back(
    chromium: Browser, hall: Hall
) -> None:
    hall.history = [line(1, "m2", "Ben", "hello"), line(2, "m1", "Ann", "mine")]
    hall.members.append(member("m2", "Ben"))
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        hall.refused["party:chat"] = {"code": "message_refused"}
        await page.get_by_label("Say something").fill("a word")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".toast")).to_have_text("This room does not want that word.")
        await expect(page.get_by_label("Say something")).to_have_value("a word")
        await page.locator(".chat-line").first.hover()
        await page.get_by_role("button", name="About the message of Ben").click()
        await page.get_by_role("menuitem", name="Take it back").click()
        await expect(page.locator(".chat-line").first).to_contain_text("taken back")
        await page.locator("#tab-people").click()
        await hall.say("party:chat", line(3, "m2", "Ben", "psst"))
        await expect(page.locator("#tab-chat .tab-count")).to_have_text("1")
        await expect(page.locator("#ears")).to_have_text("Ben: psst")
        hall.is_muted = True
        await hall.say("party:mute", {"memberId": "m1", "userName": "Ann", "until": 0, "by": "m2"})
        await page.locator("#tab-chat").click()
        await expect(page.get_by_label("Say something")).to_be_disabled()
        await expect(page.locator(".chat-hint")).to_contain_text("has muted you")


async def test_slow_mode_counts_down(chromium: Browser, hall: Hall) -> None:
    hall.role, hall.settings["slowSeconds"] = "member", 600
    hall.state["host"] = "m9"
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await expect(page.locator(".chat-hint")).to_have_text("Slow mode: a message each 10 min.")
        await page.get_by_label("Say something").fill("one")
        await page.keyboard.press("Enter")
        await asked(hall, "party:chat")
        await expect(page.locator(".chat-hint")).to_contain_text("your next message in 9 min")
        await page.get_by_label("Say something").fill("two")
        await expect(page.get_by_role("button", name="Send")).to_be_disabled()


async def test_the_queue_takes_addresses_votes_and_another_order(chromium: Browser, hall: Hall) -> None:
    hall.put_on(item("i0"))
    hall.queue = [item("q1", title="One"), item("q2", title="Two")]
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await page.locator("#tab-queue").click()
        await page.get_by_label("Address to add").fill("nonsense")
        await page.keyboard.press("Enter")
        await expect(page.locator(".queue-add [role=alert]")).to_contain_text("no https address")
        await page.get_by_label("Address to add").fill("https://example.org/three.mp4")
        await page.keyboard.press("Enter")
        await expect(page.locator(".queue-title")).to_have_text(["One", "Two", "three.mp4"])
        await page.get_by_role("button", name="0 votes for Two").click()
        await expect(page.locator(".queue-title")).to_have_text(["Two", "One", "three.mp4"])
        await expect(page.get_by_role("button", name="4 votes for Two")).to_have_attribute(
            "aria-pressed", "true"
        )
        await page.locator(".queue-row").first.get_by_role("button", name="Later").click()
        assert (await asked(hall, "party:queue:move"))[0] == {"itemId": "q2", "place": 1}
        await expect(page.locator(".queue-title")).to_have_text(["One", "Two", "three.mp4"])
        await expect(page.locator(".queue-skip")).to_contain_text("1 of 3 want to go on")
        await page.get_by_role("button", name="Skip this").click()
        await asked(hall, "party:queue:skip")


async def test_the_host_sees_how_everybody_does(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await page.locator("#tab-sync").click()
        await expect(page.locator("#panel-sync")).to_contain_text("no page can measure it")
        stats = {
            "players": 4,
            "p50": 3,
            "p95": 12,
            "buckets": [[1, 1], [2, 2], [4, 0], [None, 1]],
            "stalls": 0,
        }
        await hall.say("party:stats", {**stats, "clockErrMs": 2})
        await expect(page.locator(".sync-players")).to_contain_text("half within 3 ms")
        await expect(page.locator(".hist-bar")).to_have_count(3)
        await page.get_by_text("As a table").click()
        await expect(page.locator(".hist-table tbody tr")).to_have_text(["1 ms1", "2 ms2", "4 ms0", "more1"])
        await page.get_by_label("Shift my player").fill("120")
        await expect(page.locator("output")).to_have_text("120 ms ahead")
        await page.get_by_role("button", name="Back to zero").click()
        await expect(page.locator("output")).to_have_text("not shifted")
