"""A wall where Discord would be: takes what webhooks are told, keeps the last of it, and answers as Discord does.

Source: Discord developer documentation, "Execute Webhook". It stands beside Twitch so that a demo calls nobody outside.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from aiohttp import web

from simulators.twitch.control import answering

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
        app.router.add_get("/sim/discord", answering(lambda _: {"messages": list(self.heard)}))
        app.router.add_post("/sim/discord/delete", answering(self._delete))

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
        raw = await request.read()
        if len(raw) > MOST_BYTES:
            return web.json_response({"message": "Request entity too large", "code": 40005}, status=413)
        try:
            body = json.loads(raw)
        except ValueError:
            return web.json_response({"message": "The request body is no JSON.", "code": 50109}, status=400)
        if not isinstance(body, dict) or not (body.get("content") or body.get("embeds")):
            return web.json_response({"message": "Cannot send an empty message", "code": 50006}, status=400)
        self.heard.append({"webhook": webhook, "body": body})
        return web.Response(status=204)

    def _delete(self, body: dict[str, Any]) -> dict[str, Any]:
        """In the channel settings: {"id"}."""
        self.deleted.add(str(body["id"]))
        return {}
