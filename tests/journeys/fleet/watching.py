"""Dashboards that come back for ever, each attached to one daemon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from tests.journeys.fleet.streams import Page, Parser

COME_BACK_SECONDS = 0.3
"""Sooner than `retry` says: the test is in a hurry, and impatient pages are the harder case."""
STALLED_SECONDS = 30.0


class Watcher:
    """A page that looks at one channel through one daemon, for as long as its task runs."""

    def __init__(self, name: str, url: str, channel_id: str) -> None:
        self.page = Page(name)
        self.url, self.channel_id = url, channel_id
        self.torn = 0

    async def run(self) -> None:
        """Watch, and come back, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None, connect=2.0, sock_read=STALLED_SECONDS)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=jar) as browser:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError, OSError):
                    await self._once(browser)
                await asyncio.sleep(COME_BACK_SECONDS)

    async def _once(self, browser: aiohttp.ClientSession) -> None:
        async with browser.post(f"{self.url}/api/auth/dev", headers={"Origin": self.url}) as answer:
            if answer.status != 200:
                return
        headers = {"Last-Event-ID": self.page.position} if self.page.position else {}
        parser = Parser()
        stream = f"{self.url}/api/ws?channel={self.channel_id}"
        async with browser.get(stream, headers=headers) as answer:
            if answer.status != 200:
                return
            self.page.connected()
            try:
                async for chunk in answer.content.iter_any():
                    for event in parser.feed(chunk):
                        self.page.take(event)
            finally:
                self.torn += parser.torn

    async def first_picture(self, *, seconds: float = 15.0) -> None:
        """Wait until the page shows something."""
        deadline = time.monotonic() + seconds
        while not self.page.position:
            assert time.monotonic() < deadline, f"{self.page.name} sees nothing"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watching(*watchers: Watcher) -> AsyncIterator[None]:
    """All of them look, until the block ends."""
    tasks = [asyncio.ensure_future(watcher.run()) for watcher in watchers]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
