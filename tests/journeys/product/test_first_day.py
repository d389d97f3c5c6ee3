"""A streamer's first day, from an empty page to the last word in the log: in a real browser, against the daemon and the
simulated Twitch, each a program of its own. Nothing is scripted, and nothing may go wrong on the way."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import time
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.journeys.product.place import MARKS, Place, Visitor, place

pytestmark = [*MARKS, pytest.mark.timeout(150)]
NOTE = 'won the raffle; "quoted", and a comma'


async def test_from_an_empty_page_to_the_log(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        channel = await there.streamer("lantern", "Lantern")
        ann, zoe = await there.viewer("ann", "Ann"), await there.viewer("zoe", "Zoë")
        me = await there.visitor()
        await arrives(me)
        await is_guided(me, there, channel)
        await makes_somebody_vip(me, zoe)
        await makes_a_second_reward(me)
        other = await me.tab()
        await other.open("/")
        assert await there.gauge("sse_streams") == 1, "the tabs of a browser share one stream"
        await sees_a_redemption(me, other, there, channel, ann)
        await gives_and_takes(me, other)
        await reads_and_exports(me)
        await speaks_french(me, other, there, channel)
        await loses_a_permission(me, other, there, channel)
        await leaves(me, other, there)


async def arrives(me: Visitor) -> None:
    """The address of the program is all that one knows."""
    page = me.page
    await page.goto(me.place.origin)
    await expect(page).to_have_url(f"{me.place.origin}/sign-in")
    await page.get_by_role("link", name="Continue with Twitch").click()
    await me.consent("Lantern")
    await me.live()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Who is VIP now")


async def is_guided(me: Visitor, there: Place, channel: str) -> None:
    """Permissions, a first reward, a test that costs nothing."""
    page = me.page
    await page.get_by_role("link", name="Set up your channel").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Cuelight")
    await page.locator(".step-name").filter(has_text="Permissions").click()
    await expect(page.get_by_role("heading", level=2)).to_have_text("Twitch lets us do what we need")
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("Price").fill("300")
    await page.get_by_role("button", name="Create on Twitch").click()
    await expect(page.get_by_role("heading", level=2)).to_have_text("Try it yourself")
    test = await there.redeem(channel, "VIP for a week", channel)
    await expect(page.get_by_role("heading", level=2)).to_have_text("It works")
    await expect(page.locator(".badge")).to_have_text("test")
    await expect(page.locator(".test-story")).to_contain_text("300 points came back to you.")
    assert (await there.at_twitch(channel))["vips"] == {}
    assert test["id"] not in (await there.at_twitch(channel))["unfulfilled"]
    await page.get_by_role("button", name="Go to your dashboard").click()
    await expect(page.locator("#vips-empty")).to_contain_text("Nobody is VIP right now")


async def makes_somebody_vip(me: Visitor, zoe: str) -> None:
    page = me.page
    await page.get_by_role("button", name="Make someone VIP").click()
    await page.get_by_label("Viewer").fill("zoe")
    await expect(page.locator(".grant-found")).to_contain_text("Found on Twitch")
    await page.get_by_label("Note").fill(NOTE)
    await page.get_by_role("dialog").get_by_role("button", name="Make VIP").click()
    await expect(page.locator(".vip-name bdi").first).to_have_text("Zoë")
    await expect(page.locator(".vip-why")).to_have_text("from the dashboard")


async def makes_a_second_reward(me: Visitor) -> None:
    page = me.page
    await me.go("Rewards")
    await page.get_by_role("button", name="New reward").click()
    sheet = page.get_by_role("dialog")
    await sheet.get_by_label("Title").fill("VIP for an hour")
    await sheet.get_by_label("Price").fill("100")
    await sheet.get_by_label("For how long", exact=True).fill("1")
    await sheet.get_by_label("Unit of For how long").select_option("hours")
    await sheet.get_by_role("button", name="Create on Twitch").click()
    await expect(page.locator(".reward-title")).to_have_text(["VIP for a week", "VIP for an hour"])
    await me.go("Overview")


async def sees_a_redemption(me: Visitor, other: Visitor, there: Place, channel: str, ann: str) -> None:
    """In both tabs, and neither is loaded anew."""
    loads = (me.loads, other.loads)
    for visitor in (me, other):
        await expect(visitor.page.locator(".vip")).to_have_count(1)
        await visitor.page.evaluate("window.notLoadedAnew = true")
    began = time.monotonic()
    await there.redeem(channel, "VIP for an hour", ann)
    row = me.page.locator(".vip").first
    await expect(row.locator(".vip-name")).to_have_text("Ann")
    here = time.monotonic() - began
    await expect(other.page.locator(".vip-name").first).to_have_text("Ann")
    there_too = time.monotonic() - began
    sys.stdout.write(f"redemption to row: {1000 * here:.0f} ms, in the other tab {1000 * there_too:.0f} ms\n")
    await expect(row.locator(".vip-left")).to_have_text(re.compile(r"^59 min \d+ s left$"))
    text = await row.locator(".vip-left").inner_text()
    await expect(row.locator(".vip-left")).not_to_have_text(text)  # it counts
    assert ann in (await there.at_twitch(channel))["vips"]
    assert (me.loads, other.loads) == loads
    for visitor in (me, other):
        assert await visitor.page.evaluate("window.notLoadedAnew")


async def gives_and_takes(me: Visitor, other: Visitor) -> None:
    await me.pick("Give Ann more time", "+ 1 day")
    await expect(me.page.locator(".toast").last).to_contain_text("Ann stays VIP 1 d longer.")
    for visitor in (me, other):
        left = visitor.page.locator(".vip").first.locator(".vip-left")
        await expect(left).to_contain_text("1 d ")
    await me.pick("More for Ann", "Remove VIP")
    await me.page.locator(".toast").last.get_by_role("button", name="Close").click()
    for visitor in (me, other):
        await expect(visitor.page.locator(".vip-name bdi:first-child")).to_have_text(["Zoë"])


async def reads_and_exports(me: Visitor) -> None:
    page = me.page
    await me.go("Activity")
    lines = page.locator(".deed p")
    for sentence in (
        "Lantern ended Ann’s time as VIP.",
        "Lantern gave Ann 1 d more as VIP.",
        "Ann became VIP for 1 h.",
        "Lantern made the reward VIP for an hour.",
        "Lantern made Zoë VIP for",
        "You redeemed your own reward: the whole way works. We gave 300 points back.",
        "Lantern made the reward VIP for a week.",
    ):
        await expect(lines.filter(has_text=sentence)).to_have_count(1)
    shown = await lines.count()
    table = list(csv.DictReader(io.StringIO((await me.download("As a table (CSV)")).decode("utf-8-sig"))))
    entries = json.loads(await me.download("As JSON"))
    assert len(table) == len(entries) == shown
    assert [row["id"] for row in table] == [one["id"] for one in entries]
    assert [row["action"] for row in table] == [one["action"] for one in entries]
    for row, one in zip(table, entries, strict=True):
        viewer = one["viewer"] or {"id": "", "login": "", "name": ""}
        assert [row[f"viewer_{each}"] for each in ("id", "login", "name")] == [
            viewer[each] for each in ("id", "login", "name")
        ]
        assert (row["reason"], row["cause"], row["actor_name"]) == (
            one["reason"],
            one["cause"],
            one["actor"]["name"],
        )
        assert json.loads(row["detail"]) == one["detail"]
    assert any(one["detail"].get("note") == NOTE for one in entries)


async def speaks_french(me: Visitor, other: Visitor, there: Place, channel: str) -> None:
    """The words of the pages are those of this browser; what viewers read is in the channel's language."""
    page = me.page
    await me.pick("Your menu", "Language")
    await page.get_by_role("button", name="Français").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ce qui s’est passé")
    await expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert await there.said(channel, "@Ann is VIP now, for ")
    await other.go("Settings")
    await other.page.get_by_label("Language of the messages").select_option("fr")
    await other.page.get_by_role("button", name="Save").click()
    await expect(other.page.locator(".toast").last).to_contain_text("Saved.")
    await there.redeem(channel, "VIP for an hour", await there.viewer("ben", "Ben"))
    await there.until(
        lambda: there.said(channel, "@Ben est VIP à partir de maintenant, pour "), "Ben is told"
    )
    await me.pick("Ton menu", "Langue")
    await page.get_by_role("button", name="English").click()
    await me.live()


async def loses_a_permission(me: Visitor, other: Visitor, there: Place, channel: str) -> None:
    """Taken away at Twitch, which ends the session here; half of it given back, then all."""
    page = me.page
    await me.go("Account")
    await there.sim.order("tokens/revoke", {"user_id": channel})
    for visitor in (me, other):
        await expect(visitor.page).to_have_url(re.compile("/sign-in"))
    await page.get_by_role("link", name="Continue with Twitch").click()
    await expect(page).to_have_title("Authorize · Simulated Twitch")
    await page.locator("[name=scope]").evaluate(
        "field => { field.value = field.value.split(' ').filter(one => one !== 'moderation:read').join(' ') }"
    )
    await me.consent("Lantern")
    await me.live()
    await expect(page.locator(".account")).to_contain_text("1 permission is missing")
    await page.get_by_role("link", name="Allow it on Twitch").click()
    await me.consent("Lantern")
    await me.live()
    await expect(page.locator(".account-who").first).to_contain_text("Connected")
    await expect(page.locator(".account")).not_to_contain_text("missing")
    await other.open("/")
    await there.redeem(channel, "VIP for an hour", await there.viewer("cleo", "Cleo"))
    await expect(other.page.locator(".vip-name").filter(has_text="Cleo")).to_have_count(1)


async def leaves(me: Visitor, other: Visitor, there: Place) -> None:
    """Every tab is out, and what was shown is gone."""
    await me.pick("Your menu", "Sign out")
    await expect(me.page).to_have_url(f"{there.origin}/sign-in?left=1")
    await expect(me.page.get_by_text("You are signed out.")).to_be_visible()
    await expect(other.page).to_have_url(re.compile("/sign-in"))
    await expect(other.page.locator(".vip")).to_have_count(0)
    await there.until(lambda: there.counts("sse_streams", 0), "no stream is open")
    for visitor in (me, other):
        await visitor.page.goto(f"{there.origin}/activity")
        await expect(visitor.page.get_by_role("link", name="Continue with Twitch")).to_be_visible()
