"""Get Users, Get Moderators, Get Broadcaster Subscriptions, Get Authorization By User."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.helix.call import Call, HelixGate
from simulators.twitch.helix.vips import user_row
from simulators.twitch.moment import rfc3339
from simulators.twitch.world import User


def add_routes(app: web.Application, gate: HelixGate) -> None:
    app.router.add_get("/helix/users", gate.route(get_users, kind="any"))
    moderation = ("moderation:read", "channel:manage:moderators")
    app.router.add_get("/helix/moderation/moderators", gate.route(get_moderators, scopes=moderation))
    subscriptions = ("channel:read:subscriptions",)
    app.router.add_get("/helix/subscriptions", gate.route(get_subscriptions, scopes=subscriptions))
    app.router.add_get("/helix/authorization/users", gate.route(get_authorizations, kind="app"))


async def get_users(call: Call) -> web.Response:
    ids, logins = call.many("id", limit=100), call.many("login", limit=100)
    if len(ids) + len(logins) > 100:
        raise ApiError(400, "The sum of id and login parameters is limited to 100.")
    if not ids and not logins:
        if call.token.user_id is None:
            raise ApiError(400, "Must provide an id, login or user access token.")
        ids = [call.token.user_id]
    world = call.stage.world
    found = [world.user(user_id) for user_id in ids] + [world.user_by_login(login) for login in logins]
    rows = {user.id: _row(user) for user in found if user is not None}
    return web.json_response({"data": list(rows.values())})


async def get_moderators(call: Call) -> web.Response:
    channel = call.own_channel()
    asked = call.many("user_id", limit=100)
    chosen = [user_id for user_id in channel.moderators if not asked or user_id in asked]
    page, more = call.page(chosen, default=20, most=100)
    return web.json_response({"data": [user_row(call, user_id) for user_id in page], "pagination": more})


async def get_subscriptions(call: Call) -> web.Response:
    channel = call.own_channel()
    asked = call.many("user_id", limit=100)
    chosen = [user_id for user_id in channel.subscribers if not asked or user_id in asked]
    page, more = call.page(chosen, default=20, most=100)
    rows = [
        {
            "broadcaster_id": channel.id,
            "broadcaster_login": channel.user.login,
            "broadcaster_name": channel.user.name,
            "gifter_id": "",
            "gifter_login": "",
            "gifter_name": "",
            "is_gift": False,
            "plan_name": f"Channel Subscription ({channel.user.login})",
            "tier": channel.subscribers[user_id],
            **user_row(call, user_id),
        }
        for user_id in page
    ]
    total = len(channel.subscribers)
    return web.json_response({"data": rows, "pagination": more, "total": total, "points": total})


async def get_authorizations(call: Call) -> web.Response:
    asked = call.many("user_id", limit=10)
    if not asked:
        raise ApiError(400, 'Missing required parameter "user_id"')
    rows = []
    for user_id in asked:
        user = call.stage.world.user(user_id)
        if user is not None and call.stage.tokens.has_grant(call.token.client_id, user_id):
            scopes = sorted(call.stage.tokens.scopes_granted(call.token.client_id, user_id))
            rows.append({**user_row(call, user_id), "scopes": scopes})
    return web.json_response({"data": rows})


def _row(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "login": user.login,
        "display_name": user.name,
        "type": "",
        "broadcaster_type": user.broadcaster_type,
        "description": "",
        "profile_image_url": f"https://static-cdn.jtvnw.net/user-default-pictures/{user.id}.png",
        "offline_image_url": "",
        "view_count": 0,
        "created_at": rfc3339(user.created_at),
    }
