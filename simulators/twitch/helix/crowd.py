"""Get Channel Followers, Get Streams, Get Banned Users."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.helix.call import Call, HelixGate
from simulators.twitch.helix.vips import user_row
from simulators.twitch.moment import now_ms, rfc3339
from simulators.twitch.world import Channel

_FOLLOWERS = "moderator:read:followers"
_BANS = ("moderation:read", "moderator:manage:banned_users")


def add_routes(app: web.Application, gate: HelixGate) -> None:
    app.router.add_get("/helix/channels/followers", gate.route(get_followers))
    app.router.add_get("/helix/streams", gate.route(get_streams, kind="any"))
    app.router.add_get("/helix/moderation/banned", gate.route(get_banned, scopes=_BANS))


async def get_followers(call: Call) -> web.Response:
    """Without the scope only the total is told; asking for one viewer needs it."""
    channel, asked = call.own_channel(), call.maybe("user_id")
    total = len(channel.followers)
    if _FOLLOWERS not in call.token.scopes:
        if asked:
            raise ApiError(401, f"Missing scope: {_FOLLOWERS}")
        return web.json_response({"total": total, "data": [], "pagination": {}})
    newest_first = sorted(channel.followers, key=lambda user_id: -channel.followers[user_id])
    chosen = [user_id for user_id in newest_first if not asked or user_id == asked]
    page, more = call.page(chosen, default=20, most=100)
    rows = [
        {**user_row(call, user_id), "followed_at": rfc3339(channel.followers[user_id])} for user_id in page
    ]
    return web.json_response({"total": total, "data": rows, "pagination": more})


async def get_streams(call: Call) -> web.Response:
    world = call.stage.world
    ids, logins = call.many("user_id", limit=100), call.many("user_login", limit=100)
    ids += [user.id for login in logins if (user := world.user_by_login(login)) is not None]
    on_air = [
        channel
        for channel in world.channels.values()
        if channel.live_since is not None
        and not channel.user.deleted
        and (not (ids or logins) or channel.id in ids)
    ]
    page, more = call.page(on_air, default=20, most=100)
    return web.json_response({"data": [_stream_row(channel) for channel in page], "pagination": more})


async def get_banned(call: Call) -> web.Response:
    channel = call.own_channel()
    asked, now = call.many("user_id", limit=100), now_ms()
    ends = dict.fromkeys(sorted(channel.blocked), "")
    ends |= {user_id: rfc3339(until) for user_id, until in channel.timeouts.items() if until > now}
    chosen = [user_id for user_id in ends if not asked or user_id in asked]
    page, more = call.page(chosen, default=20, most=100)
    rows = [
        {
            **user_row(call, user_id),
            "expires_at": ends[user_id],
            "created_at": rfc3339(now),
            "reason": "",
            "moderator_id": channel.id,
            "moderator_login": channel.user.login,
            "moderator_name": channel.user.name,
        }
        for user_id in page
    ]
    return web.json_response({"data": rows, "pagination": more})


def _stream_row(channel: Channel) -> dict[str, Any]:
    assert channel.live_since is not None
    return {
        "id": f"{channel.id}{channel.live_since}",
        "user_id": channel.id,
        "user_login": channel.user.login,
        "user_name": channel.user.name,
        "game_id": "",
        "game_name": "",
        "type": "live",
        "title": "",
        "viewer_count": 0,
        "started_at": rfc3339(channel.live_since),
        "language": "en",
        "tags": [],
        "is_mature": False,
    }
