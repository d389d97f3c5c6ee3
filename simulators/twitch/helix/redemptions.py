"""Get Custom Reward Redemption and Update Redemption Status."""

from __future__ import annotations

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.helix.call import Call, HelixGate
from simulators.twitch.helix.rewards import MANAGE, READ, own_reward
from simulators.twitch.rewards import Redemption, redemption_for_helix
from simulators.twitch.world import Channel

_PATH = "/helix/channel_points/custom_rewards/redemptions"
_STATUSES = ("CANCELED", "FULFILLED", "UNFULFILLED")


def add_routes(app: web.Application, gate: HelixGate) -> None:
    app.router.add_get(_PATH, gate.route(get, scopes=READ))
    app.router.add_patch(_PATH, gate.route(update, scopes=MANAGE))


async def get(call: Call) -> web.Response:
    asked = call.many("id", limit=50)
    status = call.maybe("status")
    channel, reward = own_reward(call, "reward_id")
    if not asked and status not in _STATUSES:
        raise ApiError(400, "The value in the status query parameter is not valid.")
    if asked:
        rows = [reward.redemptions[item] for item in asked if item in reward.redemptions]
        if not rows:
            raise ApiError(404, "The redemptions specified in the id query parameter were not found.")
    elif status == "UNFULFILLED":
        rows = list(reward.unfulfilled.values())
    else:
        rows = [redemption for redemption in reward.redemptions.values() if redemption.status == status]
    sort = call.maybe("sort") or "OLDEST"
    if sort not in ("OLDEST", "NEWEST"):
        raise ApiError(400, "The value in the sort query parameter is not valid.")
    if sort == "NEWEST":
        rows.reverse()
    page, more = call.page(rows, default=20, most=50)
    return web.json_response({"data": [_row(call, channel, row) for row in page], "pagination": more})


async def update(call: Call) -> web.Response:
    asked = call.many("id", limit=50)
    if not asked:
        raise ApiError(400, 'Missing required parameter "id"')
    status = (await call.body()).get("status")
    channel, reward = own_reward(call, "reward_id")
    if status not in ("CANCELED", "FULFILLED"):
        raise ApiError(400, "The value in the status field is not valid.")
    rows = [reward.unfulfilled[item] for item in asked if item in reward.unfulfilled]
    if len(rows) < len(asked):
        raise ApiError(
            404,
            "The custom reward redemptions specified in the id query parameter were not found. "
            "The statuses of the redemptions must be UNFULFILLED.",
        )
    for row in rows:
        call.stage.life.resolve(channel, row, status, by=call.stage.actor(call.token))
    return web.json_response({"data": [_row(call, channel, row) for row in rows]})


def _row(call: Call, channel: Channel, redemption: Redemption) -> dict[str, object]:
    return redemption_for_helix(redemption, channel.user, call.stage.world.users[redemption.user_id])
