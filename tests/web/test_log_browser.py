"""The activity log and the connection page in a real browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import expect

from tests.web.browser import BROWSER, EVIL, Seen, opened
from tests.web.stage import Call, Reply, Stage, channel, deed, now
from tests.web.stage_answers import connection
from tests.web.world import until

pytestmark = BROWSER

AUDIT = ("GET", "/api/audit-log")


def paged(pages: int, size: int = 50) -> object:
    """A log of that many pages; the cursor is the number of the next one."""

    def answer(call: Call) -> Reply:
        at = int(call.query.get("cursor") or 0)
        entries = [
            deed(f"{at}-{n}", name=f"v{at}_{n}", at=now() - (at * size + n) * 1000) for n in range(size)
        ]
        return 200, {"entries": entries, "cursor": str(at + 1) if at + 1 < pages else None}

    return answer


async def test_the_log_goes_on_as_one_scrolls_and_new_ones_come_on_top(seen: Seen, stage: Stage) -> None:
    stage.answers[AUDIT] = paged(3)  # type: ignore[assignment]
    page = await opened(seen, stage, "/activity")
    lines = page.locator(".deed")
    await expect(lines).to_have_count(50)
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(lines).to_have_count(100)
    stage.push("activity", deed("new", name="Zoë"))
    await expect(page.locator(".fresh-pill")).to_contain_text("1 new entry")
    await page.get_by_role("button", name="1 new entry").click()
    await expect(lines.first).to_contain_text("Zoë")
    await expect(page.locator(".fresh-pill")).to_be_hidden()
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(lines).to_have_count(151)
    await expect(page.locator(".endless-end")).to_be_visible()
    assert [call.query.get("cursor") for call in stage.made(*AUDIT)] == [None, "1", "2"]


async def test_filters_are_asked_kept_in_the_address_and_hold_for_new_lines(seen: Seen, stage: Stage) -> None:
    stage.answers[AUDIT] = (200, {"entries": [deed("1")], "cursor": None})
    page = await opened(seen, stage, "/activity")
    await expect(page.locator(".deed")).to_have_count(1)
    await page.get_by_label("What", exact=True).select_option("vip.refunded")
    await until(lambda: stage.made(*AUDIT)[-1].query.get("action") == "vip.refunded")
    await page.get_by_label("Viewer").fill("@Ann")
    await until(lambda: stage.made(*AUDIT)[-1].query.get("viewer") == "Ann")
    await page.get_by_label("From").fill("2026-01-02")
    await page.get_by_label("To").fill("2026-01-02")
    await until(lambda: "to" in stage.made(*AUDIT)[-1].query)
    query = stage.made(*AUDIT)[-1].query
    assert int(query["to"]) - int(query["from"]) == 86_400_000
    assert parse_qs(urlsplit(page.url).query) == {
        "viewer": ["@Ann"],
        "action": ["vip.refunded"],
        "from": ["2026-01-02"],
        "to": ["2026-01-02"],
    }
    await page.reload()
    await expect(page.get_by_label("Viewer")).to_have_value("@Ann")
    await page.get_by_label("From").fill("2026-01-03")
    await expect(page.locator(".filters")).to_contain_text("The first day is after the last.")
    await page.get_by_role("button", name="Clear filters").first.click()
    await until(lambda: "viewer" not in stage.made(*AUDIT)[-1].query)

    await page.get_by_label("Set off by").select_option("clock")
    await expect(page.locator(".deed")).to_have_count(1)
    stage.push("activity", deed("2", name="no", cause="redemption"))
    stage.push("activity", deed("3", name="yes", cause="clock"))
    await expect(page.locator(".deed")).to_have_count(2)
    await expect(page.locator(".deed").first).to_contain_text("yes")


async def test_details_are_shown_and_stay_text(seen: Seen, stage: Stage) -> None:
    detail = {
        "reward_title": EVIL,
        "reward_cost": 500,
        "user_input": EVIL,
        "redemption_id": "r-9",
        EVIL: EVIL,
    }
    stage.answers[AUDIT] = (200, {"entries": [deed("1", detail=detail)], "cursor": None})
    page = await opened(seen, stage, "/activity")
    button = page.get_by_role("button", name="Details of this entry")
    await expect(button).to_have_attribute("aria-expanded", "false")
    await button.click()
    await expect(page.locator(".facts")).to_contain_text("Message of the viewer")
    await expect(page.locator(".facts")).to_contain_text(EVIL)
    assert await page.locator("img").count() == 0
    await button.click()
    await expect(page.locator(".facts")).to_be_hidden()


async def test_the_export_takes_the_filters_along(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/activity?action=vip.ended")
    for item, kind in (("As a table (CSV)", "csv"), ("As JSON", "json")):
        await page.get_by_role("button", name="Export").click()
        async with page.expect_download() as download:
            await page.get_by_role("menuitem", name=item).click()
        query = parse_qs(urlsplit((await download.value).url).query)
        assert query == {"channel": ["1"], "format": [kind], "action": ["vip.ended"]}


async def test_nothing_fits_and_nothing_yet(seen: Seen, stage: Stage) -> None:
    page = await opened(seen, stage, "/activity")
    await expect(page.locator(".face-empty")).to_contain_text("Nothing happened yet")
    await page.get_by_label("What", exact=True).select_option("vip.ended")
    await expect(page.locator(".face-empty")).to_contain_text("Nothing fits these filters")
    stage.push("activity", deed("1", "vip.ended", reason="expired"))
    await expect(page.locator(".face-empty")).to_have_count(0)


async def test_the_log_says_when_it_cannot_be_had(seen: Seen, stage: Stage) -> None:
    told = {"code": "storage.down", "detail": "The store does not answer.", "advice": ""}
    stage.answers[AUDIT] = (500, told)
    page = await opened(seen, stage, "/activity")
    await expect(page.locator(".face-broken")).to_contain_text("The store does not answer.")
    stage.answers[AUDIT] = (200, {"entries": [deed("1")], "cursor": None})
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".deed")).to_have_count(1)
    seen.forgive("500")


async def test_each_subscription_with_its_state(seen: Seen, stage: Stage) -> None:
    told = connection(
        chat={"sent": 9, "dropped": 1, "last_drop": {"at": now(), "reason": EVIL}},
        backlog={"waiting": 4, "oldest_at": now() - 9000, "parked": 0, "dead": 2, "over_quota": 3},
    )
    row = told["subscriptions"][0]
    told["subscriptions"] += [
        row | {"type": "channel.ban", "status": "authorization_revoked", "why": EVIL},
        row | {"type": "some.new.type", "status": "some_new_status"},
    ]
    stage.answers["GET", "/api/connection"] = (200, told)
    page = await opened(seen, stage, "/connection")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(5)
    await expect(page.locator(".stats")).to_contain_text("3 held back")
    await expect(page.locator(".notice")).to_contain_text(["2 given up", "More came than", "did not show"])
    await expect(rows.nth(0)).to_contain_text("Redemptions")
    await expect(rows.nth(0).locator(".state-word")).to_have_text("listening")
    await expect(rows.nth(3).locator(".state-word")).to_have_class(re.compile("tone-stop"))
    await expect(rows.nth(3)).to_contain_text(EVIL)
    await expect(rows.nth(4)).to_contain_text("some_new_status")
    await expect(page.locator("#line-backlog")).to_have_text("4")
    await expect(page.locator(".notice")).to_have_count(3)
    assert await page.locator("img").count() == 0
    # A change on the live stream is looked at once.
    stage.answers["GET", "/api/connection"] = (
        200,
        told | {"state": "connecting", "detail": "Twitch moved us."},
    )
    stage.push("channel", channel("connecting"))
    await expect(page.locator("#line-state")).to_have_text("Connecting")
    await expect(page.locator(".notice").first).to_contain_text("Twitch moved us.")


async def test_connecting_again_and_comparing(seen: Seen, stage: Stage) -> None:
    stage.answers["POST", "/api/connection/restart"] = (202, {"result": "restarting"})
    stage.answers["POST", "/api/connection/reconcile"] = (202, {"result": "pending", "operation": "f" * 32})
    states = ["pending", "done"]

    def operation(call: Call) -> Reply:
        told = {"id": "f" * 32, "state": states.pop(0), "result": "reconciled", "detail": "", "at": now()}
        return 200, told | {"code": "", "advice": ""}

    stage.answers["GET", f"/api/operations/{'f' * 32}"] = operation
    page = await opened(seen, stage, "/connection")
    await page.get_by_role("button", name="Compare with Twitch").click()
    await expect(page.locator(".toast").last).to_contain_text("We compared everything with Twitch.")
    await page.get_by_role("button", name="Connect again").click()
    await expect(page.locator(".toast").last).to_contain_text("We are connecting again.")
    assert len(stage.made("POST", "/api/connection/restart")) == 1
