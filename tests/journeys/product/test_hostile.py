"""Who means harm, in a real browser: names that are markup, pages of other sites, links of other people."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.journeys.product.place import MARKS, Place, Visitor, place
from web.pages import PATHS

pytestmark = [*MARKS, pytest.mark.timeout(150)]

IMAGE = '<img src=x onerror="window.brokenIn=1">'
SCRIPT = '"><script>brokenIn=1</script>'
LINK = "javascript:window.brokenIn=1"
FORMULA = '=HYPERLINK("http://evil.example","x")'
HARM = (IMAGE, SCRIPT, LINK, FORMULA)
BROKEN = """() => ({
  ran: window.brokenIn ?? null,
  made: document.querySelectorAll('img[src="x"], body script:not([src]), a[href^="javascript:"], [onerror]').length,
})"""
WHOLE = {"ran": None, "made": 0}
NO_ICON = "<link rel=icon href=data:,>"
WAYS_OUT = (
    "//evil.example",
    "/\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "/\t/evil.example",
    "%2F%2Fevil.example",
    "/sign-in?return_to=//evil.example",
)


async def test_markup_in_names_stays_text_on_every_page(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        channel = await there.streamer("lantern", IMAGE)
        me = await there.visitor()
        await me.sign_in(IMAGE)
        reward = {"title": SCRIPT, "cost": 5, "prompt": IMAGE, "color": "#112233", "user_input": True}
        time = {"lasting": "fixed", "seconds": 3600, "per": 1}
        status, told = await written(me, "POST", "/api/channel-points", {**reward, "time": time})
        assert status == 201, told
        texts = {"granted": f"{IMAGE} {{viewer}} {SCRIPT}"}
        status, told = await written(me, "PATCH", "/api/settings", {"messages": {"texts": texts}})
        assert status == 200, told
        for number, name in enumerate(HARM):
            viewer = await there.viewer(f"harm_{number}", name)
            await there.redeem(channel, SCRIPT, viewer, user_input=f"{IMAGE}{SCRIPT}{LINK}")
        grant = {"viewer": await there.viewer("noted", SCRIPT), "seconds": 600, "note": FORMULA}
        status, told = await written(me, "POST", "/api/vip", grant)
        assert status == 201, told
        await me.page.goto(there.origin)
        await expect(me.page.locator(".vip")).to_have_count(len(HARM) + 1)
        await there.until(lambda: there.said(channel, f"{IMAGE} {FORMULA} "), "chat got the text as it is")
        await nothing_ran(me)
        await somebody_waits_and_somebody_helps(me, channel)
        await is_text_on_all_pages(me)
        await is_text_in_the_overlay(me)
        await is_text_in_files(me)


async def somebody_waits_and_somebody_helps(me: Visitor, channel: str) -> None:
    """Names on the waiting list and in the team; texts that are told elsewhere."""
    there = me.place
    limits = {"cap": len(HARM) + 1, "when_full": "wait", "longest_wait_seconds": 3600}
    texts = {"waiting": f"{SCRIPT} {{viewer}} {{position}}", "ended": IMAGE}
    status, told = await written(
        me, "PATCH", "/api/settings", {"limits": limits, "messages": {"texts": texts}}
    )
    assert status == 200, told
    await there.redeem(channel, SCRIPT, await there.viewer("waits", IMAGE), user_input=SCRIPT)
    await there.viewer("helps", IMAGE)
    status, told = await written(me, "POST", "/api/team", {"login": "helps"})
    assert status == 201, told
    await expect(me.page.locator(".waiting-row")).to_contain_text(IMAGE)
    await me.open("/account")
    await expect(me.page.locator(".person-name").filter(has_text="helps")).to_contain_text(IMAGE)
    await nothing_ran(me)


async def is_text_in_the_overlay(me: Visitor) -> None:
    """What streaming software shows: every VIP here has such a name."""
    url = await me.page.evaluate(
        "fetch('/api/settings').then((a) => a.json()).then((told) => told.overlay.url)"
    )
    await me.page.goto(me.place.origin + url)
    for shown in ("#latest .name", "#next .name"):
        await expect(me.page.locator(shown)).to_have_text(
            re.compile("|".join(re.escape(name) for name in HARM))
        )
    await nothing_ran(me)


async def is_text_on_all_pages(me: Visitor) -> None:
    for path in PATHS:
        await me.page.goto(me.place.origin + path)
        await expect(me.page.locator("#main")).not_to_have_attribute("data-page", "")
        await nothing_ran(me)
    await me.open("/activity")
    for number in range(await me.page.get_by_role("button", name="Details of this entry").count()):
        await me.page.get_by_role("button", name="Details of this entry").nth(number).click()
    await expect(me.page.locator(".deed").filter(has_text=FORMULA).first).to_be_visible()
    await nothing_ran(me)
    await me.open("/rewards")
    await me.page.get_by_role("button", name=re.compile("^Change (?!the )")).click()
    await expect(me.page.get_by_label("Title")).to_have_value(SCRIPT)
    await nothing_ran(me)
    await me.page.keyboard.press("Escape")
    await me.page.goto(f"{me.place.origin}/api/docs")
    await expect(me.page.get_by_role("heading", level=1)).to_be_visible()
    await nothing_ran(me)
    await me.page.goto(f"{me.place.origin}/sign-in?error={IMAGE}&return_to={LINK}")
    await expect(me.page.get_by_role("heading", level=1)).to_be_visible()
    await nothing_ran(me)


async def is_text_in_files(me: Visitor) -> None:
    """No cell of the table is a formula; programs get everything as it is."""
    await me.open("/activity")
    text = (await me.download("As a table (CSV)")).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert f"'{FORMULA}" in cells
    entries = json.loads(await me.download("As JSON"))
    assert set(HARM) <= {one["viewer"]["name"] for one in entries if one["viewer"]}


async def test_no_page_may_run_what_it_was_not_shipped_with(tmp_path: Path) -> None:
    """The policy is on every page, whatever it answers, and no page has a script of its own in it."""
    async with place(tmp_path) as there:
        await there.streamer("lantern", "Lantern")
        me = await there.visitor()
        paths = [*PATHS, "/api/docs", "/nowhere", "/api/nowhere", "/api/auth/callback/twitch?state=x"]
        for path in paths:
            async with there.http.get(there.origin + path, headers={"Accept": "text/html"}) as answer:
                policy = {
                    name: set(sources)
                    for name, *sources in (
                        part.split() for part in answer.headers["Content-Security-Policy"].split(";")
                    )
                }
                scripts = policy.get("script-src", policy["default-src"])
                assert scripts <= {"'self'", "'none'"}, (path, scripts)
                assert policy["object-src" if "object-src" in policy else "default-src"] == {"'none'"}, path
                assert policy["base-uri"] == {"'none'"}, path
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                text = await answer.text() if "html" in answer.content_type else ""
            assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
            assert not re.search(r"<[^>]+\son\w+=", text), path
        await me.sign_in("Lantern")
        # The strongest proof: what a hole would put there does not run.
        await me.page.evaluate(
            """() => {
              const script = document.createElement('script');
              script.textContent = 'window.brokenIn = 1';
              document.body.append(script);
              document.body.insertAdjacentHTML('beforeend', '<p onclick="window.brokenIn = 2" id="hole">x</p>');
              document.getElementById('hole').click();
            }"""
        )
        assert await me.page.evaluate("window.brokenIn ?? null") is None
        assert any("against the policy" in told for told in me.wrong)
        me.forgive("policy", "Policy")


async def test_a_login_leads_nowhere_else_and_belongs_to_one_browser(tmp_path: Path) -> None:
    async with place(tmp_path, RATE_LIMIT_AUTH="off") as there:
        await there.streamer("lantern", "Lantern")
        victim, thief = await there.visitor(), await there.visitor()
        back = await caught(victim)
        await thief.page.goto(back)
        await expect(thief.page.locator("#sign-in-trouble")).to_be_visible()
        await expect(thief.page).to_have_url(f"{there.origin}/sign-in?error=state")
        assert not await signed_in(thief)
        # With a login of its own under way it is no better.
        await thief.page.get_by_role("link", name="Continue with Twitch").click()
        await expect(thief.page).to_have_title("Authorize · Simulated Twitch")
        await thief.page.goto(back)
        await expect(thief.page).to_have_url(f"{there.origin}/sign-in?error=state")
        assert not await signed_in(thief)
        await victim.page.goto(back)
        await victim.live()
        await victim.page.goto(back)  # the second time
        await expect(victim.page.locator("#sign-in-trouble")).to_be_visible()
        assert await signed_in(victim), "who was signed in stays so"
        await has_safe_cookies(victim)
        thief.forgive("401")  # his cookies are cleared while the page before may still be loading
        for way in WAYS_OUT:
            await leads_home(thief, way)


async def caught(victim: Visitor) -> str:
    """The address that Twitch leads back to, before the victim's browser goes there."""
    page = victim.page
    await page.goto(victim.place.origin)
    await page.get_by_role("link", name="Continue with Twitch").click()
    await expect(page).to_have_title("Authorize · Simulated Twitch")
    answer = await page.context.request.get(f"{page.url}&sim_user=lantern", max_redirects=0)
    assert "code=" in answer.headers["location"]
    return answer.headers["location"]


async def leads_home(visitor: Visitor, way: str) -> None:
    page = visitor.page
    await page.goto("about:blank")  # the page of somebody who is signed out goes to /sign-in by itself
    await page.context.clear_cookies()
    await page.goto(visitor.place.origin + "/sign-in")
    await page.evaluate("way => location.assign('/sign-in?return_to=' + encodeURIComponent(way))", way)
    await expect(page).to_have_url(re.compile(re.escape("/sign-in?return_to=")))
    await page.get_by_role("link", name="Continue with Twitch").click()
    await visitor.consent("Lantern")
    await expect(page).to_have_url(re.compile(f"^{re.escape(visitor.place.origin)}/"))
    assert await signed_in(visitor), way


async def has_safe_cookies(visitor: Visitor) -> None:
    cookies = await visitor.page.context.cookies(visitor.place.origin)
    assert cookies
    for cookie in cookies:
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/"), cookie["name"]
    assert await visitor.page.evaluate("document.cookie") == ""


async def test_pages_of_others_do_nothing_here(tmp_path: Path) -> None:
    """Of another site, and of another port of the same host, for which cookies are sent along."""
    async with place(tmp_path) as there:
        channel = await there.streamer("lantern", "Lantern")
        viewer = await there.viewer("mallory", "Mallory")
        me = await there.visitor()
        await me.sign_in("Lantern")
        near = there.sim.addresses["id_url"].rsplit("/oauth2", 1)[0]
        body = json.dumps({"viewer": viewer, "seconds": 3600, "note": "x"})
        # The browser itself keeps the cookie from another site; from another port it is for us to look who asks.
        for site, told in (("http://evil.example", "auth.signed_out"), (near, "csrf.")):
            await attack(me, there, site, f"/api/vip?channel={channel}", body, told)
            await attack(me, there, site, "/api/auth/sign-out", '{"a": 1}', told)
            await framed(me, there, site)
        assert (await there.at_twitch(channel))["vips"] == {}
        await me.open("/")
        assert await signed_in(me)
        status, told = await written(me, "POST", "/api/vip", json.loads(body), token="forged")
        assert (status, told["code"]) == (403, "csrf.token")
        status, told = await written(me, "POST", "/api/vip", json.loads(body))
        assert status == 201, told
        me.forgive("401", "403", "ERR_", "Refused", "refused", "CORS", "frame")


async def attack(me: Visitor, there: Place, site: str, path: str, body: str, told: str) -> None:
    """A form that sends itself, and a script that fetches with cookies."""
    url = there.origin + path
    asked = {"method": "POST", "mode": "no-cors", "credentials": "include", "body": body}
    name, value = json.dumps(body)[1:-1].rsplit(":", 1)
    form = f"""{NO_ICON}
      <form method=post enctype=text/plain action='{url}'><input name='{name}:' value='{value}'></form>
      <script>
        fetch({json.dumps(url)}, {json.dumps(asked)})
          .catch(() => null)
          .then(() => document.forms[0].submit());
      </script>"""
    await me.page.route(f"{site}/attack", lambda route: route.fulfill(body=form, content_type="text/html"))
    await me.page.goto(f"{site}/attack")
    await expect(me.page).to_have_url(url)  # the form has arrived
    await expect(me.page.locator("body")).to_contain_text(told)
    await me.page.unroute(f"{site}/attack")


async def framed(me: Visitor, there: Place, site: str) -> None:
    html = f"{NO_ICON}<iframe id=inside src='{there.origin}/'></iframe>"
    await me.page.route(f"{site}/frame", lambda route: route.fulfill(body=html, content_type="text/html"))
    await me.page.goto(f"{site}/frame")
    for frame in me.page.frames[1:]:
        assert not frame.url.startswith(there.origin)
    await me.page.unroute(f"{site}/frame")


async def nothing_ran(me: Visitor) -> None:
    assert await me.page.evaluate(BROKEN) == WHOLE, me.page.url


async def signed_in(visitor: Visitor) -> bool:
    answer = await visitor.page.context.request.get(f"{visitor.place.origin}/api/auth/session")
    return bool((await answer.json())["signed_in"])


async def written(me: Visitor, method: str, path: str, body: Any, token: str = "") -> tuple[int, Any]:
    """A change as our own page makes it, from within it."""
    told = await me.page.evaluate(
        """async ([method, path, body, forged]) => {
          const token = forged || (await (await fetch('/api/auth/csrf')).json()).token;
          const headers = { 'X-CSRF-Token': token, 'Content-Type': 'application/json' };
          const answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
          return [answer.status, await answer.json()];
        }""",
        [method, path, body, token],
    )
    return told[0], told[1]
