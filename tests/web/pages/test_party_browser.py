"""The channel's watch party on the dashboard, in a real browser, the answers written by the server's own models."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.web.browser import BROWSER, EVIL, Seen
from tests.web.pages.answers import reward, rewards
from tests.web.stage import Call, Stage
from web.models.channel_party import ChannelPartyState

PARTY, POINTS = "/api/v1/party", "/api/channel-points"

pytestmark = BROWSER


def party(**changes: Any) -> Any:
    usual = {
        "room_id": "mint-owl-7kq4xz",
        "url": "https://cuelight.test/party/mint-owl-7kq4xz",
        "title": "Friday",
        "is_public": True,
        "vip_only": False,
        "opened_at": 1_790_000_000_000,
        "host": "Lumen",
        "film": "A short film",
        "queued": 2,
        "members": 14,
        "here": 12,
        "sync": {"players": 12, "drift_p50_ms": 8.0, "drift_p95_ms": 32.0},
    }
    return ChannelPartyState.model_validate({"party": usual | changes}).model_dump(mode="json")


async def opened(seen: Seen, stage: Stage, answer: Any) -> Page:
    stage.answers["GET", PARTY] = (200, answer)
    await seen.page.goto(f"{stage.origin}/watch-party")
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("Watch party")
    return seen.page


async def test_a_party_is_opened_for_vips(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, {"party": None})
    stage.answers["POST", PARTY] = (200, party(vip_only=True, is_public=False))
    await page.get_by_label("Title").fill("Friday ")
    await page.get_by_label("Who may come in").select_option("vips")
    stage.answers["GET", PARTY] = (200, party(vip_only=True, is_public=False))
    await page.get_by_role("button", name="Open the party").click()
    await expect(page.locator("#party-here")).to_have_text("12")
    [call] = stage.made("POST", PARTY)
    assert call.body == {"title": "Friday", "is_public": False, "vip_only": True}


async def test_it_shows_how_it_goes_in_a_line(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, party())
    await expect(page.locator("#party-sync")).to_contain_text(
        "12 players; half are within 8 ms of the film, nearly all within 32 ms"
    )
    await expect(page.locator("#party-film")).to_have_text("A short film")
    await expect(page.get_by_role("textbox", name="Link")).to_have_value(
        "https://cuelight.test/party/mint-owl-7kq4xz"
    )


async def test_only_what_differs_is_changed_and_it_is_closed_after_a_question(
    seen: Seen, stage: Stage
) -> None:
    page = await opened(seen, stage, party())

    def change(call: Call) -> tuple[int, Any]:
        return 200, party(**call.body)

    stage.answers["PATCH", PARTY] = change
    await page.get_by_label("Title").fill("Saturday")
    await page.locator(".save-bar").get_by_role("button", name="Save").click()
    await expect(page.locator(".save-bar")).to_be_hidden()
    [call] = stage.made("PATCH", PARTY)
    assert call.body == {"title": "Saturday", "is_public": True, "vip_only": False}
    stage.answers["DELETE", PARTY] = (200, {"party": None})
    await page.get_by_role("button", name="Close the party").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("12 people are in it")
    stage.answers["GET", PARTY] = (200, {"party": None})
    await dialog.get_by_role("button", name="Close the party").click()
    await expect(page.get_by_role("heading", name="No party is open")).to_be_visible()
    assert len(stage.made("DELETE", PARTY)) == 1


async def test_names_stay_text_and_an_installation_without_parties_says_so(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, party(host=EVIL, film=EVIL))
    await expect(page.locator("#party-host")).to_have_text(EVIL)
    del stage.answers["GET", PARTY]
    await page.reload()
    await expect(page.get_by_text("There are no watch parties here")).to_be_visible()
    assert all("404" in one for one in seen.wrong), "the browser itself notes what it did not find"
    seen.wrong.clear()


async def test_a_phone_shows_it_without_scrolling_sideways(seen: Seen, stage: Stage) -> None:
    await seen.page.set_viewport_size({"width": 375, "height": 800})
    page = await opened(seen, stage, party(title="x" * 80, film="y" * 200))
    await expect(page.locator("#party-here")).to_have_text("12")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_reward_adds_to_the_queue(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", POINTS] = (200, rewards(reward()))
    stage.answers["POST", POINTS] = (201, reward("r-2"))
    await seen.page.goto(f"{stage.origin}/rewards")
    page = seen.page
    await page.get_by_role("button", name="New reward").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Title").fill("Add a video")
    await dialog.get_by_label("Adds to the party’s queue").check()
    await expect(dialog.get_by_role("heading", name="How long")).to_be_hidden()
    await expect(dialog.get_by_label("Ask for a text")).to_be_hidden()
    await expect(dialog.locator(".tw-lasts")).to_have_text(
        "Whoever redeems it adds a video to your watch party."
    )
    await dialog.get_by_role("button", name="Create on Twitch").click()
    await expect(dialog).to_be_hidden()
    [call] = stage.made("POST", POINTS)
    assert (call.body["action"], call.body["user_input"]) == ("party_queue", True)
    assert not {"time", "rules", "pauses_when_full"} & call.body.keys()


async def test_the_list_says_what_a_reward_does(seen: Seen, stage: Stage) -> None:
    none = {"lasting": "fixed", "seconds": 0, "per": 1}
    stage.answers["GET", POINTS] = (200, rewards(reward(action="party_open", time=none)))
    await seen.page.goto(f"{stage.origin}/rewards")
    await expect(seen.page.locator(".reward-facts")).to_contain_text("opens the watch party")
    await expect(seen.page.locator(".reward-note")).to_have_count(0)


async def test_who_comes_to_watch_is_asked_for_nothing(seen: Seen, stage: Stage) -> None:
    stage.signed_in, stage.sign_in_url = False, "/api/auth/sign-in"
    await seen.page.goto(f"{stage.origin}/sign-in?return_to=%2Fparty%2Fmint-owl-7kq4xz")
    main = seen.page.locator("#sign-in-twitch")
    await expect(main).to_have_attribute(
        "href", "/api/auth/sign-in?return_to=%2Fparty%2Fmint-owl-7kq4xz&role=viewer"
    )
    await expect(seen.page.get_by_text("No permission, no channel needed.")).to_be_visible()
    await expect(seen.page.get_by_role("link", name="I help in somebody’s channel")).to_have_count(0)
