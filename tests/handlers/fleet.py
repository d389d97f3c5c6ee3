"""Several processes of a fleet in one loop: each with its own clock, inbox and lanes, all on one store. The clocks are
2 s apart, which is the most that processes may differ while they have no common time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

from daemon.metrics import PrometheusMetrics
from daemon.wiring_handlers import Desk, join_handlers, open_repositories
from domain.events import Arrival
from domain.inbox import Delivery, InboxRow, RowState
from domain.retry import MUST_HAPPEN
from gateways.signals.contracts import Listener, Signals
from gateways.twitch.contracts import Helix
from handlers.elsewhere import SIGNAL, Elsewhere
from handlers.work import Handler, Work
from handlers.worker import Worker
from storage.contracts import Store
from storage.inbox import INBOX, Inbox
from storage.lanes import LANES, Lanes
from storage.open import open_store, sqlite_url
from tests.support.scene import REDEMPTION_ADD, Scene
from tests.support.story import Checkpoints, StoryClock

SECONDS = 30.0
SKEW_MS = 2000
Script = Callable[[Work], Awaitable[str]]


class ProcessClock(StoryClock):
    """The clock of one process. `jump` is a stop (SIGSTOP) and its end: time has passed and nothing has run."""

    def __init__(self, skew_ms: int = 0) -> None:
        super().__init__()
        self._wall_ms += skew_ms

    def jump(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall_ms += round(seconds * 1000)


class Wires:
    """What carries signals between the processes of a test; `cut` loses them."""

    def __init__(self) -> None:
        self.ends: list[WiredSignals] = []
        self.cut = False
        self.sent: list[tuple[str, str]] = []

    def end(self) -> WiredSignals:
        self.ends.append(WiredSignals(self))
        return self.ends[-1]


class WiredSignals:
    """One process's end."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._listeners: list[tuple[str, Listener]] = []

    def send(self, name: str, text: str = "") -> None:
        self._wires.sent.append((name, text))
        for end in self._wires.ends:
            if end is not self and not self._wires.cut:
                end.hear(name, text)

    def hear(self, name: str, text: str) -> None:
        for wanted, listener in self._listeners:
            if wanted == name:
                listener(text)

    def listen(self, name: str, listener: Listener) -> None:
        self._listeners.append((name, listener))

    async def close(self) -> None: ...


_conforms: type[Signals] = WiredSignals


@dataclass
class Process:
    """One process: what a worker has, and what it did."""

    clock: ProcessClock
    inbox: Inbox
    lanes: Lanes
    signals: WiredSignals
    elsewhere: Elsewhere
    worker: Worker
    handled: list[str] = field(default_factory=list)

    @property
    def at_rest(self) -> bool:
        """Whether the worker has looked round, has nothing to do, and waits for its next look."""
        idle = not self.worker.busy and not self.worker.backlog
        return idle and self.clock.asleep["worker.due"] == 1


@dataclass
class Fleet:
    """`scripts`: what a row's handler does, by message id; else it is done at once."""

    store: Store
    metrics: PrometheusMetrics = field(default_factory=PrometheusMetrics)
    wires: Wires = field(default_factory=Wires)
    scripts: dict[str, Script] = field(default_factory=dict)
    overtaken: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    working: list[asyncio.Task[None]] = field(default_factory=list)
    marking: list[asyncio.Task[None]] = field(default_factory=list)

    async def process(self, *, skew_ms: int = 0, size: int = 2, works: bool = True) -> Process:
        """Start one. Without `works` it only takes rows in."""
        clock, signals = ProcessClock(skew_ms), self.wires.end()
        inbox = Inbox(await self.store.collection(INBOX), clock=clock)
        lanes = Lanes(await self.store.collection(LANES), clock=clock)
        elsewhere = Elsewhere(lanes=lanes, signals=signals, clock=clock, metrics=self.metrics)
        handled: list[str] = []

        async def handle(work: Work) -> str:
            handled.append(work.row.message_id)
            script = self.scripts.get(work.row.message_id)
            return "done" if script is None else await script(work)

        async def overtaken(work: Work) -> None:
            self.overtaken.append(work.row.message_id)

        worker = Worker(
            inbox=inbox,
            lanes=lanes,
            table={"k": Handler(handle, MUST_HAPPEN, overtaken=overtaken)},
            clock=clock,
            metrics=self.metrics,
            checkpoint=Checkpoints(),
            random=Random(1),
            size=size,
            elsewhere=elsewhere,
        )
        process = Process(clock, inbox, lanes, signals, elsewhere, worker, handled)
        self.processes.append(process)
        self.marking.append(asyncio.create_task(elsewhere.run()))
        if works:
            signals.listen(SIGNAL, lambda lane: worker.look())
            self.working.append(asyncio.create_task(worker.run()))
        return process

    async def put(self, process: Process, message_id: str, lane: str = "lane") -> None:
        """A row comes in at a process."""
        delivery = Delivery(source="s", message_id=message_id, kind="k", lane=lane, raw=b"{}")
        await process.inbox.insert(delivery)

    async def row(self, message_id: str) -> InboxRow:
        return await self.processes[0].inbox.get(f"s:{message_id}")

    async def until(
        self, condition: Callable[[], Awaitable[bool]], *, move: Mapping[int, float] | None = None
    ) -> None:
        """Wait; `move` says by how many seconds the clock of which process goes on whenever its worker is at rest."""
        async with asyncio.timeout(SECONDS):
            while not await condition():
                for number, seconds in (move or {}).items():
                    if self.processes[number].at_rest:
                        await self.processes[number].clock.advance(seconds)
                await asyncio.sleep(0.002)

    async def looked(self, process: Process) -> None:
        """A worker has made its first round (which finds everything) and waits for the next."""

        async def waits() -> bool:
            return process.at_rest

        await self.until(waits)

    async def done(self, *message_ids: str, move: Mapping[int, float] | None = None) -> None:
        async def there() -> bool:
            rows = [await self.row(message_id) for message_id in message_ids]
            return all(row.state is RowState.DONE for row in rows)

        await self.until(there, move=move)

    async def stop(self) -> None:
        """End every process; raises what ended a worker before."""
        for process in self.processes:
            process.worker.stop()
        async with asyncio.timeout(SECONDS):
            while not all(task.done() for task in self.working):
                for process in self.processes:
                    await process.clock.advance(0.1)
                await asyncio.sleep(0.002)
        for task in self.marking:
            task.cancel()
        await asyncio.gather(*self.marking, return_exceptions=True)
        await asyncio.gather(*self.working)


@asynccontextmanager
async def open_fleet(path: Path) -> AsyncIterator[Fleet]:
    store = await open_store(sqlite_url(path), clock=StoryClock())
    fleet = Fleet(store)
    try:
        yield fleet
    finally:
        await fleet.stop()
        await store.close()


class HeldUp:
    """Helix at the end of a line that holds one call up, before it reaches Twitch (`open` lets it go on) and on its way
    back (`back`). All other calls pass."""

    def __init__(self, real: Any) -> None:
        self._real, self._method = real, ""
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        self.landed, self.back = asyncio.Event(), asyncio.Event()

    def hold(self, method: str) -> None:
        self._method = method

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._method:
            return real

        async def held_up(*given: Any, **named: Any) -> Any:
            self._method = ""
            self.reached.set()
            await self.open.wait()
            try:
                return await real(*given, **named)
            finally:
                self.landed.set()
                await self.back.wait()

        return held_up


@dataclass
class SecondDesk:
    """Another process beside a scene, with every handler."""

    clock: ProcessClock
    desk: Desk
    helix: HeldUp

    async def redeemed(self, event: dict[str, Any]) -> None:
        """A redemption comes in here, by webhook."""
        payload = {"subscription": {"type": REDEMPTION_ADD, "version": "1"}, "event": event}
        await self.desk.eventsub.notification(
            Arrival(
                message_id=f"second-{event['id']}",
                type=REDEMPTION_ADD,
                version="1",
                payload=payload,
                raw=json.dumps(payload).encode(),
                headers={},
                key_id="",
                transport="webhook",
            )
        )


@asynccontextmanager
async def second_desk(scene: Scene, *, skew_ms: int = SKEW_MS, **more: Any) -> AsyncIterator[SecondDesk]:
    """Joined and working; its clock stands `skew_ms` from the scene's."""
    clock, helix = ProcessClock(), HeldUp(scene.helix)
    clock.step_wall(scene.clock.now() + skew_ms - clock.now())
    desk = join_handlers(
        await open_repositories(scene.store, clock=clock),
        topics=scene.topics,
        helix=cast("Helix", helix),
        clock=clock,
        metrics=scene.metrics,
        random=Random(4),
        workers=4,
        owner="second",
        **more,
    )
    working = asyncio.create_task(desk.worker.run())
    try:
        yield SecondDesk(clock, desk, helix)
    finally:
        helix.open.set()
        helix.back.set()
        desk.worker.stop()
        async with asyncio.timeout(SECONDS):
            while not working.done():
                await clock.advance(0.5)
                await asyncio.wait({working}, timeout=0.01)
        await working
