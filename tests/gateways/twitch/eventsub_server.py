"""What the tests of the EventSub shell run against: a scripted server, a desk for subscriptions, recorders."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from domain.errors import CuelightError
from domain.events import Arrival
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.monitor import Monitor
from gateways.twitch.subscriber import subscribers
from gateways.twitch.subscriptions import vip_channel
from tests.gateways.twitch import eventsub_frames as frames
from tests.support.clock import ManualClock

WAIT_SECONDS = 30.0


class Bell:
    """Rung at every change, so that tests wait for conditions, not for time."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                self._event.clear()
                await self._event.wait()


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        assert connection.request is not None
        self.path = connection.request.path
        self.received: list[Any] = []

    async def send(self, text: str | bytes) -> None:
        await self.connection.send(text)

    async def close(self, code: int) -> None:
        await self.connection.close(code)

    async def gone(self) -> int | None:
        """Wait until the connection is over; the code that the client closed with."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self.connection.wait_closed()
        return self.connection.close_code


class ScriptedServer:
    """Accepts connections and does nothing by itself."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self._server: Server
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle, "127.0.0.1", 0, ssl=self._tls, compression=None, ping_interval=None, close_timeout=1
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/ws" if self._tls is None else f"wss://localhost:{port}/ws"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _handle(self, connection: ServerConnection) -> None:
        self.connections += 1
        peer = Peer(connection)
        await self._peers.put(peer)
        try:
            async for message in connection:
                peer.received.append(message)
        except ConnectionClosed:
            return

    @property
    def waiting(self) -> int:
        """Connections that no test asked for yet."""
        return self._peers.qsize()

    async def peer(self) -> Peer:
        """The next connection."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._peers.get()

    async def greet(self, session_id: str = "S1", **more: Any) -> Peer:
        """The next connection, welcomed."""
        peer = await self.peer()
        await peer.send(frames.welcome(session_id, **more))
        return peer


class Desk:
    """Twitch's list of EventSub subscriptions. `refusals` are raised in turn, by subscription type (or "list")."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.held: dict[str, RemoteSubscription] = {}
        self.refusals: dict[str, list[CuelightError]] = {}
        self.calls: list[str] = []
        self._serial = 0

    def refuse(self, what: str, *errors: CuelightError) -> None:
        self.refusals.setdefault(what, []).extend(errors)

    def _called(self, what: str) -> None:
        self.calls.append(what)
        self._bell.ring()
        if self.refusals.get(what):
            raise self.refusals[what].pop(0)

    def types(self, session_id: str) -> list[str]:
        return [item.type for item in self.held.values() if item.session_id == session_id]

    def leave(
        self, type_: str, channel_id: str, session_id: str, status: str = "enabled", **condition: str
    ) -> str:
        self._serial += 1
        condition = {"broadcaster_user_id": channel_id, **condition}
        item = RemoteSubscription(
            f"sub-{self._serial}", type_, "1", status, condition=condition, session_id=session_id
        )
        self.held[item.id] = item
        return item.id

    async def subscribe(
        self, channel_id: str, type: str, version: str, condition: dict[str, str], transport: dict[str, str]
    ) -> RemoteSubscription:
        await asyncio.sleep(0)
        self._called(type)
        return self.held[self.leave(type, channel_id, transport["session_id"], **condition)]

    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]:
        await asyncio.sleep(0)
        self._called("list")
        return [item for item in self.held.values() if item.condition["broadcaster_user_id"] == channel_id]

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool:
        await asyncio.sleep(0)
        self._called("delete")
        return self.held.pop(subscription_id, None) is not None


class Records:
    """Everything that a monitor tells. `sink_errors` and `gap_errors` are raised in turn."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.notified: list[str] = []
        self.last: dict[str, Any] = {}
        self.revoked: list[RemoteSubscription] = []
        self.gaps: list[str] = []
        self.states: list[tuple[str, str, str]] = []
        self.sink_errors: list[Exception] = []
        self.gap_errors: list[Exception] = []
        self.attempts = 0

    async def notification(self, came: Arrival) -> str:
        await asyncio.sleep(0)
        self.attempts += 1
        self._bell.ring()
        if self.sink_errors:
            raise self.sink_errors.pop(0)
        assert json.loads(came.raw)["payload"] == came.payload
        self.notified.append(came.message_id)
        self.last = {"type": came.type, "version": came.version, "headers": dict(came.headers)}
        self.last |= {"transport": came.transport}
        return "stored"

    async def on_revocation(self, subscription: RemoteSubscription) -> None:
        self.revoked.append(subscription)
        self._bell.ring()

    async def on_gap(self, channel_id: str) -> None:
        self._bell.ring()
        if self.gap_errors:
            raise self.gap_errors.pop(0)
        self.gaps.append(channel_id)

    def on_state(self, channel_id: str, state: str, detail: str) -> None:
        self.states.append((channel_id, state, detail))
        self._bell.ring()

    def state(self, channel_id: str = "100") -> tuple[str, str]:
        """The newest state of a channel."""
        return next(((s, d) for c, s, d in reversed(self.states) if c == channel_id), ("", ""))


class Counts:
    """Counts by name and label, nothing else."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, ...], float] = {}
        self.gauges: dict[str, float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        key = (name, *labels.values())
        self.seen[key] = self.seen.get(key, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[labels["state"]] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        raise AssertionError("nothing is observed")


class Spawned:
    """Implements `domain.ports.Tasks`; keeps what ended with an error."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        return task

    @property
    def running(self) -> int:
        return sum(not task.done() for task in self.tasks)


class House:
    """A monitor on a scripted server with a clock that moves by hand."""

    def __init__(self, **options: Any) -> None:
        self._options = {"connections_per_second": float("inf"), **options}
        self.bell = Bell()
        self.clock = ManualClock()
        self.desk = Desk(self.bell)
        self.records = Records(self.bell)
        self.counts = Counts()
        self.tasks = Spawned()
        self.server = ScriptedServer()

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        self.monitor = Monitor(
            url=self.server.url,
            settler=subscribers(helix=self.desk, clock=self.clock, random=random.Random(12)),
            sink=self.records,
            on_revocation=self.records.on_revocation,
            on_gap=self.records.on_gap,
            on_state=self.records.on_state,
            clock=self.clock,
            tasks=self.tasks,
            random=random.Random(11),
            metrics=self.counts,
            **self._options,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.monitor.stop()
        assert self.tasks.running == 0
        for task in self.tasks.tasks:
            assert task.cancelled() or task.exception() is None
        await self.server.__aexit__(kind, error, trace)

    async def until(self, condition: Callable[[], Any]) -> None:
        await self.bell.until(condition)

    async def live(self, channel_id: str = "100", session_id: str = "S1", **more: Any) -> Peer:
        """Add a channel and take it to `live`, first reconciliation included."""
        gaps = len(self.records.gaps)
        self.monitor.add(channel_id, vip_channel(channel_id))
        peer = await self.server.greet(session_id, **more)
        await self.until(
            lambda: self.records.state(channel_id)[0] == "live" and len(self.records.gaps) > gaps
        )
        return peer

    async def again(self, session_id: str) -> Peer:
        """Let time pass, in small steps, until the client connects once more, and welcome it."""
        async with asyncio.timeout(WAIT_SECONDS):
            while self.server.waiting == 0:
                await self.clock.advance(0.25)
        return await self.server.greet(session_id)

    async def heard(self, *message_ids: str) -> None:
        await self.until(lambda: set(message_ids) <= set(self.records.notified))
