"""A whole daemon in this process, with the Twitch simulator beside it: real sockets, real store, real clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from daemon.admin_client import admin_call
from daemon.clock import SystemClock
from daemon.settings import load_settings
from daemon.wiring import Daemon
from domain.ports import Clock
from simulators.twitch import SimulatorSettings, TwitchSimulator

SECONDS = 30.0
START_SECONDS = 20.0  # a daemon that may not be there waits for the end of one that was killed


@dataclass
class Running:
    """`http` speaks to the daemon, `sim` is the outside."""

    daemon: Daemon
    sim: TwitchSimulator
    data_dir: Path
    http: aiohttp.ClientSession
    ended: asyncio.Task[int]

    async def admin(self, command: str, args: Mapping[str, Any] | None = None) -> Any:
        return await asyncio.to_thread(admin_call, self.data_dir, command, args, timeout_seconds=SECONDS)

    async def order(self, path: str, body: Mapping[str, Any]) -> Any:
        async with self.http.post(f"{self.sim.control_url}/{path}", json=dict(body)) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def enrol(self, *, vip_seconds: int = 3600) -> tuple[str, str]:
        """A channel with a reward; returns both ids once the channel is live."""
        channel = await self.order("channels", {"login": "lantern", "name": "Lantern"})
        added = await self.admin(
            "channels.add",
            {
                "access_token": channel["access_token"],
                "refresh_token": channel["refresh_token"],
                "reward_title": "VIP",
                "reward_cost": 500,
                "vip_seconds": vip_seconds,
            },
        )
        await self.until(lambda: self.state(channel["id"]) == "live")
        return channel["id"], added["rewards"][0]["id"]

    def state(self, channel_id: str) -> str:
        return self.daemon.states().get(channel_id, "")

    async def redeem(self, channel_id: str, reward_id: str, login: str) -> dict[str, Any]:
        viewer = await self.order("viewers", {"login": login, "name": login.title()})
        body = {"channel_id": channel_id, "reward_id": reward_id, "viewer_id": viewer["id"]}
        redeemed: dict[str, Any] = await self.order("redeem", body)
        return redeemed

    def status_of(self, channel_id: str, redemption_id: str) -> str:
        return self.sim.world.channels[channel_id].redemptions[redemption_id].status

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(tmp_path: Path, **environ: str) -> AsyncIterator[Running]:
    """Start everything; on the way out the daemon is stopped and has to end with code 0."""
    async with (
        TwitchSimulator(settings=SimulatorSettings(accounting_lag_s=0)) as sim,
        joining(sim, tmp_path / "data", **environ) as run,
    ):
        yield run


@asynccontextmanager
async def joining(
    sim: TwitchSimulator, data_dir: Path, *, clock: Clock | None = None, **environ: str
) -> AsyncIterator[Running]:
    """One daemon, perhaps beside others on the same simulator. `clock`: its own instead of the machine's."""
    settings = load_settings(
        {
            "DATA_DIR": str(data_dir),
            "PORT": "0",
            "TWITCH_CLIENT_ID": sim.client_id,
            "TWITCH_CLIENT_SECRET": sim.client_secret,
            "TWITCH_API_URL": sim.api_url,
            "TWITCH_ID_URL": sim.id_url,
            "TWITCH_EVENTSUB_URL": sim.eventsub_url,
            "DISCORD_URL": sim.discord_url,
            "TWITCH_EVENTSUB_SECRET": "a-secret-of-the-test",
            "CRON_SECRET": "a-cron-secret-of-the-test",
            **environ,
        }
    )
    ready = asyncio.Event()
    daemon = Daemon(settings, clock=clock or SystemClock(), ready=lambda _: ready.set())
    ended = asyncio.ensure_future(daemon.run(signals=False))
    async with asyncio.timeout(START_SECONDS):
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
    assert ready.is_set(), await ended
    try:
        async with aiohttp.ClientSession(
            base_url=f"http://127.0.0.1:{daemon.port}", cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as http:
            yield Running(daemon, sim, data_dir, http, ended)
    finally:
        daemon.lifecycle.request_stop("the test is over")
        async with asyncio.timeout(SECONDS):
            assert await ended == 0
