"""Create, Get, Update and Delete Custom Reward(s)."""

from __future__ import annotations

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.helix.call import Call, HelixGate
from simulators.twitch.rewards import Reward, reward_for_helix
from simulators.twitch.world import Channel

READ = ("channel:read:redemptions", "channel:manage:redemptions")
MANAGE = ("channel:manage:redemptions",)
NOT_OWNER = (
    "The ID in the Client-Id header must match the client ID used to create the custom reward, "
    "or the broadcaster doesn't have partner or affiliate status."
)
_PATH = "/helix/channel_points/custom_rewards"


def add_routes(app: web.Application, gate: HelixGate) -> None:
    app.router.add_post(_PATH, gate.route(create, scopes=MANAGE))
    app.router.add_get(_PATH, gate.route(get, scopes=READ))
    app.router.add_patch(_PATH, gate.route(update, scopes=MANAGE))
    app.router.add_delete(_PATH, gate.route(delete, scopes=MANAGE))


async def create(call: Call) -> web.Response:
    fields = await call.body()
    channel = call.own_channel()
    fields.pop("is_paused", None)
    by = call.stage.actor(call.token)
    reward = call.stage.life.create_reward(channel, fields, client_id=call.token.client_id, by=by)
    return _one(reward, channel)


async def get(call: Call) -> web.Response:
    channel = call.own_channel()
    _check_status(channel)
    asked = call.many("id", limit=50)
    only_mine = call.maybe("only_manageable_rewards") == "true"
    found = [
        reward
        for reward in channel.rewards.values()
        if (not asked or reward.id in asked) and not (only_mine and reward.client_id != call.token.client_id)
    ]
    if asked and not found:
        raise ApiError(404, "None of the custom rewards specified in the id query parameter were found.")
    return web.json_response({"data": [reward_for_helix(reward, channel.user) for reward in found]})


async def update(call: Call) -> web.Response:
    fields = await call.body()
    channel, reward = own_reward(call, "id")
    call.stage.life.update_reward(channel, reward, fields, by=call.stage.actor(call.token))
    return _one(reward, channel)


async def delete(call: Call) -> web.Response:
    channel, reward = own_reward(call, "id")
    call.stage.life.delete_reward(channel, reward, by=call.stage.actor(call.token))
    return web.Response(status=204)


def own_reward(call: Call, parameter: str) -> tuple[Channel, Reward]:
    """The reward named by a query parameter. Raises ApiError 404, 403 when another client created it."""
    reward_id = call.one(parameter)
    channel = call.own_channel()
    _check_status(channel)
    reward = channel.rewards.get(reward_id)
    if reward is None:
        raise ApiError(404, "The custom reward specified in the id query parameter was not found.")
    if reward.client_id != call.token.client_id:
        raise ApiError(403, NOT_OWNER)
    return channel, reward


def _check_status(channel: Channel) -> None:
    if channel.user.broadcaster_type not in ("affiliate", "partner"):
        raise ApiError(403, "The broadcaster must have partner or affiliate status.")


def _one(reward: Reward, channel: Channel) -> web.Response:
    return web.json_response({"data": [reward_for_helix(reward, channel.user)]})
