"""A player and its film, on virtual time: it starts and seeks late, stalls, drifts, and tells its position with noise.

It is driven like the `<video>` of a browser: play, pause, seek, rate; it says what happened and when. The position
between two events is a straight line, so nothing is counted up in small steps.

Units: true time and film positions in seconds, rates in film seconds per second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

START_MEDIAN, SEEK_MEDIAN = 0.120, 0.180
BETWEEN_PLAYERS, BETWEEN_TIMES = 0.40, 0.20
"""How much latencies vary (standard deviation of the logarithm): some machines are slow, and no two seeks are alike."""

NOISE_SECONDS = 0.006
WORST_MEDIA_SKEW = 50e-6
STALL_EACH_SECONDS = 240.0
STALL_SECONDS = (0.2, 1.8)
TIMER_SECONDS = 0.004
"""A timer of a browser is up to so much late."""

State = Literal["paused", "starting", "playing", "stalled", "seeking"]
Event = Literal["started", "landed", "stalled", "resumed"]
OVER: Mapping[State, Event] = {"starting": "started", "seeking": "landed", "stalled": "resumed"}


@dataclass(frozen=True, slots=True)
class Traits:
    """What kind of player it is. `start` and `seek` are its median latencies; its clock for sound and picture runs fast
    by `skew`; a seek lands on a multiple of `grid` (0: anywhere); a rate is a multiple of `step` (0: any)."""

    start: float = START_MEDIAN
    seek: float = SEEK_MEDIAN
    varies: float = BETWEEN_TIMES
    skew: float = 0.0
    noise: float = NOISE_SECONDS
    stall_each: float = STALL_EACH_SECONDS
    grid: float = 0.0
    step: float = 0.0


def any_player(random: Random) -> Traits:
    """A desktop browser or a telephone: seeks land on a frame (25 per second), rates are exact."""
    return Traits(
        start=START_MEDIAN * random.lognormvariate(0.0, BETWEEN_PLAYERS),
        seek=SEEK_MEDIAN * random.lognormvariate(0.0, BETWEEN_PLAYERS),
        skew=random.uniform(-WORST_MEDIA_SKEW, WORST_MEDIA_SKEW),
        grid=0.040,
    )


def coarse_player(random: Random) -> Traits:
    """As Safari is for small changes of rate: they come in quarters, so it can only skip (dash.js,
    `CatchupController.js`)."""
    plain = any_player(random)
    return Traits(start=plain.start, seek=plain.seek, skew=plain.skew, grid=plain.grid, step=0.25)


@dataclass(slots=True)
class Toll:
    """What keeping together has cost the viewer, in seconds: a picture that stood though it was to move, and time at
    another rate. `slowest` and `fastest` are the rates seen."""

    frozen: float = 0.0
    off_rate: float = 0.0
    played: float = 0.0
    seeks: int = 0
    stalls: int = 0
    slowest: float = 1.0
    fastest: float = 1.0


@dataclass(slots=True)
class Happened:
    """`what` at a true instant, and how long it took from the order."""

    what: Event
    at: float
    took: float


@dataclass(slots=True)
class Player:
    """`advance` to an instant first, then ask or order. Stalls come from `weather` alone, so that they hit at the same
    instants whatever the player is told to do."""

    traits: Traits
    random: Random
    weather: Random
    now: float = 0.0
    state: State = "paused"
    happened: list[Happened] = field(default_factory=list)
    _toll: Toll = field(default_factory=Toll)
    _at: float = 0.0
    _position: float = 0.0
    _rate: float = 1.0
    _wants: bool = False
    _until: float = math.inf
    _ordered: float = 0.0
    _timer: tuple[float, bool] | None = None
    _stall: float = math.inf
    _stall_for: float = 0.0

    def __post_init__(self) -> None:
        self._next_stall(self.now)

    # -- asking ------------------------------------------------------------------------------------------------

    @property
    def position(self) -> float:
        """Where the film truly is."""
        if self.state != "playing":
            return self._position
        return self._position + (self.now - self._at) * self._rate * (1.0 + self.traits.skew)

    def reported(self) -> float:
        """Where it says that it is."""
        noise = self.traits.noise
        return self.position + (2.0 * self.random.random() - 1.0) * noise

    @property
    def rate(self) -> float:
        """As ordered, not as drifted."""
        return self._rate

    @property
    def toll(self) -> Toll:
        """What it has cost up to now."""
        self._settle()
        return self._toll

    def news(self) -> list[Happened]:
        """What has happened since the last call."""
        happened, self.happened = self.happened, []
        return happened

    # -- ordering ----------------------------------------------------------------------------------------------

    def play(self, *, after: float = 0.0) -> None:
        """Start, by a timer if `after` is more than 0. It shows the first moving picture a start latency later."""
        self._order(True, after)

    def pause(self, *, after: float = 0.0) -> None:
        """Stand still, by a timer if `after` is more than 0."""
        self._order(False, after)

    def seek(self, position: float) -> None:
        """Go there: the picture stands meanwhile."""
        self._settle()
        grid = self.traits.grid
        self._position = max(0.0, round(position / grid) * grid if grid else position)
        self._toll.seeks += 1
        # What has not come yet is not there sooner for a seek.
        data = self._until if self.state == "stalled" else self.now
        self.state, self._ordered = "seeking", self.now
        self._until = max(data, self.now + self._draw(self.traits.seek))

    def set_rate(self, rate: float) -> None:
        """Play at a rate, or at what this player makes of it."""
        step = self.traits.step
        self._settle()
        self._rate = round(rate / step) * step if step else rate
        self._toll.slowest = min(self._toll.slowest, self._rate)
        self._toll.fastest = max(self._toll.fastest, self._rate)

    def advance(self, now: float) -> None:
        """Let time pass."""
        while True:
            timer = self._timer[0] if self._timer else math.inf
            due = min(timer, self._stall, self._until)
            if due > now:
                break
            self._pass(due)
            if due == timer and self._timer:
                wanted, self._timer = self._timer[1], None
                self._order(wanted, 0.0)
            elif due == self._stall:
                self._stalls()
            else:
                self._arrives()
        self.now = now

    # -- inside ------------------------------------------------------------------------------------------------

    def _pass(self, now: float) -> None:
        self.now = now
        self._settle()

    def _settle(self) -> None:
        """Begin a new straight line here, and write down what the old one cost."""
        position, passed = self.position, self.now - self._at
        if self.state == "playing":
            self._toll.played += passed
            if self._rate != 1.0:
                self._toll.off_rate += passed
        elif self._wants or self.state == "stalled":
            self._toll.frozen += passed
        self._position, self._at = position, self.now

    def _order(self, wanted: bool, after: float) -> None:
        if after > 0:
            self._timer = (self.now + after + self.random.random() * TIMER_SECONDS, wanted)
            return
        self._timer = None
        self._settle()
        self._wants = wanted
        if not wanted and self.state != "seeking":
            self.state, self._until = "paused", math.inf
        elif wanted and self.state == "paused":
            self.state, self._ordered = "starting", self.now
            self._until = self.now + self._draw(self.traits.start)

    def _stalls(self) -> None:
        if self.state == "playing":
            self.state, self._ordered = "stalled", self.now
            self._until = self.now + self._stall_for
            self._toll.stalls += 1
            self.happened.append(Happened("stalled", self.now, 0.0))
        self._next_stall(self.now)

    def _next_stall(self, now: float) -> None:
        each = self.traits.stall_each
        self._stall = now + self.weather.expovariate(1 / each) if each else math.inf
        self._stall_for = self.weather.uniform(*STALL_SECONDS)

    def _arrives(self) -> None:
        """A start, a seek or a stall is over."""
        self.happened.append(Happened(OVER[self.state], self.now, self.now - self._ordered))
        self.state, self._until = ("playing" if self._wants else "paused"), math.inf

    def _draw(self, typical: float) -> float:
        return typical * self.random.lognormvariate(0.0, self.traits.varies)
