"""A wall where Discord would be: takes what webhooks are told, keeps the last of it, and answers as Discord does.

Source: Discord developer documentation, "Execute Webhook". It stands beside Twitch so that a demo calls nobody outside.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from aiohttp import web

MOST_KEPT = 100
MOST_BYTES = 64 << 10


class Wall:
    """`POST /api/webhooks/{id}/{token}` answers 204, or 404 for a webhook that was deleted (`/sim/discord/delete`);
    `GET /sim/discord` shows what came. The next answers are 429, one for each of `waits` (seconds)."""

    def __init__(self) -> None:
        self.heard: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self.deleted: set[str] = set()
        self.waits: deque[float] = deque()

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/api/webhooks/{id}/{token}", self._execute)
        app.router.add_get("/sim/discord", self._show)
        app.router.add_post("/sim/discord/delete", self._delete)

    async def _execute(self, request: web.Request) -> web.Response:
        webhook = request.match_info["id"]
        if webhook in self.deleted:
            return web.json_response({"message": "Unknown Webhook", "code": 10015}, status=404)
        if self.waits:
            told = {
                "message": "You are being rate limited.",
                "retry_after": self.waits.popleft(),
                "global": False,
            }
            return web.json_response(told, status=429)
        raw = await request.content.read(MOST_BYTES)
        try:
            body = json.loads(raw)
        except ValueError:
            return web.json_response({"message": "The request body is no JSON.", "code": 50109}, status=400)
        if not isinstance(body, dict) or not (body.get("content") or body.get("embeds")):
            return web.json_response({"message": "Cannot send an empty message", "code": 50006}, status=400)
        self.heard.append({"webhook": webhook, "body": body})
        return web.Response(status=204)

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response({"messages": list(self.heard)})

    async def _delete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.deleted.add(str(body["id"]))
        return web.json_response({})
