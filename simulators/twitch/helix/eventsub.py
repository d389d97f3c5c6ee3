"""Create, Get and Delete EventSub Subscription(s); the conduits and their shards."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulators.twitch.errors import ApiError
from simulators.twitch.eventsub.conduits import Conduit
from simulators.twitch.eventsub.service import MISSING_SESSION
from simulators.twitch.eventsub.subscriptions import PENDING, Subscription
from simulators.twitch.eventsub.webhooks import Parcel, check_transport
from simulators.twitch.helix.call import Call, HelixGate
from simulators.twitch.moment import rfc3339

_SUBSCRIPTIONS = "/helix/eventsub/subscriptions"
_CONDUITS = "/helix/eventsub/conduits"
_SHARDS = "/helix/eventsub/conduits/shards"


def add_routes(app: web.Application, gate: HelixGate) -> None:
    app.router.add_post(_SUBSCRIPTIONS, gate.route(create, kind="any"))
    app.router.add_get(_SUBSCRIPTIONS, gate.route(get, kind="any"))
    app.router.add_delete(_SUBSCRIPTIONS, gate.route(delete, kind="any"))
    app.router.add_get(_CONDUITS, gate.route(get_conduits, kind="app"))
    app.router.add_post(_CONDUITS, gate.route(create_conduit, kind="app"))
    app.router.add_patch(_CONDUITS, gate.route(update_conduit, kind="app"))
    app.router.add_delete(_CONDUITS, gate.route(delete_conduit, kind="app"))
    app.router.add_get(_SHARDS, gate.route(get_shards, kind="app"))
    app.router.add_patch(_SHARDS, gate.route(update_shards, kind="app"))


async def create(call: Call) -> web.Response:
    subscription = call.stage.eventsub.subscribe(call.token, await call.body())
    return web.json_response({"data": [subscription.to_json()], **_totals(call)}, status=202)


async def get(call: Call) -> web.Response:
    names = ("status", "type", "user_id", "subscription_id", "conduit_id")
    filters = {name: call.maybe(name) for name in names if call.maybe(name)}
    if len(filters) > 1:
        raise ApiError(400, "Only one of the status, type, user_id or subscription_id filters may be given.")
    rows = call.stage.eventsub.register.owned(call.token.client_id, call.token.user_id)
    for name, value in filters.items():
        rows = [row for row in rows if _matches(row, name, value)]
    page, more = call.page(rows, default=100, most=100)
    return web.json_response({"data": [row.to_json() for row in page], "pagination": more, **_totals(call)})


async def delete(call: Call) -> web.Response:
    subscription = call.stage.eventsub.register.get(call.one("id"))
    owner = (call.token.client_id, call.token.user_id)
    if subscription is None or (subscription.client_id, subscription.user_id) != owner:
        raise ApiError(404, "The subscription was not found.")
    call.stage.eventsub.register.remove(subscription)
    return web.Response(status=204)


async def get_conduits(call: Call) -> web.Response:
    conduits = call.stage.eventsub.conduits.of_client(call.token.client_id)
    return web.json_response({"data": [conduit.to_json() for conduit in conduits]})


async def create_conduit(call: Call) -> web.Response:
    count = (await call.body()).get("shard_count")
    conduit = call.stage.eventsub.conduits.create(call.token.client_id, count)
    return web.json_response({"data": [conduit.to_json()]})


async def update_conduit(call: Call) -> web.Response:
    body = await call.body()
    conduits = call.stage.eventsub.conduits
    conduit = conduits.resize(call.token.client_id, str(body.get("id", "")), body.get("shard_count"))
    return web.json_response({"data": [conduit.to_json()]})


async def delete_conduit(call: Call) -> web.Response:
    call.stage.eventsub.conduits.delete(call.token.client_id, call.one("id"))
    return web.Response(status=204)


async def get_shards(call: Call) -> web.Response:
    conduit = call.stage.eventsub.conduits.require(call.token.client_id, call.one("conduit_id"))
    status = call.maybe("status")
    rows = [shard.to_json() for shard in conduit.shards if not status or shard.status == status]
    page, more = call.page(rows, default=100, most=100)
    return web.json_response({"data": page, "pagination": more})


async def update_shards(call: Call) -> web.Response:
    """202 with what worked in `data` and what did not in `errors`."""
    body = await call.body()
    conduit = call.stage.eventsub.conduits.require(call.token.client_id, str(body.get("conduit_id", "")))
    wanted = body.get("shards")
    if not isinstance(wanted, list) or not wanted:
        raise ApiError(400, "The shards field is required.")
    done: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for item in wanted:
        shard_id = str(item.get("id", "")) if isinstance(item, dict) else ""
        try:
            transport = item.get("transport") if isinstance(item, dict) else None
            done.append(_attach(call, conduit, shard_id, transport))
        except ApiError as error:
            errors.append({"id": shard_id, "message": error.message, "code": "invalid_parameter"})
    return web.json_response({"data": done, "errors": errors}, status=202)


def _attach(call: Call, conduit: Conduit, shard_id: str, transport: Any) -> dict[str, Any]:
    eventsub = call.stage.eventsub
    shard = next((shard for shard in conduit.shards if shard.id == shard_id), None)
    if shard is None:
        raise ApiError(400, "The shard id is outside the conduit's range.")
    method = transport.get("method") if isinstance(transport, dict) else None
    if method == "websocket":
        session = eventsub.hall.find(str(transport.get("session_id", "")))
        if session is None or session.owner is not None:
            raise ApiError(400, MISSING_SESSION)
        if session.shard not in (None, (conduit.id, shard.id)):
            raise ApiError(400, "The websocket session serves another shard.")
        session.shard, session.used = (conduit.id, shard.id), True
        where = {"method": method, "session_id": session.id, "connected_at": rfc3339(session.connected_at)}
        eventsub.conduits.attach(conduit, shard, where, status="enabled", secret="")
        return shard.to_json()
    if method != "webhook":
        raise ApiError(400, "invalid transport method")
    callback, secret = check_transport(transport, https=call.stage.settings.webhooks_need_https)
    where = {"method": method, "callback": callback}
    eventsub.conduits.attach(conduit, shard, where, status=PENDING, secret=secret)
    parcel = Parcel(
        callback=callback,
        secret=secret,
        type="webhook_callback_verification",
        message_id=call.stage.ids.unique(),
        subscription_type="conduit.shard",
        subscription_version="1",
        body={"conduit_shard": {"conduit_id": conduit.id, "shard": shard.id}},
    )

    def verified(works: bool) -> None:
        if shard.transport is where:
            eventsub.conduits.enable(conduit, shard, works=works)

    eventsub.courier.verify(parcel, verified)
    return shard.to_json()


def _matches(row: Subscription, name: str, value: str) -> bool:
    match name:
        case "user_id":
            return value in row.condition.values()
        case "subscription_id":
            return row.id == value
        case "conduit_id":
            return bool(row.transport.get("conduit_id") == value)
        case "type":
            return row.type == value
        case _:
            return row.status == value


def _totals(call: Call) -> dict[str, int]:
    register = call.stage.eventsub.register
    client_id, user_id = call.token.client_id, call.token.user_id
    return {
        "total": register.total(client_id, user_id),
        "total_cost": register.total_cost(client_id, user_id),
        "max_total_cost": register.max_total_cost(user_id),
    }
