"""Simulator and daemon for the bench of the dashboard: one channel with many VIPs, whose viewers redeem again."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from playwright.async_api import Page

from daemon.clock import SystemClock
from daemon.logs import configure_logs
from daemon.programs import DaemonProgram, Simulator, free_port
from daemon.settings import load_settings
from daemon.wiring_store import open_kept
from domain import slots as moves
from domain.channel import Viewer
from domain.ports import NullMetrics
from domain.slots import Slots
from domain.vip import Method, VipSession, opened

NAIVE = Path(__file__).with_name("_dashboard_naive.html")
PATIENCE_SECONDS = 60.0
VIP_SECONDS = 6 * 3600
TITLE = "VIP for six hours"


class House:
    """`redeemed` counts redemptions; each extends the VIP of a viewer who is one already."""

    def __init__(self, twitch: Simulator, daemon: DaemonProgram) -> None:
        self.twitch, self.daemon, self.clock = twitch, daemon, SystemClock()
        self.channel_id = self.reward_id = self._token = ""
        self.viewers: list[str] = []
        self.redeemed = 0

    async def enrol(self, login: str = "stage") -> None:
        told = await self.twitch.order("channels", {"login": login, "name": login.title()})
        body = {"access_token": told["access_token"], "refresh_token": told["refresh_token"]}
        reward = {"reward_title": TITLE, "reward_cost": 1, "vip_seconds": VIP_SECONDS}
        added = await self.daemon.admin("channels.add", body | reward)
        self.channel_id, self.reward_id = told["id"], added["rewards"][0]["id"]
        self._token = told["access_token"]

    async def fill(self, vips: int) -> None:
        """So many viewers are VIP, at Twitch and in the store, while no daemon runs: Twitch would take ten in ten
        seconds."""
        people = []
        for number in range(vips):
            login = f"viewer_{number}"
            made = await self.twitch.order("viewers", {"login": login, "name": login.title()})
            people.append(Viewer(str(made["id"]), login, login.title()))
        self.viewers = [viewer.id for viewer in people]
        await self._badges()
        sessions = [self._session(viewer, number) for number, viewer in enumerate(people)]
        names = {name: self.twitch.addresses[name] for name in ("client_id", "client_secret")}
        settings = load_settings(
            {"DATA_DIR": str(self.daemon.data_dir)}
            | {f"TWITCH_{name.upper()}": names[name] for name in names}
        )
        kept = await open_kept(settings, owner="bench", clock=self.clock, metrics=NullMetrics())

        def taken(slots: Slots) -> Slots:
            for one in sessions:
                slots = moves.taken(slots, viewer_id=one.viewer_id, session_id=one.id, now=one.granted_at)
            return slots

        try:
            await asyncio.gather(*(kept.repositories.sessions.create(one) for one in sessions))
            await kept.repositories.slots.change(self.channel_id, taken)
        finally:
            await kept.close()

    def _session(self, viewer: Viewer, number: int) -> VipSession:
        """Ends lie two minutes apart."""
        now = self.clock.now()
        return opened(
            id=f"bench-{viewer.id}",
            channel_id=self.channel_id,
            viewer=viewer,
            cause=f"bench-{viewer.id}",
            added_ms=VIP_SECONDS * 1000 + number * 120_000,
            now=now,
            method=Method.REDEMPTION,
            granted_by=viewer.id,
            reward_id=self.reward_id,
            reward_title=TITLE,
        )

    async def _badges(self) -> None:
        addresses = self.twitch.addresses
        headers = {"Authorization": f"Bearer {self._token}", "Client-Id": addresses["client_id"]}
        async with aiohttp.ClientSession(headers=headers) as http:
            for viewer in self.viewers:
                await self.twitch.order("arrange", {"channel_id": self.channel_id, "user_id": viewer})
                query = {"broadcaster_id": self.channel_id, "user_id": viewer}
                async with http.post(f"{addresses['api_url']}/channels/vips", params=query) as answer:
                    assert answer.status == 204, await answer.text()

    async def redeem(self, viewer_id: str) -> None:
        self.redeemed += 1
        body = {"channel_id": self.channel_id, "reward_id": self.reward_id, "viewer_id": viewer_id}
        await self.twitch.order("redeem", body)

    @property
    def extensions(self) -> int:
        """What the page has to show."""
        return self.redeemed

    async def open_ours(self, page: Page) -> None:
        await page.goto(f"{self.daemon.url}/")
        await self._all_there(page, "#vip-rows > .vip")

    async def open_still(self, page: Page) -> None:
        """What our page shows, without a script."""
        await self.open_ours(page)
        await page.evaluate("document.querySelectorAll('script').forEach((one) => one.remove())")
        html = await page.content()
        await page.route("**/still", lambda route: route.fulfill(body=html, content_type="text/html"))
        await page.goto(f"{self.daemon.url}/still")
        await self._all_there(page, "#vip-rows > .vip")

    async def open_naive(self, page: Page) -> None:
        query = urlencode({"channel": self.channel_id})
        await page.route("**/naive*", lambda route: route.fulfill(path=NAIVE, content_type="text/html"))
        await page.goto(f"{self.daemon.url}/naive?{query}")
        await self._all_there(page, "#rows > .row")

    async def _all_there(self, page: Page, rows: str) -> None:
        await self.until(page, f"document.querySelectorAll({rows!r}).length", len(self.viewers))

    async def until(self, page: Page, expression: str, value: int) -> None:
        """Ask again and again: the policy of the page keeps the browser's own way of waiting out."""
        deadline = self.clock.monotonic() + PATIENCE_SECONDS
        while (got := await page.evaluate(expression)) != value:
            if self.clock.monotonic() > deadline:
                raise SystemExit(f"The page shows {got} instead of {value}: {expression}")
            await self.clock.sleep(0.05)


@asynccontextmanager
async def house_of(vips: int) -> AsyncIterator[House]:
    """Everything started, with so many VIPs."""
    configure_logs(clock=SystemClock(), level="warning")
    twitch = await Simulator.start("--unthrottled", "--vip-slots", str(vips + 10))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-dashboard-") as name,
            (Path(name) / "log").open("wb") as log,
        ):
            daemon = DaemonProgram(
                data_dir=Path(name) / "data",
                twitch=twitch.addresses,
                clock=SystemClock(),
                port=free_port(),
                log=log,
            )
            try:
                await daemon.start()
                house = House(twitch, daemon)
                await house.enrol()
                await daemon.stop()
                await house.fill(vips)
                await daemon.start()
                yield house
            finally:
                await daemon.stop()
    finally:
        await twitch.stop()
