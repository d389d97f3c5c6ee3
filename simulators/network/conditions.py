"""How one direction of a route treats what passes: pure values, and the timetable of one connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from simulators.network.errors import Refused

DIRECTIONS = ("up", "down")
"""`up`: from the client to the server behind the proxy. `down`: back."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Zero and False are a network without fault.

    `delay_ms` is added to every byte, plus something between nothing and `jitter_ms`; the order is kept.
    `bytes_per_second` limits each connection. `chunk_bytes` cuts what passes into pieces of at most that size.
    `black_hole` takes everything in and passes nothing on; `paused` passes nothing on for the time being.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    bytes_per_second: float = 0.0
    chunk_bytes: int = 0
    black_hole: bool = False
    paused: bool = False

    def changed(self, order: Mapping[str, Any]) -> Conditions:
        """With the fields of `order` in place of ours. Raises `Refused` for an unknown field or a bad value."""
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        values: dict[str, Any] = {}
        for name, value in order.items():
            kind = known.get(name)
            if kind is None:
                raise Refused(f"there is no condition {name!r}; there are: {', '.join(known)}")
            is_switch = isinstance(value, bool)
            if is_switch is not (kind is bool) or not isinstance(value, int | float) or not value >= 0:
                raise Refused(
                    f"{name} must be {'true or false' if kind is bool else 'a number of 0 or more'}"
                )
            values[name] = kind(value)
        return replace(self, **values)


class Timetable:
    """When what came in is to go out, for one direction of one connection. Times in monotonic seconds."""

    def __init__(self) -> None:
        self._last = 0.0
        self._free = 0.0

    def due(self, now: float, size: int, conditions: Conditions, chance: float) -> float:
        """The moment for a piece of `size` bytes that came in at `now`; `chance` in 0..1 is its share of the jitter.

        Nothing overtakes: no moment lies before an earlier one.
        """
        due = now + (conditions.delay_ms + chance * conditions.jitter_ms) / 1000
        if conditions.bytes_per_second > 0:
            self._free = max(self._free, now) + size / conditions.bytes_per_second
            due = max(due, self._free + conditions.delay_ms / 1000)
        self._last = max(self._last, due)
        return self._last


def pieces(data: bytes, conditions: Conditions) -> list[bytes]:
    """What is passed on by itself: all at once, in chunks, or in as much as a slow line takes in 50 ms."""
    size = len(data)
    if conditions.chunk_bytes:
        size = min(size, conditions.chunk_bytes)
    if conditions.bytes_per_second:
        size = min(size, max(1, round(conditions.bytes_per_second / 20)))
    return [data[at : at + size] for at in range(0, len(data), size or 1)]
