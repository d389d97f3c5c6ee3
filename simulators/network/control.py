"""The control surface /network: adds routes, makes the network bad and good again. JSON in, JSON out.

It has no authentication and therefore answers loopback addresses only.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulators.network.errors import Refused
from simulators.network.network import Network

Body = dict[str, Any]
Command = Callable[[Body], Any]
BODY_BYTES = 64 << 10


class Control:
    """One method per command. `route` in a body names one route; without it all are meant."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES)
        posts: dict[str, Command] = {
            "routes": self.add,
            "conditions": self.conditions,
            "calm": self.calm,
            "cut": self.cut,
            "half_close": self.half_close,
            "refuse": self.refuse,
            "traps": self.trap,
            "release": self.release,
        }
        for path, command in posts.items():
            app.router.add_post(f"/network/{path}", _answering(command))
        app.router.add_delete("/network/routes", _answering(self.remove))
        app.router.add_get("/network/state", _answering(lambda _: self._network.to_json()))
        return app

    async def add(self, body: Body) -> Body:
        """{"name","upstream":"host:port","port":0} → the route."""
        route = await self._network.add(
            str(body["name"]), str(body["upstream"]), port=int(body.get("port", 0))
        )
        return route.to_json()

    async def remove(self, body: Body) -> Body:
        """{"name"}"""
        await self._network.remove(str(body["name"]))
        return {}

    def conditions(self, body: Body) -> Body:
        """{"route","up":{…},"down":{…}}: fields as in `Conditions`; what is not named stays."""
        order = {name: value for name, value in body.items() if name != "route"}
        for route in self._routes(body):
            route.conditions(order)
        return self._network.to_json()

    async def calm(self, body: Body) -> Body:
        """{"route"}: no conditions, no traps, connections are taken."""
        for route in self._routes(body):
            route.calm()
            await route.refuse(refuse=False)
        return {}

    def cut(self, body: Body) -> Body:
        """{"route","how":"reset"|"close"}: every open connection, now."""
        return {"cut": sum(route.cut(str(body.get("how", "reset"))) for route in self._routes(body))}

    def half_close(self, body: Body) -> Body:
        """{"route","direction"}: a FIN in one direction of every open connection."""
        return {"closed": sum(route.half_close(str(body["direction"])) for route in self._routes(body))}

    async def refuse(self, body: Body) -> Body:
        """{"route","refuse":true}"""
        for route in self._routes(body):
            await route.refuse(refuse=bool(body.get("refuse", True)))
        return {}

    def trap(self, body: Body) -> Body:
        """{"route","act","direction","containing","after_bytes","how","times"}: see `Trap`."""
        order = {name: value for name, value in body.items() if name != "route"}
        return {"traps": [route.trap(order).to_json() for route in self._routes(body)]}

    def release(self, body: Body) -> Body:
        """{"route"}: take the traps away and let go of what they hold."""
        return {"released": sum(route.release() for route in self._routes(body))}

    def _routes(self, body: Body) -> list[Any]:
        return self._network.chosen(str(body.get("route", "")))


def _answering(command: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        if not _is_loopback(request.remote):
            return web.json_response({"error": "the control surface answers loopback only"}, status=403)
        try:
            raw = await request.read()
            body = json.loads(raw) if raw else {}
            answer = command(body if isinstance(body, dict) else {})
            if hasattr(answer, "__await__"):
                answer = await answer
        except Refused as error:
            return web.json_response({"error": str(error)}, status=error.status)
        except KeyError as error:
            return web.json_response({"error": f"missing field {error}"}, status=400)
        except (ValueError, TypeError, AttributeError, OSError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(answer)

    return handle


def _is_loopback(address: str | None) -> bool:
    return address is None or ipaddress.ip_address(address.partition("%")[0]).is_loopback
