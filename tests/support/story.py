"""What a story about the handlers needs besides the real parts: time by hand, cuts, and a stand for the sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateways.twitch.subscriptions import Wanted
from tests.support.clock import ManualClock


class StoryClock(ManualClock):
    """Knows how many hands of the worker sleep: nothing but the clock would wake them."""

    def __init__(self) -> None:
        super().__init__()
        self.hands_asleep = 0

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        is_hand = task is not None and task.get_name().removeprefix("worker.").isdigit()
        self.hands_asleep += is_hand
        try:
            await super().sleep(seconds)
        finally:
            self.hands_asleep -= is_hand


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
