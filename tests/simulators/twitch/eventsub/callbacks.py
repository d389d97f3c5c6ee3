"""A webhook receiver of these tests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECRET = "a-secret-of-the-tests"


@dataclass
class Received:
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return self.headers["Twitch-Eventsub-Message-Type"]


@dataclass
class Receiver:
    """Answers challenges and checks signatures; `statuses` are given to notifications before 204 is."""

    url: str = ""
    agrees: bool = True
    statuses: list[int] = field(default_factory=list)
    inbox: asyncio.Queue[Received] = field(default_factory=asyncio.Queue)

    async def next(self, message_type: str) -> Received:
        async with asyncio.timeout(30):
            while True:
                received = await self.inbox.get()
                if received.type == message_type:
                    return received

    async def handle(self, request: web.Request) -> web.Response:
        raw, headers = await request.read(), dict(request.headers)
        signed = headers["Twitch-Eventsub-Message-Id"] + headers["Twitch-Eventsub-Message-Timestamp"]
        expected = hmac.new(SECRET.encode(), signed.encode() + raw, hashlib.sha256).hexdigest()
        if headers["Twitch-Eventsub-Message-Signature"] != f"sha256={expected}":
            return web.Response(status=403)
        received = Received(headers, json.loads(raw))
        self.inbox.put_nowait(received)
        if received.type == "webhook_callback_verification":
            return web.Response(text=received.body["challenge"] if self.agrees else "no")
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    opened = Receiver()
    app = web.Application()
    app.router.add_post("/callback", opened.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    opened.url = f"http://127.0.0.1:{runner.addresses[0][1]}/callback"
    try:
        yield opened
    finally:
        await runner.cleanup()
