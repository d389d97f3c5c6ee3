"""Workers on a real store with a handler that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from daemon.metrics import PrometheusMetrics
from domain.inbox import Delivery, InboxRow, RowState
from domain.retry import RetryPolicy
from handlers.work import Handler, Work
from handlers.worker import Worker
from storage.contracts import Collection
from storage.inbox import INBOX, Inbox
from storage.lanes import LANES, Lanes
from storage.open import open_store, sqlite_url
from tests.support.story import Checkpoints, StoryClock
from tests.support.unreliable import UnreliableStore

SECONDS = 30.0
FEW = RetryPolicy(max_attempts=3, base_ms=1000, cap_ms=1000, floor_ms=1000)
Script = Callable[[Work], Awaitable[str]]


@dataclass
class House:
    """A store that workers share, and what they did."""

    clock: StoryClock
    store: UnreliableStore
    rows: Collection
    lanes_documents: Collection
    inbox: Inbox
    lanes: Lanes
    metrics: PrometheusMetrics
    handled: list[str] = field(default_factory=list)
    given_up: list[tuple[str, str]] = field(default_factory=list)
    scripts: dict[str, Script] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def worker(
        self, *, size: int = 4, give_up: Script | None = None, table: Mapping[str, Handler] | None = None
    ) -> Worker:
        async def handle(work: Work) -> str:
            self.handled.append(work.row.message_id)
            script = self.scripts.get(work.row.message_id)
            return "done" if script is None else await script(work)

        async def end(work: Work, error: Exception) -> None:
            self.given_up.append((work.row.message_id, type(error).__name__))
            if give_up is not None:
                await give_up(work)

        table = table or {"k": Handler(handle, FEW, end), "plain": Handler(handle, FEW)}
        worker = Worker(
            inbox=self.inbox,
            lanes=self.lanes,
            table=table,
            clock=self.clock,
            metrics=self.metrics,
            checkpoint=self.checkpoints,
            random=Random(1),
            size=size,
        )
        self.workers.append(worker)
        self.tasks.append(asyncio.create_task(worker.run(), name=f"run{len(self.workers)}"))
        return worker

    async def put(
        self,
        message_id: str,
        lane: str = "lane",
        kind: str = "k",
        *,
        poke: bool = True,
        channel_id: str = "",
    ) -> None:
        delivery = Delivery(
            source="s", message_id=message_id, kind=kind, lane=lane, channel_id=channel_id, raw=b"{}"
        )
        _, row = await self.inbox.insert(delivery)
        if poke and self.workers:
            self.workers[0].poke(row.lane)

    async def row(self, message_id: str) -> InboxRow:
        return await self.inbox.get(f"s:{message_id}")

    async def until(self, condition: Callable[[], Awaitable[bool]], *, move: float = 0.0) -> None:
        async with asyncio.timeout(SECONDS):
            while not await condition():
                if move:
                    await self.clock.advance(move)
                await asyncio.sleep(0.002)

    async def becomes(self, message_id: str, state: RowState, *, move: float = 0.0) -> InboxRow:
        async def there() -> bool:
            return (await self.row(message_id)).state is state

        await self.until(there, move=move)
        return await self.row(message_id)

    async def all_done(self, *, move: float = 0.0) -> None:
        async def there() -> bool:
            return not (await self.inbox.counts()).get("open")

        await self.until(there, move=move)

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.value(name, **labels) or 0.0


@asynccontextmanager
async def open_house(path: Path) -> AsyncIterator[House]:
    clock, metrics = StoryClock(), PrometheusMetrics()
    store = UnreliableStore(await open_store(sqlite_url(path), clock=clock, metrics=metrics))
    rows, lanes = await store.collection(INBOX), await store.collection(LANES)
    house = House(
        clock,
        store,
        rows,
        lanes,
        Inbox(rows, clock=clock),
        Lanes(lanes, clock=clock, lease_ms=30_000),
        metrics,
    )
    try:
        yield house
    finally:
        for worker in house.workers:
            worker.stop()
        async with asyncio.timeout(SECONDS):
            while not all(task.done() for task in house.tasks):
                if clock.hands_asleep:
                    await clock.advance(1.0)
                await asyncio.wait(house.tasks, timeout=0.01)
            await asyncio.gather(*house.tasks)  # raises what ended a worker
        await store.close()


def raises(*errors: Exception) -> Script:
    """Raises one after the other, then says "done"."""
    left = list(errors)

    async def script(work: Work) -> str:
        if left:
            raise left.pop(0)
        return "done"

    return script
