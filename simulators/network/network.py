"""All routes of one proxy."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from simulators.network.errors import Refused, Taken, Unknown
from simulators.network.route import Route

MOST_ROUTES = 64


class Network:
    """`async with Network() as network: route = await network.add("redis", "127.0.0.1:6379")`.

    Programs then talk to `127.0.0.1:{route.port}` as if it were the server, and `route` takes orders.
    """

    def __init__(self, *, host: str = "127.0.0.1", seed: int = 1) -> None:
        self._host, self._seed = host, seed
        self.routes: dict[str, Route] = {}

    async def add(self, name: str, upstream: str, *, port: int = 0) -> Route:
        """A route of this name to `host:port`. Raises `Refused`, and `OSError` if our port cannot be had."""
        if not name or len(name) > 100:
            raise Refused("a route needs a name, of at most 100 characters")
        if name in self.routes:
            raise Taken(f"there is a route {name!r} already")
        if len(self.routes) >= MOST_ROUTES:
            raise Refused(f"{MOST_ROUTES} routes are the most")
        made = Route(name, address(upstream), host=self._host, port=port, seed=self._seed + len(self.routes))
        await made.start()
        self.routes[name] = made
        return made

    async def remove(self, name: str) -> None:
        """Cut and forget a route. Raises `Refused`."""
        route = self.route(name)
        del self.routes[name]
        await route.stop()

    def route(self, name: str) -> Route:
        """Raises `Refused` if there is none of this name."""
        if name not in self.routes:
            raise Unknown(f"there is no route {name!r}")
        return self.routes[name]

    def chosen(self, name: str) -> list[Route]:
        """The route of this name; all for an empty name."""
        return [self.route(name)] if name else list(self.routes.values())

    def to_json(self) -> dict[str, Any]:
        return {"routes": {name: route.to_json() for name, route in self.routes.items()}}

    async def stop(self) -> None:
        """Cut everything and stop listening."""
        for name in list(self.routes):
            await self.remove(name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def address(text: str) -> tuple[str, int]:
    """`host:port` or `[host]:port`. Raises `Refused`."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise Refused(f"{text!r} is no address: host:port")
    return host, int(port)
