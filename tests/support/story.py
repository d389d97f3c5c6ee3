"""What a story about the handlers needs besides the real parts: time by hand, cuts, and a stand for the sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateways.twitch.subscriptions import Wanted
from tests.support.clock import ManualClock


class StoryClock(ManualClock):
    """Knows which tasks sleep, by name: nothing but the clock wakes those, so time may be moved without a race."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep: Counter[str] = Counter()
        self.until: dict[str, float] = {}  # name of a sleeper to the monotonic time at which it wakes

    async def sleep(self, seconds: float) -> None:
        with self._marked(seconds):
            await super().sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        with self._marked(seconds):
            return await super().wait(event, seconds)

    @contextmanager
    def _marked(self, seconds: float) -> Iterator[None]:
        task = asyncio.current_task()
        name = "" if task is None else task.get_name()
        self.asleep[name] += 1
        self.until[name] = self.monotonic() + seconds
        try:
            yield
        finally:
            self.asleep[name] -= 1

    @property
    def hands_asleep(self) -> int:
        """How many hands of the worker sleep."""
        return sum(count for name, count in self.asleep.items() if name.removeprefix("worker.").isdigit())


class Cut(RuntimeError):
    """What an armed checkpoint raises: the attempt ends there, as it would with a crash."""


class Checkpoints:
    """Records each place that is passed; `arm` cuts the next passes of one of them off."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self._armed: dict[str, int] = {}

    def arm(self, name: str, *, times: int = 1) -> None:
        self._armed[name] = times

    def __call__(self, name: str) -> None:
        self.passed.append(name)
        if self._armed.get(name, 0) > 0:
            self._armed[name] -= 1
            raise Cut(name)


class NoWatch:
    """Stands where the EventSub sessions would be: in these stories the events are handed in by the test."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        self.told.append(("add", channel_id))

    async def remove(self, channel_id: str) -> None:
        self.told.append(("remove", channel_id))

    def restart(self, channel_id: str) -> None:
        self.told.append(("restart", channel_id))

    def wake(self, channel_id: str) -> None:
        self.told.append(("wake", channel_id))
