"""A daemon on another data directory, with the Twitch of one that ran before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from daemon.clock import SystemClock
from daemon.settings import load_settings
from daemon.wiring import Daemon
from tests.daemon.running import SECONDS, Running


@asynccontextmanager
async def second_daemon(before: Running, data_dir: Path) -> AsyncIterator[Running]:
    """It has to come up, and to end with code 0."""
    sim = before.sim
    settings = load_settings(
        {
            "DATA_DIR": str(data_dir),
            "PORT": "0",
            "TWITCH_CLIENT_ID": sim.client_id,
            "TWITCH_CLIENT_SECRET": sim.client_secret,
            "TWITCH_API_URL": sim.api_url,
            "TWITCH_ID_URL": sim.id_url,
            "TWITCH_EVENTSUB_URL": sim.eventsub_url,
        }
    )
    ready = asyncio.Event()
    daemon = Daemon(settings, clock=SystemClock(), ready=lambda _: ready.set())
    ended = asyncio.ensure_future(daemon.run(signals=False))
    async with asyncio.timeout(SECONDS):
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert ready.is_set(), await ended
    try:
        async with aiohttp.ClientSession(base_url=f"http://127.0.0.1:{daemon.port}") as http:
            yield Running(daemon, sim, data_dir, http, ended)
    finally:
        daemon.lifecycle.request_stop("the test is over")
        async with asyncio.timeout(SECONDS):
            assert await ended == 0
