"""Helix, one module per group of resources."""

from __future__ import annotations

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.helix import chat, crowd, eventsub, redemptions, rewards, users, vips
from simulators.twitch.helix.call import HelixGate
from simulators.twitch.stage import Stage


def add_helix(app: web.Application, stage: Stage) -> None:
    """Put all Helix routes into the application."""
    gate = HelixGate(stage)
    for module in (vips, rewards, redemptions, chat, users, crowd, eventsub):
        module.add_routes(app, gate)
    app.router.add_route("*", "/helix/{rest:.*}", _not_found)


async def _not_found(request: web.Request) -> web.Response:
    return web.json_response(ApiError(404, "").helix_body(), status=404)
