"""Traps: something that happens to one connection once certain bytes pass, at exactly that place.

A proxy that only knows "now" cannot cut a connection after a write was sent and before its answer came; a trap can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.network.conditions import DIRECTIONS
from simulators.network.errors import Refused

ACTS = ("cut", "cut_answer", "hold")
HOWS = ("reset", "close")
LONGEST_PATTERN = 1024


@dataclass(eq=False, slots=True)
class Trap:
    """Waits for `containing` (text as Latin-1; empty: any byte) in one direction of a route's connections.

    `cut`: `after_bytes` bytes, counted from the first of the match, still pass; then the connection is cut.
    `cut_answer`: all of it passes; the connection is cut as soon as anything comes back.
    `hold`: from the chunk with the match on, nothing passes in this direction of this connection until the trap is
    released, even if the sender is gone by then.
    It springs `times` times, on one connection each time. `how`: `reset` (RST) or `close` (FIN).
    """

    id: int
    act: str
    direction: str = "up"
    containing: str = ""
    after_bytes: int = 0
    how: str = "reset"
    times: int = 1
    sprung: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pattern(self) -> bytes:
        return self.containing.encode("latin-1")

    @classmethod
    def ordered(cls, id: int, order: Mapping[str, Any]) -> Trap:
        """From the JSON of an order. Raises `Refused`."""
        wanted = {
            "act": str,
            "direction": str,
            "containing": str,
            "after_bytes": int,
            "how": str,
            "times": int,
        }
        for name, value in order.items():
            if name not in wanted or type(value) is not wanted[name]:
                raise Refused(f"a trap has no {name} = {value!r}; it has: {', '.join(wanted)}")
        if "act" not in order:
            raise Refused(f"missing field 'act': one of {', '.join(ACTS)}")
        trap = cls(id, **order)
        for name, value, among in (
            ("act", trap.act, ACTS),
            ("direction", trap.direction, DIRECTIONS),
            ("how", trap.how, HOWS),
        ):
            if value not in among:
                raise Refused(f"{name} is one of {', '.join(among)}")
        if trap.after_bytes < 0 or trap.times < 1 or len(trap.containing) > LONGEST_PATTERN:
            raise Refused("after_bytes is 0 or more, times 1 or more, containing at most 1024 characters")
        try:
            trap.pattern  # noqa: B018 - refuses what is no Latin-1
        except UnicodeEncodeError:
            raise Refused("containing must be Latin-1") from None
        return trap

    def to_json(self) -> dict[str, Any]:
        names = ("id", "act", "direction", "containing", "after_bytes", "how", "times", "sprung")
        return {name: getattr(self, name) for name in names} | {"released": self.released.is_set()}


class Traps:
    """All traps of one route."""

    def __init__(self) -> None:
        self._traps: list[Trap] = []

    def add(self, trap: Trap) -> None:
        self._traps.append(trap)

    def release(self) -> int:
        """Take all away and let go of what they hold; returns how many there were."""
        count = len(self._traps)
        for trap in self._traps:
            trap.released.set()
        self._traps.clear()
        return count

    def spring(self, direction: str, seen: Watched, data: bytes) -> tuple[Trap, int] | None:
        """The first trap that these bytes spring, and where in `data` its match begins (below 0: in what came
        before)."""
        for trap in self._traps:
            if trap.direction != direction or trap.sprung >= trap.times:
                continue
            at = seen.find(trap.pattern, data)
            if at is not None:
                trap.sprung += 1
                return trap, at
        return None

    def to_json(self) -> list[dict[str, Any]]:
        return [trap.to_json() for trap in self._traps]


class Watched:
    """The end of what has passed, so that a match may lie across two reads."""

    def __init__(self) -> None:
        self._tail = b""

    def find(self, pattern: bytes, data: bytes) -> int | None:
        """Where in `data` a match that ends in it begins, or None."""
        tail = self._tail[-(len(pattern) - 1) :] if len(pattern) > 1 else b""
        at = (tail + data).find(pattern)
        return None if at < 0 else at - len(tail)

    def passed(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-LONGEST_PATTERN:]
