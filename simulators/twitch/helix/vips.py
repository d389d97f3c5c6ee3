"""Get VIPs, Add Channel VIP, Remove Channel VIP."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.helix.call import Call, HelixGate

_READ = ("channel:read:vips", "channel:manage:vips")
_MANAGE = ("channel:manage:vips",)


def add_routes(app: web.Application, gate: HelixGate) -> None:
    app.router.add_get("/helix/channels/vips", gate.route(get_vips, scopes=_READ))
    app.router.add_post("/helix/channels/vips", gate.route(add_vip, scopes=_MANAGE))
    app.router.add_delete("/helix/channels/vips", gate.route(remove_vip, scopes=_MANAGE))


async def get_vips(call: Call) -> web.Response:
    channel = call.own_channel()
    asked = call.many("user_id", limit=100)
    chosen = [user_id for user_id in channel.vips if not asked or user_id in asked]
    page, more = call.page(chosen, default=20, most=100)
    return web.json_response({"data": [user_row(call, user_id) for user_id in page], "pagination": more})


async def add_vip(call: Call) -> web.Response:
    user_id = call.one("user_id")
    channel = call.own_channel(mismatch=403)
    call.stage.life.add_vip(channel, user_id, by=call.stage.actor(call.token))
    return web.Response(status=204)


async def remove_vip(call: Call) -> web.Response:
    user_id, broadcaster_id = call.one("user_id"), call.one("broadcaster_id")
    if call.token.user_id not in (broadcaster_id, user_id):
        raise ApiError(403, "The user may not remove this VIP in the broadcaster's channel.")
    channel = call.stage.world.channel(broadcaster_id)
    call.stage.life.remove_vip(channel, user_id, by=call.stage.actor(call.token, user_id))
    return web.Response(status=204)


def user_row(call: Call, user_id: str) -> dict[str, Any]:
    """The row of roles: `user_id`, `user_name`, `user_login`."""
    user = call.stage.world.users[user_id]
    return {"user_id": user.id, "user_name": user.name, "user_login": user.login}
