"""Simulated viewers who go to a real room together, and how far each of them is from the film.

Who measures knows more than a viewer: an own connection without any delay asks for the room's time, and a change of the
film is known as soon as the first of the viewers' machines has it. So the truth is known to about half a millisecond.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from simulators.players.network import PROFILES
from simulators.players.offset import RoomClock
from simulators.players.viewer import Viewer, timeline_of
from simulators.players.wire import Timeline

SAMPLE_SECONDS, SPREAD_EACH = 0.100, 10
AGAIN_SECONDS, PROBES = 15.0, 8
CHANGE_SECONDS = 1.0
"""So long after a change nothing is judged, as in the bench on virtual time."""

WARM_SECONDS, SETTLED_SECONDS, TOGETHER_SECONDS = 5.0, 5.0, 0.080
NEAR_SECONDS = 0.100


@dataclass(frozen=True, slots=True)
class Change:
    """What the host does, at an instant (s) after the room is open."""

    at: float
    type: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Watched:
    """One viewer from outside. Errors in seconds."""

    came: float = math.inf
    is_warm: bool = False
    moves_since: float = math.inf
    errors: list[float] = field(default_factory=list)


class Truth:
    """The room's time and its film, known without delay."""

    def __init__(self, url: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self._url, self._now = url, now
        self.clock = RoomClock()
        self.film: Timeline | None = None
        self.changed_at = -math.inf
        self._rev = -1

    def overhear(self, text: str, now: float) -> None:
        """A message as it came off some viewer's socket."""
        data = json.loads(text).get("data") or {}
        state = data.get("state")
        if isinstance(state, dict) and state["rev"] > self._rev:
            self._rev = state["rev"]
            timeline = timeline_of(state)
            if timeline != self.film:
                self.film, self.changed_at = timeline, now

    def is_quiet(self, now: float) -> bool:
        """Whether the film has not been changed just now."""
        return self.film is not None and self.clock.ready and now - self.changed_at >= CHANGE_SECONDS

    def target(self, now: float) -> float:
        """Where every player should be."""
        assert self.film is not None
        return self.film.at(self.clock.room(now))

    async def run(self) -> None:
        """Ask for the time now and then, on a connection that says nothing else."""
        while True:
            try:
                async with connect(self._url, ping_interval=None, compression=None) as socket:
                    for _ in range(PROBES):
                        sent = self._now()
                        await socket.send(json.dumps({"type": "clock:ping", "data": {"t1": sent}}))
                        heard = json.loads(await socket.recv())
                        received = self._now()
                        if heard["type"] == "clock:pong":
                            data = heard["data"]
                            self.clock.add(
                                sent=data["t1"],
                                arrived=data["t2"],
                                answered=data["t3"],
                                received=received,
                                clock_id=data["clockId"],
                            )
            except (OSError, WebSocketException, TimeoutError):
                pass  # the room is away: what is known holds on
            await asyncio.sleep(AGAIN_SECONDS if self.clock.ready else 1.0)


class Party:
    """`viewers` in the order in which they come in, `apart` seconds one after the other; the first one does what the
    `changes` say. `measured` is JSON, at any time."""

    def __init__(
        self,
        viewers: Sequence[Viewer],
        truth: Truth,
        *,
        apart: float = 0.1,
        changes: Sequence[Change] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.viewers, self.truth = viewers, truth
        self._apart, self._changes, self._now = apart, changes, now
        self._watched = {id(one): Watched() for one in viewers}
        self._moving: list[float] = []
        self._settled: list[float] = []
        self._inner: list[float] = []
        self._clocks: list[float] = []
        self._began = now()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.truth.run())
            group.create_task(self._measure())
            first, *others = self.viewers
            group.create_task(first.run())
            await first.entered.wait()
            group.create_task(self._direct(first))
            for one in others:
                await asyncio.sleep(self._apart)
                # Who opened the room knows its name only now.
                one.talk.enter_room(first.talk.room_id)
                group.create_task(one.run())

    async def _direct(self, host: Viewer) -> None:
        began = self._now()
        for change in self._changes:
            await asyncio.sleep(max(0.0, began + change.at - self._now()))
            host.do(change.type, **change.data)

    async def _measure(self) -> None:
        for turn in range(1 << 62):
            await asyncio.sleep(SAMPLE_SECONDS)
            now = self._now()
            offs = [off for one in self.viewers if (off := self._see(one, now)) is not None]
            if turn % SPREAD_EACH == 0 and len(offs) > 1:
                self._inner.append(percentile(offs, 95) - percentile(offs, 5))

    def _see(self, viewer: Viewer, now: float) -> float | None:
        """The viewer's error, if it counts: not while a change is on its way, nor before the viewer has arrived."""
        who, truth, player = self._watched[id(viewer)], self.truth, viewer.player
        if not viewer.entered.is_set() or truth.film is None or not truth.clock.ready:
            return None
        who.came = min(who.came, now)
        player.advance(now)
        off = player.position - truth.target(now)
        if player.state != ("playing" if truth.film.playing else "paused"):
            who.moves_since = math.inf
        elif who.moves_since == math.inf:
            who.moves_since = now
        moves = who.moves_since != math.inf
        if not truth.is_quiet(now):
            return None
        if not who.is_warm:
            who.is_warm = (moves and abs(off) <= TOGETHER_SECONDS) or now - who.came > WARM_SECONDS
            if not who.is_warm:
                return None
        who.errors.append(abs(off))
        if moves:
            self._moving.append(abs(off))
            if now - who.moves_since >= SETTLED_SECONDS:
                self._settled.append(abs(off))
        clock = viewer.client.clock
        if clock.ready:
            self._clocks.append(abs(clock.room(viewer.clock.at(now)) - truth.clock.room(now)) / 1e6)
        return off

    def measured(self) -> dict[str, Any]:
        """Errors in ms, shares in percent; `kept` and so on are sums over all viewers (see `Tally`)."""
        errors = [error for who in self._watched.values() for error in who.errors]
        tolls = [one.player.toll for one in self.viewers]
        tallies = [one.talk.tally for one in self.viewers]
        hours = sum(max(0.0, self._now() - who.came) for who in self._watched.values()) / 3600
        played = sum(toll.played for toll in tolls)
        now = self._now()
        return {
            "viewers": len(self.viewers),
            "room_id": self.viewers[0].talk.room_id,
            "members": sum(bool(one.talk.member_id) and not one.talk.refused for one in self.viewers),
            "here": sum(one.talk.is_in for one in self.viewers),
            "seconds": round(now - self._began, 1),
            "samples": len(errors),
            **_in_ms("", errors, 50, 95, 99, 100),
            "within_100_ms_moving_percent": _near(self._moving),
            "within_100_ms_settled_percent": _near(self._settled),
            **_in_ms("spread_", self._inner, 50),
            **_in_ms("clock_", self._clocks, 50, 99),
            "truth_bound_ms": round(self.truth.clock.bound(now) * 1000, 3) if self.truth.clock.ready else None,
            "off_rate_percent": round(100 * sum(toll.off_rate for toll in tolls) / played, 2) if played else 0.0,
            "slowest_rate": min(toll.slowest for toll in tolls),
            "fastest_rate": max(toll.fastest for toll in tolls),
            "seeks_per_hour": round(sum(toll.seeks for toll in tolls) / hours, 1) if hours else 0.0,
            "stalls": sum(toll.stalls for toll in tolls),
            "chat_said": sum(one.said for one in self.viewers),
            "chat_heard": sum(one.heard_chat for one in self.viewers),
            **{name: sum(getattr(tally, name) for tally in tallies)
               for name in ("kept", "doubles", "holes", "resets", "resumes")},
            "errors": dict(sum((tally.errors for tally in tallies), Counter[str]())),
            "closes": {str(code): count for code, count in
                       sum((tally.closes for tally in tallies), Counter[int]()).items()},
            "refused": sorted({one.talk.refused for one in self.viewers} - {""}),
            "each": [_in_ms("", self._watched[id(one)].errors, 50, 99) for one in self.viewers],
        }  # fmt: skip


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank; 0.0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


def networks(names: Sequence[str], number: int) -> str:
    """The network of the viewer with this number. Raises `KeyError` for one that there is not."""
    name = names[number % len(names)]
    PROFILES[name]
    return name


def _in_ms(prefix: str, values: Sequence[float], *percents: int) -> dict[str, float]:
    return {
        f"{prefix}{'max' if each == 100 else f'p{each}'}_ms": round(percentile(values, each) * 1000, 2)
        for each in percents
    }


def _near(values: Sequence[float]) -> float:
    return round(100 * sum(value <= NEAR_SECONDS for value in values) / len(values), 3) if values else 100.0
