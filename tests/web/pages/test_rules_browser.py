"""Rules, settings and messages in a real browser, the answers scripted in the server's own shapes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from domain import messages
from tests.web.browser import BROWSER, EVIL, Seen
from tests.web.pages.answers import DAY, NO_RULES, catalogue, preview, reward, rewards, settings, viewers
from tests.web.stage import Call, Stage

SETTINGS = "/api/settings"

pytestmark = BROWSER


async def opened(seen: Seen, stage: Stage, path: str, **changes: Any) -> Page:
    stage.answers["GET", SETTINGS] = (200, settings(**changes))
    stage.answers["PATCH", SETTINGS] = lambda call: (200, settings(**changes | merged(call)))
    stage.answers["GET", "/api/settings/messages"] = (200, catalogue())
    stage.answers["POST", "/api/settings/messages/preview"] = lambda call: (200, preview(call.body["text"]))
    stage.answers.setdefault(("GET", "/api/viewers"), (200, viewers("allow")))
    await seen.page.goto(stage.origin + path)
    await expect(seen.page.locator(".form")).not_to_have_count(0)
    return seen.page


def merged(call: Call) -> dict[str, Any]:
    """What a change names, at the first level; nested objects whole."""
    usual = settings()
    return {
        key: {**usual[key], **value} if isinstance(value, dict) else value
        for key, value in call.body.items()
        if key != "discord"
    }


async def test_a_rule_is_changed_and_only_its_part_is_sent(seen: Seen, stage: Stage) -> None:
    said = settings()["messages"] | {"texts": {"refunded.follows_too_short": "{viewer}, follow {channel}!"}}
    stage.answers["GET", "/api/channel-points"] = (200, rewards(reward(), reward("r-2", rules=NO_RULES)))
    page = await opened(seen, stage, "/rules", messages=said)
    await expect(page.locator(".save-bar")).to_be_hidden()
    # A limit below what a reward gives refuses everybody, except where the reward has rules of its own.
    await page.get_by_label("A limit to the time ahead").check()
    await expect(page.locator(".warnings .notice")).to_have_count(0)
    await page.get_by_label("At most so much VIP time ahead", exact=True).fill("6")
    await page.get_by_label("Unit of At most so much VIP time ahead").select_option("days")
    await expect(page.locator(".warnings .notice")).to_have_text(
        re.compile("^Nobody gets this: VIP for a week gives VIP for 1 week, more than 6 days ahead")
    )
    await page.get_by_label("A limit to the time ahead").uncheck()
    await expect(page.locator(".warnings .notice")).to_have_count(0)
    await page.get_by_label("Followers of some time").check()
    await page.get_by_label("Has followed for at least", exact=True).fill("3")
    sentence = page.locator(".they-read:visible").first
    await expect(sentence).to_contain_text("lumen_live: StarlightFox, follow LumenLive!")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".save-bar")).to_be_hidden()
    [call] = stage.made("PATCH", SETTINGS)
    assert call.body == {"rules": NO_RULES | {"min_follow_seconds": 3 * 7 * DAY}}


async def test_full_slots_and_other_causes(seen: Seen, stage: Stage) -> None:
    said = settings()["messages"] | {"texts": {"waiting": "You are number {position}."}}
    page = await opened(seen, stage, "/rules", messages=said)
    await page.get_by_label("Waiting list").check()
    await expect(page.locator(".they-read:visible")).to_contain_text("You are number 3.")
    await page.get_by_label("Wait at most", exact=True).fill("2")
    await page.get_by_label("Bits", exact=True).check()
    await expect(page.locator(".example:visible")).to_have_text("500 bits → 5 days")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".save-bar")).to_be_hidden()
    [call] = stage.made("PATCH", SETTINGS)
    assert call.body == {
        "limits": {"cap": 0, "when_full": "wait", "longest_wait_seconds": 7200},
        "causes": {"bits": {"lasting": "per_unit", "seconds": DAY, "per": 100}},
    }


async def test_somebody_elses_change_does_not_take_mine(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/rules")
    await expect(page.locator("#state")).to_have_text("Live")
    await page.get_by_label("Subscribers only").check()
    stage.answers["GET", SETTINGS] = (200, settings(rules=NO_RULES | {"allow_only": True}))
    stage.push("settings", {"channel": "1", "at": 1, "by": None, "parts": ["rules"]})
    await expect(page.get_by_label("Only viewers on the allow list")).to_be_checked()
    await expect(page.get_by_label("Subscribers only")).to_be_checked()  # not saved, and still there
    await expect(page.locator(".save-bar")).to_be_visible()


async def test_lists_find_add_remove_and_undo(seen: Seen, stage: Stage) -> None:
    held = {"ann": "1"}
    stage.answers["GET", "/api/viewers"] = lambda call: (200, viewers(call.query["listed"], *held))
    stage.answers["GET", "/api/viewers/find"] = lambda call: (
        (404, {"code": "viewer.unknown", "detail": "Nobody."})
        if call.query["login"] == "nobody"
        else (200, {"id": "7", "login": call.query["login"], "name": call.query["login"].title()})
    )

    def put(call: Call) -> tuple[int, Any]:
        held.pop("ann", None) if call.body["listed"] == "" else held.update({"Ben": "7"})
        return 200, {"id": "7", "login": "ben", "name": "Ben", "listed": call.body["listed"], "seen_at": 0}

    stage.answers["PUT", "/api/viewers"] = put
    page = await opened(seen, stage, "/rules")
    people = page.locator("#lists")
    await expect(people.locator(".person-name bdi:first-child")).to_have_text(["ann"])
    name = people.get_by_label("Twitch name for the allow list")
    await name.fill("not a name")
    await people.get_by_role("button", name="Add").click()
    await expect(people).to_contain_text("up to 25 letters")
    await name.fill("nobody")
    await name.press("Enter")
    await expect(people).to_contain_text("Twitch knows nobody called nobody.")
    await name.fill("@Ben")
    await name.press("Enter")
    await expect(people.locator(".person-name bdi:first-child")).to_have_text(["ann", "Ben"])
    await expect(name).to_have_value("")
    assert stage.made("PUT", "/api/viewers")[-1].body == {"viewer": "7", "listed": "allow"}
    await people.get_by_role("button", name="Take ann off the list").click()
    await expect(people.locator(".person-name bdi:first-child")).to_have_text(["Ben"])
    await expect(page.locator(".toast").last).to_contain_text("Undo")
    await people.get_by_role("button", name="Protected").click()
    await expect(people).to_contain_text("We never take VIP from these")
    seen.forgive("404")


async def test_moderators_look_at_rules(seen: Seen, stage: Stage) -> None:
    stage.role = "moderator"
    page = await opened(seen, stage, "/rules")
    await expect(page.locator("main")).to_contain_text("Only lumen_live can change rules.")
    await expect(page.get_by_label("Subscribers only")).to_be_disabled()
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)


async def test_a_message_is_written_with_its_places(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/settings")
    await page.get_by_role("button", name="Change: A viewer becomes VIP").click()
    dialog = page.get_by_role("dialog")
    text = dialog.get_by_label("Text")
    await expect(text).to_be_focused()
    await expect(dialog.get_by_role("button", name="Back to the standard text")).to_be_disabled()
    await text.fill("Hello ")
    await dialog.get_by_role("button", name="Insert: name of the viewer").click()
    await expect(text).to_have_value("Hello {viewer}")
    await expect(dialog.locator(".chat-words")).to_have_text("Hello {viewer}")  # as the server told it
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    [call] = stage.made("PATCH", SETTINGS)
    assert call.body == {"messages": {"texts": {"granted": "Hello {viewer}"}}}


async def test_a_message_is_switched_off_and_reset(seen: Seen, stage: Stage) -> None:
    said = settings()["messages"] | {"texts": {"granted": "Mine"}, "off": ["ended"]}
    page = await opened(seen, stage, "/settings", messages=said)
    row = page.locator("[data-event=granted]")
    await expect(row).to_contain_text("your words")
    await row.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Say it in chat").uncheck()
    await dialog.get_by_role("button", name="Back to the standard text").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    [call] = stage.made("PATCH", SETTINGS)
    assert call.body == {"messages": {"texts": {"granted": ""}, "off": ["ended", "granted"]}}


async def test_one_of_a_family_that_is_off_is_switched_on(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/settings", messages=settings()["messages"] | {"off": ["refused"]})
    await page.locator("[data-group=refusals] summary").click()
    row = page.locator("[data-event='refused.cooldown']")
    await expect(row).to_contain_text("off")
    await row.get_by_role("button").click()
    await page.get_by_label("Say it in chat").check()
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    off = stage.made("PATCH", SETTINGS)[0].body["messages"]["off"]
    family = [event for event in messages.EVENTS if event.startswith("refused.")]
    assert sorted(off) == sorted(event for event in family if event != "refused.cooldown")


async def test_what_cannot_be_said_or_told_says_so(seen: Seen, stage: Stage) -> None:
    said = settings()["messages"] | {"texts": {"granted": "{x}"}, "faults": {"granted": ["There is no {x}."]}}
    discord = {"configured": True, "shown": "discord.com/…", "events": [], "fault": "The webhook is gone."}
    page = await opened(seen, stage, "/settings", messages=said, discord=discord)
    row = page.locator("[data-event=granted]")
    await expect(row).to_contain_text("is VIP now")  # the usual text is said in its place
    await expect(row).to_contain_text("Not used: There is no {x}.")
    await expect(page.locator("#discord")).to_contain_text("The webhook is gone.")


async def test_faults_of_a_message_are_told(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/settings")
    stage.answers["POST", "/api/settings/messages/preview"] = (200, preview("x" * 501, "It is too long."))
    await page.get_by_role("button", name="Change: A viewer becomes VIP").click()
    await page.get_by_label("Text").fill("long")
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator(".faults")).to_have_text("It is too long.")
    await expect(dialog.locator(".preview-name")).to_contain_text("501 of 500 characters")


async def test_settings_send_what_differs(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/settings")
    await page.get_by_label("Remind before the end").check()
    await page.get_by_label("How long before", exact=True).fill("2")
    await page.get_by_label("Language of the messages").select_option("de")
    await page.get_by_label("Time zone").fill("Nowhere/Land")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator("main")).to_contain_text("Choose one from the list, such as Europe/Berlin.")
    await page.get_by_label("Time zone").fill("America/Lima")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator(".save-bar").first).to_be_hidden()
    [call] = stage.made("PATCH", SETTINGS)
    assert call.body == {
        "language": "de",
        "timezone": "America/Lima",
        "messages": {"ends_soon_seconds": 7200},
    }


async def test_a_reminder_alone_is_sent_with_its_length(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/settings")
    await page.get_by_label("Remind before the end").check()
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator(".save-bar").first).to_be_hidden()
    [call] = stage.made("PATCH", SETTINGS)
    assert call.body == {"messages": {"ends_soon_seconds": 3600}}


async def test_the_overlay_gets_a_new_address_after_a_question(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/settings", overlay={"url": "/overlay?key=old"})
    stage.answers["POST", "/api/settings/overlay/rotate"] = (200, {"url": "/overlay?key=new"})
    panel = page.locator("#overlay")
    await expect(panel.locator("code")).to_have_text(f"{stage.origin}/overlay?key=old")
    for sure in (False, True):
        await panel.get_by_role("button", name="New address").click()
        shown = page.get_by_role("dialog")
        await shown.get_by_role("button", name="New address" if sure else "Cancel").click()
        await expect(shown).to_have_count(0)
        if not sure:
            assert stage.made("POST", "/api/settings/overlay/rotate") == []
    await expect(panel.locator("code")).to_have_text(f"{stage.origin}/overlay?key=new")
    await expect(panel.get_by_role("link")).to_have_attribute("href", f"{stage.origin}/overlay?key=new")


async def test_discord_is_set_tested_and_disconnected(seen: Seen, stage: Stage) -> None:
    url = "https://discord.com/api/webhooks/123456789/abcdefghijklmnopqrstuvwxyz"
    told: dict[str, Any] = {"discord": settings()["discord"]}

    def change(call: Call) -> tuple[int, Any]:
        given = call.body["discord"]
        if "url" in given:
            shown = "discord.com/…/…wxyz" if given["url"] else ""
            told["discord"] = {"configured": bool(given["url"]), "shown": shown, "events": [], "fault": ""}
        told["discord"] = told["discord"] | {"events": given.get("events", told["discord"]["events"])}
        return 200, settings(**told)

    page = await opened(seen, stage, "/settings")
    stage.answers["PATCH", SETTINGS] = change
    panel = page.locator("#discord")
    await panel.get_by_label("Address of a webhook").fill("https://example.com/hook")
    await panel.get_by_role("button", name="Save").click()
    await expect(panel).to_contain_text("That is no address of a Discord webhook.")
    await panel.get_by_label("Address of a webhook").fill(url)
    await panel.get_by_label("somebody became VIP").check()
    await panel.get_by_role("button", name="Save").click()
    await expect(panel).to_contain_text("discord.com/…/…wxyz")
    await expect(panel.get_by_label("Address of a webhook")).to_have_value("")  # a secret is not shown again
    assert stage.made("PATCH", SETTINGS)[0].body == {"discord": {"url": url, "events": ["granted"]}}
    await panel.get_by_label("a VIP ended").check()
    await panel.get_by_role("button", name="Save").click()
    await expect(panel.get_by_role("button", name="Save")).to_be_hidden()
    assert stage.made("PATCH", SETTINGS)[1].body == {
        "discord": {"events": ["granted", "ended"]}
    }  # not the address
    stage.answers["POST", "/api/settings/discord/test"] = (
        200,
        {"ok": False, "detail": "The webhook is gone."},
    )
    await panel.get_by_role("button", name="Send a test").click()
    await expect(panel).to_contain_text("The webhook is gone.")
    await panel.get_by_role("button", name="Disconnect").click()
    await page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    await expect(panel.get_by_role("button", name="Send a test")).to_be_hidden()
    assert stage.made("PATCH", SETTINGS)[-1].body == {"discord": {"url": None}}


async def test_markup_stays_text(seen: Seen, stage: Stage) -> None:
    stage.answers["GET", "/api/viewers"] = (200, viewers("allow", EVIL))
    said = settings()["messages"] | {"texts": dict.fromkeys(("granted", "refunded.slots_full"), EVIL)}
    page = await opened(seen, stage, "/rules", messages=said)
    await expect(page.locator(".person-name bdi").first).to_have_text(EVIL)
    await expect(page.locator(".they-read:visible").first).to_contain_text(EVIL)
    await seen.page.goto(f"{stage.origin}/settings")
    await expect(page.locator("[data-event=granted]")).to_contain_text(EVIL)
    await page.locator("[data-event=granted]").get_by_role("button").click()
    await expect(page.locator(".chat-words")).to_have_text(EVIL)
    assert await page.locator("img").count() == 0
    assert await page.evaluate("window.broken_in") is None


@pytest.mark.parametrize("path", ["/rules", "/settings"])
async def test_nothing_scrolls_sideways(seen: Seen, stage: Stage, path: str) -> None:
    stage.answers["GET", "/api/viewers"] = (200, viewers("allow", *["W" * 25] * 50))
    every = {"lasting": "per_unit", "seconds": DAY, "per": 100}
    causes = {"subscription": every, "bits": every, "power_up": every}
    rules = dict.fromkeys(NO_RULES, 1) | {"subscribers_only": True, "allow_only": True}
    page = await opened(seen, stage, path, causes=causes, rules=rules)
    for width in (1280, 390, 320):
        await page.set_viewport_size({"width": width, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
