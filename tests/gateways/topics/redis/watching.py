"""Watchers of a topic and the oracle: each sees every entry once and in order, or is told that its position is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from domain.errors import Unavailable
from gateways.topics.contracts import Entry, NewEntry, Position, PositionLost, Topics

LIMIT_SECONDS = 20.0
RETRY_SECONDS = 0.05


@dataclass
class Run:
    """What was seen between entering a topic and losing the position in it."""

    start: Position
    entries: list[Entry] = field(default_factory=list)


class Watcher:
    """Follows one topic for ever; after a loss it begins again from the head, as a page with a new snapshot does."""

    def __init__(self, topics: Topics, topic: str) -> None:
        self._topics, self._topic = topics, topic
        self._news = asyncio.Event()
        self.runs: list[Run] = []

    @property
    def losses(self) -> int:
        return max(0, len(self.runs) - 1)

    @property
    def entries(self) -> list[Entry]:
        return [entry for run in self.runs for entry in run.entries]

    async def sees(self, position: Position) -> None:
        """Wait until it stands at `position` or beyond, in its epoch."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not self._stands_at(position):
                self._news.clear()
                await self._news.wait()

    async def enters(self, runs: int) -> None:
        """Wait until it has entered the topic so many times."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(self.runs) < runs:
                self._news.clear()
                await self._news.wait()

    def _stands_at(self, position: Position) -> bool:
        if not self.runs:
            return False
        run = self.runs[-1]
        here = run.entries[-1].position if run.entries else run.start
        return here.epoch == position.epoch and here.seq >= position.seq

    async def watch(self) -> None:
        while True:
            try:
                async with self._topics.follow(self._topic) as follower:
                    run = Run(follower.position)
                    self.runs.append(run)
                    self._news.set()
                    while True:
                        run.entries += await follower.next(timeout_seconds=0.5)
                        self._news.set()
            except PositionLost:
                continue
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)


@contextlib.asynccontextmanager
async def watching(*topics: Topics, topic: str = "a") -> AsyncIterator[list[Watcher]]:
    """A watcher in each process; all have entered."""
    watchers = [Watcher(one, topic) for one in topics]
    tasks = [asyncio.ensure_future(watcher.watch()) for watcher in watchers]
    try:
        for watcher in watchers:
            await watcher.enters(1)
        yield watchers
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [one for one in outcomes if not isinstance(one, asyncio.CancelledError)]
        assert not broken, broken


def judge(watchers: list[Watcher], acknowledged: dict[Position, str]) -> None:
    """Raises `AssertionError` for a hole, a repetition, a wrong order, or another entry in the place of one."""
    told: dict[Position, str] = dict(acknowledged)
    for watcher in watchers:
        for run in watcher.runs:
            expected = run.start.seq
            for entry in run.entries:
                expected += 1
                assert entry.position == Position(run.start.epoch, expected), "a hole, or a repetition"
                text = told.setdefault(entry.position, entry.body["t"])
                assert entry.body["t"] == text, "two entries took one place"


def news(text: str, *, state: bool = False) -> NewEntry:
    return NewEntry("note", {"t": text}, state=state)


async def append_surely(
    topics: Topics, text: str, acknowledged: dict[Position, str], *, topic: str = "a"
) -> Position:
    """Append with a key, again and again until it is acknowledged; note where it stands."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            try:
                position = await topics.append(topic, news(text), key=text)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                acknowledged[position] = text
                return position
