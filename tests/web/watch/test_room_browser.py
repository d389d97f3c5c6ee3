"""The room in a real browser, with the test clip as its film: what is seen, pressed and heard."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tests.web.browser import BROWSER, EVIL, chromium
from tests.web.watch.hall import ROOM, Hall, item, line, member
from tests.web.watch.looks import PHONE, asked, fits, in_room, opened

pytestmark = BROWSER
__all__ = ("chromium",)

RTL = "نورا أحمد عبد الرحمن"
DESK: ViewportSize = {"width": 1280, "height": 800}
ASLANT: ViewportSize = {"width": 844, "height": 390}
LONG = "Maximilian_Alexander_von_Regens"
FIRST_CUE = """node => new Promise((done) => {
    const look = () => (node.track.cues?.length ? done(node.track.cues[0].text) : node.addEventListener('load', look));
    look();
})"""


def crowded(hall: Hall) -> None:
    names = [LONG, RTL, EVIL, "ben", "cleo", "dara", "elif", "finn"]
    hall.members += [member(f"m{n}", name, vip=n == 4, here=n != 9) for n, name in enumerate(names, 2)]
    hall.history = [line(n, f"m{n % 8 + 2}", names[n % 8], f"{EVIL} {'long' * 40} {RTL}") for n in range(60)]
    hall.queue = [item(f"q{n}", title=f"{EVIL} {n}", by="m4", votes=n) for n in range(20)]
    hall.put_on(item("i0", title=f"{EVIL} {'A very long title ' * 6}", by="m4"), pos=3.0)
    hall.settings["title"] = EVIL


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_a_full_room_fits_and_names_are_text(chromium: Browser, hall: Hall, scheme: str) -> None:
    crowded(hall)
    async with opened(chromium, hall, color_scheme=scheme) as seen:
        page = seen.page
        await in_room(page)
        await expect(page.locator(".top-title")).to_have_text(EVIL)
        await expect(page.locator(".chat-name").nth(2)).to_have_text(EVIL)
        for size in (DESK, PHONE, ASLANT):
            await page.set_viewport_size(size)
            for tab in ("chat", "people", "queue", "sync"):
                await page.locator(f"#tab-{tab}").click()
                await expect(page.locator(f"#panel-{tab}")).to_be_visible()
                await fits(page, size["width"])
            deck = await page.locator(".deck").bounding_box()
            full = await page.get_by_role("button", name="Full screen").bounding_box()
            assert deck is not None
            assert full is not None
            assert full["x"] + full["width"] <= deck["x"] + deck["width"], "every button is in the deck"
        await page.set_viewport_size(PHONE)
        await page.locator("#tab-chat").click()
        box = await page.locator(".chat-input").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, "what one writes into is in sight"
        screen = await page.locator(".screen").bounding_box()
        assert screen is not None
        assert screen["y"] < 60, "the film is at the top"
        assert await page.evaluate("window.broken_in ?? null") is None


async def test_an_empty_room_teaches_the_first_step(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall, viewport=PHONE) as seen:
        page = seen.page
        await in_room(page)
        await expect(page.locator(".cover")).to_contain_text("The screen is yours")
        await fits(page, 390)
        await page.locator(".cover").get_by_role("button", name="Choose a film").click()
        for wrong in (
            "javascript:alert(1)",
            "http://example.org/a.mp4",
            "https://a:b@example.org/x.mp4",
            "ftp://x.y/z",
        ):
            await page.get_by_label("Address", exact=True).fill(wrong)
            await page.get_by_role("button", name="Play now").click()
            await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("no https address")
        await page.get_by_role("button", name="Take the test clip").click()
        await page.get_by_role("button", name="Play now").click()
        [media] = await asked(hall, "party:media")
        assert media["item"]["kind"] == "video"
        assert media["item"]["duration"] > 5
        await expect(page.locator(".cover")).to_be_hidden()
        await expect(page.locator(".now-title")).to_have_text("Test clip")


async def test_the_kind_of_an_address_is_known(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall) as seen:
        await in_room(seen.page)
        found = await seen.page.evaluate(
            """import('/static/watch/film.js').then(({itemOf}) => [
                'https://example.org/a.mp4', 'example.org/live.m3u8?x=1', 'https://youtu.be/aqz-KE-bpKQ?t=3', 'aqz',
                'https://www.youtube.com/watch?list=x&v=aqz-KE-bpKQ', '/static/watch/clip.mp4', '', 'data:video/mp4,x',
            ].map((each) => itemOf(each)?.kind ?? null))"""
        )
        assert found == ["video", "hls", "youtube", None, "youtube", "video", None, None]


STRICT = """
    const play = HTMLMediaElement.prototype.play;
    addEventListener('click', () => { window.touched = true; }, { capture: true });
    HTMLMediaElement.prototype.play = function () {
      if (window.touched) return play.call(this);
      return Promise.reject(new DOMException('play() failed: no gesture', 'NotAllowedError'));
    };
"""
"""Browsers differ in what they let play with sound; this one lets nothing, until somebody pressed something."""


async def test_the_film_is_tapped_once_where_the_browser_wants_it(chromium: Browser, hall: Hall) -> None:
    hall.put_on(item("i0"), playing=True)
    async with opened(chromium, hall) as seen:
        page = seen.page
        await page.add_init_script(STRICT)
        await page.reload()
        await in_room(page)
        tap = page.get_by_role("button", name="Tap to join")
        await expect(tap).to_be_focused()
        await tap.click()
        await expect(page.locator(".cover")).to_be_hidden()
        await expect(page.locator(".top-sync")).to_contain_text("In sync, ±", timeout=20_000)
        await expect(page.locator(".top .lamp")).to_have_attribute("data-signal", "go")


async def test_the_keyboard_does_everything(chromium: Browser, hall: Hall) -> None:
    hall.put_on(item("i0"), pos=10.0)
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await expect(page.locator(".deck-here")).to_have_text("0:10")
        await page.keyboard.press("Space")
        assert (await asked(hall, "party:play"))[0]["currentTime"] == 10.0
        await expect(page.get_by_role("button", name="Pause")).to_be_visible()
        await page.keyboard.press("k")
        await asked(hall, "party:pause")
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("ArrowRight")
        [back, on] = await asked(hall, "party:seek", 2)
        assert back["currentTime"] < on["currentTime"]
        await page.keyboard.press("m")
        await expect(page.get_by_role("button", name="Sound on for me")).to_be_visible()
        assert await page.locator("video").evaluate("node => node.muted")
        await page.keyboard.press("t")
        await expect(page.locator(".side-room")).to_be_hidden()
        await page.keyboard.press("t")
        await page.keyboard.press("3")
        await expect(page.locator("#tab-queue")).to_be_focused()
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#tab-sync")).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_contain_text("5 seconds back or on")
        await page.keyboard.press("m")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Sound on for me")).to_be_visible()
        await page.keyboard.press("c")
        await page.keyboard.type("mk f?")
        await expect(page.locator(".chat-input")).to_have_value("mk f?")
        before = len(hall.heard)
        await page.keyboard.press("Enter")
        assert (await asked(hall, "party:chat"))[0]["message"] == "mk f?"
        assert {kind for kind, _ in hall.heard[before:]} <= {"party:chat", "party:report", "party:pong"}


async def test_who_does_not_steer_is_told_who_does(chromium: Browser, hall: Hall) -> None:
    hall.role = "member"
    hall.members = [member("m1", "Ann"), member("m2", "Ben", "host")]
    hall.state["host"] = "m2"
    hall.put_on(item("i0"))
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await expect(page.locator(".deck-lock")).to_have_text("The host steers")
        await expect(page.get_by_label("Where the film is")).to_be_disabled()
        await page.keyboard.press("Space")
        await page.keyboard.press("ArrowRight")
        await page.locator("#tab-people").click()
        await expect(page.get_by_role("button", name="What to do about Ben")).to_be_hidden()
        await expect(page.get_by_role("button", name="Room settings")).to_be_hidden()
        hall.settings["control"] = "member"
        await hall.say("party:settings", {"settings": {"control": "member"}})
        await page.get_by_role("button", name="Play", exact=True).click()
        await asked(hall, "party:play")
        assert not [1 for kind, _ in hall.heard if kind == "party:seek"]


async def test_everybody_sees_whom_the_room_waits_for_and_until_when(chromium: Browser, hall: Hall) -> None:
    hall.put_on(item("i0"), pos=4.0)
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        barrier = {"barrierId": "b1", "reason": "stall", "until": hall.now + 60_000_000}
        await hall.state_is("party:barrier", barrier=barrier)
        await hall.say("party:waiting", {"count": 3, "names": [RTL, EVIL]})
        await expect(page.locator(".over")).to_contain_text(f"Waiting for {RTL}, {EVIL} and 1 more")
        await expect(page.locator(".over")).to_contain_text("at most")
        await expect(page.locator(".top-sync")).to_have_text("The room waits")
        await hall.state_is("party:play", barrier=None, playing=True, ts=hall.now + 30_000_000)
        await expect(page.locator(".over")).to_contain_text("Begins in 2")


async def test_a_lost_line_is_amber_and_comes_back(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall, forgiven=("WebSocket",)) as seen:
        page = seen.page
        await in_room(page)
        hall.open.clear()
        await hall.bye(4000, 30_000)
        banner = page.locator(".line-banner")
        await expect(banner).to_contain_text("What you missed comes back. We try again in")
        await expect(page.locator(".top .lamp")).to_have_attribute("data-signal", "standby")
        await expect(page.locator(".chat-hint")).to_contain_text("when the line is back")
        hall.open.set()
        await banner.get_by_role("button", name="Try now").click()
        await expect(banner).to_be_hidden()
        assert "resumeToken" in (await asked(hall, "party:resume"))[0]


async def test_a_tab_that_is_loaded_anew_keeps_its_seat(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall) as seen:
        await in_room(seen.page)
        await seen.page.reload()
        await in_room(seen.page)
        assert "resumeToken" in (await asked(hall, "party:resume"))[0]
        assert len(await asked(hall, "party:join")) == 1
        await seen.page.get_by_role("button", name="Menu").click()
        await seen.page.get_by_role("menuitem", name="Leave the room").click()
        await asked(hall, "party:leave")
        await expect(seen.page.locator("#main")).to_have_attribute("data-page", "lobby")
        assert await seen.page.evaluate("sessionStorage.length") == 0


async def test_subtitles_and_own_files_stay_here(chromium: Browser, hall: Hall) -> None:
    hall.put_on(item("i0", kind="file", url="holiday.mp4", title=""))
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await expect(page.locator(".cover")).to_contain_text("Open your copy of holiday.mp4")
        clip = await (await seen.context.request.get(f"{hall.origin}/static/watch/clip.mp4")).body()
        async with page.expect_file_chooser() as choosing:
            await page.get_by_role("button", name="Open the file").click()
        await (await choosing.value).set_files({"name": "mine.mp4", "mimeType": "video/mp4", "buffer": clip})
        await expect(page.locator("video")).to_have_attribute("src", re.compile("^blob:"))
        await page.get_by_role("button", name="Subtitles").click()
        srt = b"1\n00:00:00,000 --> 00:00:09,000\nGood evening\n"
        await page.get_by_label("File (.vtt or .srt)").set_input_files(
            {"name": "a.srt", "mimeType": "text/plain", "buffer": b"<html>"}
        )
        await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("no subtitles")
        await page.get_by_label("File (.vtt or .srt)").set_input_files(
            {"name": "a.srt", "mimeType": "text/plain", "buffer": srt}
        )
        await expect(page.get_by_role("dialog")).to_be_hidden()
        assert await page.locator("track").evaluate(FIRST_CUE) == "Good evening"


async def test_invites_and_settings_are_the_hosts(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await page.get_by_role("button", name="Invite").click()
        await page.get_by_label("How many").select_option("25")
        await page.get_by_label("Good for").select_option("604800")
        await page.get_by_role("button", name="Make a link").click()
        await expect(page.locator(".invite-made")).to_contain_text(
            f"{hall.origin}/party/{ROOM}?invite=v1.abc.def"
        )
        assert (await asked(hall, "party:invite"))[0] == {"role": "guest", "uses": 25, "seconds": 604800}
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Room settings").click()
        await page.get_by_label("Name of the room").fill("Late film")
        await page.get_by_label("Words that are not said here").fill("spoiler, Ending")
        await page.get_by_role("button", name="Save").click()
        assert (await asked(hall, "party:settings"))[0] == {
            "settings": {"title": "Late film", "words": ["spoiler", "Ending"]}
        }
        await expect(page.locator(".top-title")).to_have_text("Late film")
        await page.get_by_role("button", name="Menu").click()
        await page.get_by_role("menuitem", name="Close the room").click()
        await expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text("Close Late film?")
        await page.get_by_role("button", name="Close for everybody").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("This room is closed")


async def test_feelings_rise_and_are_sent(chromium: Browser, hall: Hall) -> None:
    async with opened(chromium, hall, viewport=PHONE) as seen:
        page = seen.page
        await in_room(page)
        await page.get_by_role("button", name="Fire").click()
        assert (await asked(hall, "party:react"))[0] == {"emoji": "🔥"}
        await expect(page.locator(".rise .feeling-fire").first).to_be_attached()


async def test_the_room_speaks_the_language(chromium: Browser, hall: Hall) -> None:
    crowded(hall)
    for locale, tab in (
        ("de-DE", "Gleichlauf"),
        ("fr-FR", "Synchro"),
        ("es-ES", "Sincronía"),
        ("pt-BR", "Sincronia"),
    ):
        async with opened(chromium, hall, locale=locale, viewport=PHONE) as seen:
            await in_room(seen.page)
            await expect(seen.page.locator("#tab-sync")).to_contain_text(tab)
            for name in ("people", "queue", "sync"):
                await seen.page.locator(f"#tab-{name}").click()
                await fits(seen.page, 390)
            assert await seen.page.evaluate("document.documentElement.lang") == locale[:2]


async def test_who_may_not_steer_has_the_other_buttons_also_on_a_phone(chromium: Browser, hall: Hall) -> None:
    crowded(hall)
    hall.role, hall.settings["control"] = "member", "cohost"
    for locale in ("en-GB", "de-DE", "fr-FR", "es-ES", "pt-BR"):
        async with opened(chromium, hall, locale=locale, viewport=PHONE) as seen:
            await in_room(seen.page)
            await expect(seen.page.locator(".deck-lock")).to_be_visible()
            await expect(seen.page.locator(".deck-row button:visible").last).to_be_in_viewport(ratio=1)


async def test_one_kind_of_film_follows_another_and_what_does_not_play_says_so(
    chromium: Browser, hall: Hall
) -> None:
    hall.put_on(item("i0", kind="hls", url="/static/watch/clip.m3u8", duration=None))
    async with opened(chromium, hall) as seen:
        page = seen.page
        await in_room(page)
        await expect(page.locator(".deck-whole")).to_have_text(
            "0:24"
        )  # the player knows, where the room does not
        no_film = item("i1", url="/static/watch/app.js")
        await hall.state_is("party:media", mediaId="i1", item=no_film, dur=None, pos=0.0)
        await expect(page.locator(".cover")).to_contain_text("This does not play here")
        own = item("i2", kind="file", url=EVIL, title="")
        await hall.state_is("party:media", mediaId="i2", item=own)
        await expect(page.locator(".cover")).to_contain_text(f"Open your copy of {EVIL}")
        await expect(page.locator("video")).to_have_count(0)
        await hall.state_is("party:media", mediaId="i3", item=item("i3"), dur=20.0)
        await expect(page.locator(".cover")).to_be_hidden()
        await page.get_by_role("button", name="Speed").click()
        await page.get_by_role("menuitemradio", name="1.5 ×").click()
        assert (await asked(hall, "party:rate"))[0] == {"rate": 1.5}
        await expect(page.locator(".deck-rate")).to_have_text("1.5 ×")
