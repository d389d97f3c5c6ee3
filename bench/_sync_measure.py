"""What a room of the sync bench looks like from true time: errors, spread, ways back, and what they cost.

Errors are counted in bins of 0.1 ms, so that an evening of three hundred viewers fits into memory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench._sync_room import STEP_SECONDS, Room, room_time
from simulators.players.client import PartyClient
from simulators.players.wire import Seat

SAMPLE_STEPS = 2
SPREAD_STEPS = 20
BIN_SECONDS = 0.0001
TOGETHER_SECONDS = 0.080
NEAR_SECONDS = 0.100
SETTLED_SECONDS = 5.0
WARM_SECONDS = 5.0
"""So long at most a newcomer is counted as one who joins, and nowhere else."""


class Histogram:
    """Sizes in seconds."""

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self.total = 0

    def add(self, seconds: float) -> None:
        self._bins[int(seconds / BIN_SECONDS)] += 1
        self.total += 1

    def merge(self, other: Histogram) -> None:
        self._bins.update(other._bins)
        self.total += other.total

    def at(self, percent: float) -> float:
        """The upper end of the bin in which this share lies, in milliseconds; 0.0 of nothing."""
        wanted, seen = math.ceil(self.total * percent / 100), 0
        for each in sorted(self._bins):
            seen += self._bins[each]
            if seen >= wanted:
                return (each + 1) * BIN_SECONDS * 1000
        return 0.0

    def within(self, seconds: float) -> float:
        """The share of at most this size; 1.0 of nothing."""
        most = round(seconds / BIN_SECONDS)
        inside = sum(count for each, count in self._bins.items() if each < most)
        return inside / self.total if self.total else 1.0


@dataclass(slots=True)
class Found:
    """All of one policy, over as many evenings as were merged."""

    errors: Histogram = field(default_factory=Histogram)
    moving: Histogram = field(default_factory=Histogram)
    settled: Histogram = field(default_factory=Histogram)
    inner: Histogram = field(default_factory=Histogram)
    widest: Histogram = field(default_factory=Histogram)
    clock: Histogram = field(default_factory=Histogram)
    back: dict[str, list[float]] = field(default_factory=lambda: {"join": [], "stall": [], "seek": []})
    hours: float = 0.0
    played: float = 0.0
    off_rate: float = 0.0
    frozen: float = 0.0
    seeks: int = 0
    stalls: int = 0
    slowest: float = 1.0
    fastest: float = 1.0

    def merge(self, other: Found) -> None:
        for name in ("errors", "moving", "settled", "inner", "widest", "clock"):
            getattr(self, name).merge(getattr(other, name))
        for name, times in other.back.items():
            self.back[name] += times
        for name in ("hours", "played", "off_rate", "frozen", "seeks", "stalls"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.slowest, self.fastest = min(self.slowest, other.slowest), max(self.fastest, other.fastest)


@dataclass(slots=True)
class _Watched:
    """One viewer as seen from outside: what it is on its way back from since when, and since when its picture moves."""

    way: tuple[str, float] | None
    warm: bool = False
    moves_since: float = math.inf
    stalled: bool = False


class Observer:
    """Looks at a room after each step."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._found = Found()
        self._watched: dict[int, _Watched] = {}
        self._steps = 0
        self._changes = 0

    def look(self) -> None:
        """After each step of the room."""
        self._steps += 1
        room = self._room
        if self._steps % SAMPLE_STEPS or room.now < room.evening.changes()[0][0]:
            return
        fresh, self._changes = room.changed[self._changes :], len(room.changed)
        target, quiet = room.target(), room.now >= room.changing_until
        offs = []
        for seat in room.present():
            who = self._watched.setdefault(id(seat), _Watched(way=("join", max(seat.joins, room.changed[0]))))
            if fresh and who.warm:
                self._sets_out(who, ("seek", fresh[-1]) if room.vector.playing else None)
            off = self._see(seat, who, target, quiet)
            if off is not None:
                offs.append(off)
        if self._steps % SPREAD_STEPS == 0:
            self._look_at_clocks()
        if self._steps % SPREAD_STEPS == 0 and quiet and room.vector.playing and len(offs) > 1:
            offs.sort()
            self._found.widest.add(offs[-1] - offs[0])
            self._found.inner.add(_at(offs, 0.95) - _at(offs, 0.05))

    def done(self) -> Found:
        """What was found, with the tolls of all players."""
        found, room = self._found, self._room
        for seat in room.present():
            toll = seat.player.toll
            found.hours += (room.now - seat.joins) / 3600
            found.played += toll.played
            found.off_rate += toll.off_rate
            found.frozen += toll.frozen
            found.seeks += toll.seeks
            found.stalls += toll.stalls
            found.slowest, found.fastest = min(found.slowest, toll.slowest), max(found.fastest, toll.fastest)
        for who in self._watched.values():
            self._sets_out(who, None)
        return found

    def _sets_out(self, who: _Watched, way: tuple[str, float] | None) -> None:
        """A new way back begins. Who was still on the last one, and had time enough, has not come back at all."""
        if who.way is not None and self._room.now - who.way[1] > WARM_SECONDS:
            self._found.back[who.way[0]].append(math.inf)
        who.way = way

    def _look_at_clocks(self) -> None:
        for seat in self._room.present():
            if isinstance(seat.client, PartyClient) and seat.client.clock.ready:
                told = seat.client.clock.room(seat.clock.at(self._room.now))
                self._found.clock.add(abs(told - room_time(self._room.now)) / 1e6)

    def _see(self, seat: Seat, who: _Watched, target: float, quiet: bool) -> float | None:
        now, player, playing = self._room.now, seat.player, self._room.vector.playing
        off = player.position - target
        size = abs(off)
        moves = player.state == ("playing" if playing else "paused")
        if player.state == "stalled":
            who.stalled = True
        elif who.stalled:
            who.stalled = False
            if who.warm and playing and size > TOGETHER_SECONDS:
                self._sets_out(who, ("stall", now))
        if not moves:
            who.moves_since = math.inf
        elif who.moves_since == math.inf:
            who.moves_since = now
        judged = quiet or (who.way is not None and who.way[0] == "join")
        if who.way is not None and judged and playing and moves and size <= TOGETHER_SECONDS:
            self._found.back[who.way[0]].append(max(0.0, now - who.way[1]))
            who.warm, who.way = True, None
        if not who.warm:
            if who.way is not None and now - who.way[1] <= WARM_SECONDS:
                return None
            who.warm = True
        if not quiet:
            return None
        self._found.errors.add(size)
        if moves:
            self._found.moving.add(size)
            if now - who.moves_since >= SETTLED_SECONDS:
                self._found.settled.add(size)
        return off


def evening(room: Room) -> Found:
    """The whole evening of a room."""
    observer = Observer(room)
    for _ in range(round(room.evening.seconds / STEP_SECONDS)):
        room.step()
        observer.look()
    return observer.done()


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
