"""The parts of the API with small ports in memory where the handlers would be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from domain.errors import NotFound
from handlers.vip.operations import Operation
from handlers.vip.vip_desk import Asker, Wish
from handlers.vip.vip_list import VipQuery
from tests.web.world import World, running
from web.api.connection import ConnectionApi
from web.api.operations import OperationsApi
from web.api.vips import VipsApi
from web.api.waiting_list import WaitingListApi
from web.routes import Api

ID = "0123456789abcdef0123456789abcdef"
VIP: dict[str, Any] = {
    "id": "s-1",
    "viewer_id": "42",
    "viewer_login": "ann",
    "viewer_name": "Ann",
    "status": "active",
    "granted_at": 1,
    "expires_at": 100,
    "until_stream_end": False,
    "after_stream_ms": 0,
    "protected": False,
    "method": "dashboard",
    "reward_id": "",
    "reward_title": "",
    "extensions": 0,
    "ended_at": None,
    "ended_because": "",
    "left_seconds": 99,
}
WAITING: dict[str, Any] = {"channel": "100", "cap": 1, "held": 1, "full": True, "entries": []}
CONNECTION: dict[str, Any] = {
    "transport": "websocket",
    "state": "live",
    "since": 5,
    "detail": "",
    "last_event_at": None,
    "lag_ms": None,
    "subscriptions": [],
    "chat": {"sent": 1, "dropped": 1, "last_drop": {"at": 5, "reason": "msg_duplicate"}},
    "backlog": {"waiting": 0, "oldest_at": None, "parked": 0, "dead": 0, "over_quota": 0},
}


def done(result: str = "granted", **more: Any) -> Operation:
    return Operation(ID, "done", result, 5, viewer_id="42", **more)


PENDING = Operation(ID, "pending", "pending", 5)


@dataclass
class Parts:
    """Every port; `told` is what an operation comes to, `asked` what was asked for."""

    told: Operation = field(default_factory=done)
    asked: list[Any] = field(default_factory=list)
    vip: dict[str, Any] | None = field(default_factory=lambda: dict(VIP))

    async def page(self, channel_id: str, query: VipQuery) -> dict[str, Any]:
        self.asked.append((channel_id, query))
        return {"entries": [VIP], "cursor": "more", "total_active": 7, "now": 5}

    async def of(self, channel_id: str, viewer_id: str) -> dict[str, Any] | None:
        assert (channel_id, viewer_id) == ("100", "42")
        return self.vip

    async def ask(self, asker: Asker, wish: Wish) -> Operation:
        self.asked.append((asker, wish))
        return self.told

    async def let_go(self, asker: Asker, redemption_id: str) -> Operation:
        self.asked.append((asker, redemption_id))
        return self.told

    async def reconcile(self, asker: Asker) -> Operation:
        self.asked.append(asker)
        return self.told

    async def waiting(self, channel_id: str) -> dict[str, Any] | None:
        return WAITING if channel_id == "100" else None

    async def show(self, channel_id: str) -> dict[str, Any]:
        return CONNECTION

    async def restart(self, channel_id: str) -> None:
        if channel_id != "100":
            raise NotFound("There is no such channel.")
        self.asked.append(channel_id)

    async def look(self, operation_id: str, *, channel_id: str) -> Operation:
        if operation_id != ID:
            raise NotFound("There is no such operation.", code="operation.unknown")
        return self.told

    def api(self) -> Api:
        operations: Any = self
        return Api(
            vips=VipsApi(lists=self, desk=self),
            waiting_list=WaitingListApi(shown=self, desk=self),
            operations=OperationsApi(operations=operations),
            connection=ConnectionApi(shown=self, restart=self, desk=self),
        )


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[World, Parts]]:
    """A running web layer with these parts, and somebody signed in."""
    parts = Parts()
    async with running(ports={"api": parts.api()}) as world:
        await world.sign_in()
        yield world, parts


async def send(
    world: World, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """A request as the page makes it, in channel 100 where the path says no other."""
    async with world.client.get(world.url("/api/auth/csrf")) as response:
        token = (await response.json())["token"]
    path = path if "channel=" in path else f"{path}{'&' if '?' in path else '?'}channel=100"
    known = {"X-CSRF-Token": token, "Origin": f"http://127.0.0.1:{world.port}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with world.client.request(method, world.url(path), json=body, headers=known | named) as response:
        return response.status, await response.json(content_type=None), dict(response.headers)
