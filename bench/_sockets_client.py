"""`python -m bench._sockets_client`: the process whose memory is measured. Opens EventSub sockets and keeps them.

It reads one order (a line of JSON) from standard input, opens one socket to have everything imported and warm, says
`warm`; at the next line opens the rest and says `open`; at the end of its input it closes them and is gone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import resource
import ssl
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from websockets.asyncio.client import connect

from daemon.clock import SystemClock
from domain.events import Arrival
from domain.ports import NullMetrics
from gateways.http import HttpClient
from gateways.pace import MemoryPace
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.monitor import Monitor
from gateways.twitch.subscriber import subscribers
from gateways.twitch.subscriptions import vip_channel

HTTP_CONNECTIONS = 4  # their buffers are not the sockets' and should not weigh
OPENING = 16  # at once; each has to subscribe within ten seconds of its welcome


@dataclass(frozen=True, slots=True)
class Order:
    """`variant`: a key of `CLIENTS`. `channels`: id and access token of each broadcaster."""

    variant: str
    eventsub_url: str
    api_url: str
    client_id: str
    channels: list[tuple[str, str]]
    per_second: float
    keepalive_seconds: int


class Client(Protocol):
    async def open(self, channel_ids: list[str]) -> None:
        """Returns when all are connected and subscribed."""
        ...

    async def close(self) -> None: ...


class Tokens:
    """The tokens of the order, for ever."""

    def __init__(self, channels: list[tuple[str, str]]) -> None:
        self._tokens = dict(channels)

    async def access_token(self, user_id: str) -> str:
        return self._tokens[user_id]

    async def refresh(self, user_id: str, rejected_token: str) -> str:
        raise RuntimeError("the simulator refused a token")

    async def condemn(self, user_id: str, rejected_token: str, why: str) -> None:
        raise RuntimeError("the simulator refused a token")


class Spawned:
    """`domain.ports.Tasks` that ends the process loudly when a task fails."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Cuelight:
    """The monitor as the daemon runs it."""

    def __init__(self, order: Order, helix: TwitchHelix) -> None:
        self._open: set[str] = set()
        self._changed = asyncio.Event()
        self._monitor = Monitor(
            url=order.eventsub_url,
            settler=subscribers(helix=helix, clock=SystemClock(), random=random.Random(2)),
            sink=self,
            on_revocation=self._revoked,
            on_gap=self._gap,
            on_state=self._state,
            clock=SystemClock(),
            tasks=Spawned(),
            random=random.Random(1),
            connections_per_second=order.per_second,
            keepalive_seconds=order.keepalive_seconds,
        )

    async def open(self, channel_ids: list[str]) -> None:
        for channel_id in channel_ids:
            self._monitor.add(channel_id, vip_channel(channel_id)[:1])
        while not self._open.issuperset(channel_ids):
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        await self._monitor.stop()

    def _state(self, channel_id: str, state: str, detail: str) -> None:
        if state == "live":
            self._open.add(channel_id)
            self._changed.set()
        elif channel_id in self._open and state != "stopped":
            raise SystemExit(f"a socket was lost: {state} {detail}")

    async def notification(self, came: Arrival) -> str:
        return "new"

    async def _revoked(self, subscription: RemoteSubscription) -> None:
        return None

    async def _gap(self, channel_id: str) -> None:
        return None


class Plain:
    """`websockets.connect` and a loop that reads; nothing is watched, nothing reconnects."""

    def __init__(self, order: Order, helix: TwitchHelix, *, context: ssl.SSLContext | None = None) -> None:
        self._url = f"{order.eventsub_url}?keepalive_timeout_seconds={order.keepalive_seconds}"
        self._helix = helix
        self._context = context
        self._opening = asyncio.Semaphore(OPENING)
        self._interval = 1.0 / order.per_second
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, channel_ids: list[str]) -> None:
        opened: list[asyncio.Future[None]] = []
        for channel_id in channel_ids:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._tasks.append(asyncio.create_task(self._keep(channel_id, done)))
            opened.append(done)
            await asyncio.sleep(self._interval)
        await asyncio.gather(*opened)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, channel_id: str, opened: asyncio.Future[None]) -> None:
        try:
            await self._opening.acquire()
            stock = self._context is None
            async with connect(self._url) if stock else connect(self._url, ssl=self._context) as socket:
                await self._subscribe(channel_id, await socket.recv())
                self._opening.release()
                opened.set_result(None)
                async for frame in socket:
                    json.loads(frame)
            raise SystemExit("a socket was closed")
        except Exception as error:
            if opened.done():
                raise SystemExit(f"a socket was lost: {error!r}") from error
            opened.set_exception(error)

    async def _subscribe(self, channel_id: str, welcome: str | bytes) -> None:
        session_id = json.loads(welcome)["payload"]["session"]["id"]
        wish = vip_channel(channel_id)[0]
        transport = {"method": "websocket", "session_id": session_id}
        await self._helix.subscribe(channel_id, wish.type, wish.version, dict(wish.condition), transport)


def _shared(order: Order, helix: TwitchHelix) -> Plain:
    return Plain(order, helix, context=ssl.create_default_context())


CLIENTS: dict[str, Callable[[Order, TwitchHelix], Client]] = {
    "cuelight": Cuelight,
    "websockets": Plain,
    "websockets, one context": _shared,
}


async def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Standard output is for the two words; what goes wrong belongs to standard error.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    order = Order(**json.loads(await _line()))
    channel_ids = [channel_id for channel_id, _ in order.channels]
    clock = SystemClock()
    async with HttpClient(connections=HTTP_CONNECTIONS) as http:
        helix = TwitchHelix(
            http=http,
            api_url=order.api_url,
            client_id=order.client_id,
            tokens=Tokens(order.channels),
            pace=MemoryPace(clock=clock),
            clock=clock,
            metrics=NullMetrics(),
            random=random.Random(1),
        )
        client = CLIENTS[order.variant](order, helix)
        await client.open(channel_ids[:1])
        print("warm", flush=True)
        await _line()
        await client.open(channel_ids[1:])
        print("open", flush=True)
        while await _line():
            continue
        await client.close()


async def _line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
