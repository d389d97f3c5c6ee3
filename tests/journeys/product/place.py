"""Where a product journey plays: the simulated Twitch and the daemon as programs of their own, and people with a
browser each, who note everything that goes wrong before their eyes."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, Request, Response, async_playwright, expect

from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, Simulator, free_port
from tests.support.need import need
from tests.web.browser import FLAGS

MARKS = [pytest.mark.browser, pytest.mark.journey]
PATIENCE_MS = 15_000
LIMIT_SECONDS = 15.0
TIMEOUT = aiohttp.ClientTimeout(total=10)
METRICS_TOKEN = "a-token-of-the-journey"
WATCH_POLICY = (
    "addEventListener('securitypolicyviolation', (told) => console.error("
    "`against the policy: ${told.violatedDirective} ${told.blockedURI} ${told.sample}`), true)"
)
"""Before any script of a page: what the policy forbids is an error of its console."""


class Place:
    """`sim` is the outside; everything else is done by visitors."""

    def __init__(
        self, sim: Simulator, daemon: DaemonProgram, chromium: Browser, http: aiohttp.ClientSession
    ) -> None:
        self.sim, self.daemon, self._chromium, self.http = sim, daemon, chromium, http
        self.visitors: list[Visitor] = []

    @property
    def origin(self) -> str:
        return self.daemon.url

    async def streamer(self, login: str, name: str) -> str:
        """A channel at Twitch that has never heard of us; its id."""
        made = await self.sim.order("channels", {"login": login, "name": name})
        await self.sim.order("tokens/revoke", {"user_id": made["id"]})
        return str(made["id"])

    async def viewer(self, login: str, name: str) -> str:
        return str((await self.sim.order("viewers", {"login": login, "name": name}))["id"])

    async def redeem(self, channel_id: str, title: str, viewer_id: str, **more: str) -> dict[str, Any]:
        """Somebody redeems the reward with this title."""
        reward = next(one for one in (await self.at_twitch(channel_id))["rewards"] if one["title"] == title)
        body = {"channel_id": channel_id, "reward_id": reward["id"], "viewer_id": viewer_id, **more}
        told: dict[str, Any] = await self.sim.order("redeem", body)
        return told

    async def at_twitch(self, channel_id: str) -> dict[str, Any]:
        """The channel as the simulator has it."""
        channels = (await self.sim.look("state"))["channels"]
        found: dict[str, Any] = next(each for each in channels if each["id"] == channel_id)
        return found

    async def lines(self, channel_id: str) -> list[str]:
        """What was said in chat, oldest first."""
        entries = (await self.sim.look("ledger"))["entries"]
        said = [one for one in entries if one["kind"] == "chat" and one["channel_id"] == channel_id]
        return [str(one["detail"]["text"]) for one in said]

    async def said(self, channel_id: str, beginning: str) -> bool:
        return any(line.startswith(beginning) for line in await self.lines(channel_id))

    async def counts(self, name: str, value: float) -> bool:
        return await self.gauge(name) == value

    async def gauge(self, name: str) -> float:
        """A number of the daemon's metrics without labels."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        async with self.http.get(f"{self.origin}/metrics", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            found = re.search(rf"^\w*{name} (\S+)$", await answer.text(), re.MULTILINE)
        assert found is not None, name
        return float(found[1])

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for something outside the pages."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while not await condition():
            assert time.monotonic() < deadline, f"After {LIMIT_SECONDS:g} s it is still not so that {what}."
            await asyncio.sleep(0.03)

    async def visitor(self, **options: Any) -> Visitor:
        """Somebody with a browser of his own, in British English."""
        given = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "reduced_motion": "reduce"}
        context = await self._chromium.new_context(**{**given, **options})
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(WATCH_POLICY)
        visitor = Visitor(self, await context.new_page())
        self.visitors.append(visitor)
        return visitor


class Visitor:
    """A page, and what went wrong in it. `loads` counts the documents that it has shown."""

    def __init__(self, place: Place, page: Page) -> None:
        self.place, self.page = place, page
        self.wrong: list[str] = []
        self.loads = 0
        self._watch(page)

    def _watch(self, page: Page) -> None:
        page.on("console", lambda told: self.wrong.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("dialog", lambda dialog: self.wrong.append(f"a dialog: {dialog.message}"))

    def _failed(self, request: Request) -> None:
        # A page that is left gives up what it was asking, and a download is taken out of the page's hands.
        if "ERR_ABORTED" not in (request.failure or ""):
            self.wrong.append(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.request.method} {response.url}: {response.status}")
        if response.request.resource_type == "document":
            self.loads += 1

    async def tab(self) -> Visitor:
        """Another tab of the same browser."""
        other = Visitor(self.place, await self.page.context.new_page())
        self.place.visitors.append(other)
        return other

    async def open(self, path: str) -> None:
        """Go to a page and wait until it is live."""
        await self.page.goto(self.place.origin + path)
        await self.live()

    async def live(self) -> None:
        await expect(self.page.locator("#state")).to_have_text("Live", timeout=PATIENCE_MS)
        await expect(self.page.locator("#main")).not_to_have_attribute("data-page", "")

    async def consent(self, name: str) -> None:
        """At Twitch: choose an account and agree."""
        await expect(self.page).to_have_title("Authorize · Simulated Twitch", timeout=PATIENCE_MS)
        await self.page.get_by_label(name).check()
        await self.page.get_by_role("button", name="Authorize").click()

    async def sign_in(self, name: str, path: str = "/") -> None:
        await self.page.goto(self.place.origin + path)
        await self.page.get_by_role("link", name="Continue with Twitch").click()
        await self.consent(name)
        await self.live()

    async def go(self, name: str) -> None:
        """To a page by its link, without loading a document."""
        await self.page.get_by_role("link", name=name, exact=True).first.click()
        await expect(self.page.locator("#main")).not_to_have_attribute("data-page", "")

    async def pick(self, opener: str, item: str) -> None:
        """A deed of a menu."""
        await self.page.get_by_role("button", name=opener).click()
        await self.page.get_by_role("menuitem", name=item).click()

    async def download(self, item: str) -> bytes:
        """What "Export" in the activity log gives."""
        async with self.page.expect_download() as told:
            await self.pick("Export", item)
        return (await (await told.value).path()).read_bytes()

    async def story(self) -> str:
        """Where it stands, for whoever reads a failure."""
        shown = await self.page.locator("body").inner_text()
        return f"--- {self.page.url} ---\n{shown}\n--- went wrong: {self.wrong}\n"

    def forgive(self, *parts: str) -> None:
        """What was expected to go wrong, and nothing else."""
        rest = [told for told in self.wrong if not any(part in told for part in parts)]
        assert rest == [], "\n".join(rest)
        self.wrong.clear()


@asynccontextmanager
async def place(folder: Path, *options: str, **environ: str) -> AsyncIterator[Place]:
    """Everything started. On the way out nobody may have seen anything go wrong, and the daemon ends well."""
    log = folder / "daemon.log"
    async with _programs(folder, log, options, environ) as (sim, daemon):
        async with _chromium() as chromium, aiohttp.ClientSession(timeout=TIMEOUT) as http:
            there = Place(sim, daemon, chromium, http)
            try:
                yield there
            except BaseException:
                for visitor in there.visitors:
                    sys.stdout.write(await visitor.story())
                raise
        wrong = [told for visitor in there.visitors for told in visitor.wrong]
        assert wrong == [], "\n".join(wrong)
        assert await daemon.stop() == 0
        assert b"Traceback" not in log.read_bytes(), log.read_text()[-8000:]


@asynccontextmanager
async def _programs(
    folder: Path, log: Path, options: Sequence[str], environ: Mapping[str, str]
) -> AsyncIterator[tuple[Simulator, DaemonProgram]]:
    sim = await Simulator.start(*options)
    with log.open("wb") as written:
        daemon = DaemonProgram(
            data_dir=folder / "data",
            twitch=sim.addresses,
            clock=SystemClock(),
            port=free_port(),
            environ={"LOG_FORMAT": "json", "METRICS_TOKEN": METRICS_TOKEN, **environ},
            log=written,
        )
        try:
            await daemon.start()
            yield sim, daemon
        finally:
            await daemon.stop()
            await sim.stop()


@asynccontextmanager
async def _chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
