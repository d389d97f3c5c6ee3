"""The timeline of a room as a vector: a position, a rate and the instant at which they hold.

Nobody sends ticks. Whoever has the vector and the room's clock knows where the film is at any instant, so a change is
sent once, and a viewer who comes late computes the same as everybody else. An instant in the future makes the change a
**scheduled** one: until then the film stands at `pos`, so that every player starts together.

Units: positions and durations in seconds of film (float), instants in microseconds of room time (int), rates in film
seconds per second. Source of the model: the vector of the Multi-Device Timing Community Group's timing object.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LOWEST_RATE, HIGHEST_RATE = 0.25, 2.0
LONGEST_SECONDS = 7 * 24 * 3600.0
"""A position beyond a week is a mistake of the sender, not a film."""

SAME_POSITION = 0.001
"""Positions this close are equal: clients send floats that went through a player."""


@dataclass(frozen=True, slots=True)
class Vector:
    """`media` names what is loaded ("" for nothing); `duration` is None while nobody knows it. A paused vector stands
    at `pos`; a playing one is at `pos` until `ts` and moves on from there."""

    media: str = ""
    pos: float = 0.0
    rate: float = 1.0
    playing: bool = False
    ts: int = 0
    duration: float | None = None

    def at(self, now: int) -> float:
        """The position at an instant, within [0, duration]."""
        if not self.playing or now <= self.ts:
            return self.pos
        return self.within(self.pos + self.rate * (now - self.ts) / 1e6)

    def within(self, position: float) -> float:
        """The nearest position that the film has."""
        top = LONGEST_SECONDS if self.duration is None else self.duration
        return min(max(position, 0.0), top)

    def ends_at(self) -> int | None:
        """When the film will be over, if it plays on and its duration is known."""
        if not self.playing or self.duration is None:
            return None
        return self.ts + math.ceil(max(0.0, self.duration - self.pos) / self.rate * 1e6)


def played(vector: Vector, *, at: int, position: float | None = None) -> Vector:
    """Playing from `at` on: from `position`, or from where the film is by then."""
    start = vector.at(at) if position is None else vector.within(position)
    return replace(vector, pos=start, playing=True, ts=at)


def paused(vector: Vector, *, at: int) -> Vector:
    """Standing still from `at` on, at the position that the film has by then: nothing is skipped or shown twice."""
    return replace(vector, pos=vector.at(at), playing=False, ts=at)


def sought(vector: Vector, *, at: int, position: float) -> Vector:
    """At `position` from `at` on, playing or not as before."""
    return replace(vector, pos=vector.within(position), ts=at)


def paced(vector: Vector, *, at: int, rate: float) -> Vector:
    """At another rate from `at` on. The position is continuous."""
    return replace(vector, pos=vector.at(at), rate=rate, ts=at)


def loaded(media: str, *, at: int, duration: float | None, playing: bool = False) -> Vector:
    """Another film, from its beginning, at its own pace."""
    return Vector(media=media, pos=0.0, playing=playing, ts=at, duration=duration)


def same(one: Vector, other: Vector, *, now: int) -> bool:
    """Whether two vectors show the same film at the same place and pace, `now` and from now on. A scheduled start that
    lies ahead is another one than a film that plays already."""
    if (one.media, one.playing, one.rate) != (other.media, other.playing, other.rate):
        return False
    if one.playing and max(one.ts, now) != max(other.ts, now):
        return False
    return abs(one.at(now) - other.at(now)) < SAME_POSITION
