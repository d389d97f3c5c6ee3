"""What viewers and room say to each other, and the seat in which a viewer sits: clock, network, player and client.

Clients see their own clock, their player and what they are sent; true time stays with the seat. Messages of different
policies are the same few records: what a peer's protocol does not say, its client does not read.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from simulators.players.media import Player
from simulators.players.network import DelayLine, VirtualClock


@dataclass(frozen=True, slots=True)
class Ask:
    """A probe of the room's clock: the viewer's own clock when it was sent (s)."""

    sent: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The probe comes back with the room's clock (µs) at its arrival and right before the answer."""

    sent: float
    arrived: int
    answered: int
    clock_id: str = "k1"


@dataclass(frozen=True, slots=True)
class Report:
    """Where the viewer is (s), and half of its round trip (s) if its protocol knows it."""

    position: float
    half_trip: float = 0.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """The room: at `pos` (s) at the instant `ts` (µs of room time), from then on with `rate` if it plays."""

    pos: float
    playing: bool
    ts: int
    rate: float = 1.0

    def at(self, room: float) -> float:
        """The position at an instant (µs)."""
        return self.pos + self.rate * (room - self.ts) / 1e6 if self.playing and room > self.ts else self.pos


@dataclass(frozen=True, slots=True)
class State:
    """The room was changed, or just entered (`joined`)."""

    timeline: Timeline
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """What a room says every now and then, unasked: where the film is as it is sent (s). `own` is what the receiver had
    reported, in protocols that send everybody everybody's position."""

    position: float
    playing: bool
    own: float | None = None


Message = Ask | Answer | Report | State | Beat


class Client(Protocol):
    """A policy: what one viewer's program does. Instants are of its own clock (s). `listens`: it looks at once when its
    player stalls or moves again, not only when its timer says so."""

    look_seconds: float
    listens: bool

    def receive(self, message: Message, now: float) -> None:
        """A message has come in."""
        ...

    def look(self, now: float) -> None:
        """The timer of its loop."""
        ...


@dataclass(slots=True)
class Seat:
    """One viewer. `answer` is the room: what it says to a message that came in at a true instant, if anything."""

    clock: VirtualClock
    player: Player
    up: DelayLine
    down: DelayLine
    answer: Callable[[Seat, Message, float], Message | None]
    joins: float = 0.0
    client: Client | None = None
    now: float = 0.0
    _due: list[tuple[float, int, bool, Message]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _next_look: float = 0.0

    def send(self, message: Message) -> None:
        """From the viewer to the room."""
        self._post(self.up.arrives(self.now), True, message)

    def tell(self, message: Message, at: float) -> None:
        """From the room to the viewer."""
        self._post(self.down.arrives(at), False, message)

    def step(self, now: float) -> None:
        """Let true time pass: what is under way arrives at its own instants, and the loop of the client looks."""
        assert self.client is not None
        while self._due and self._due[0][0] <= now:
            at, _, upwards, message = heapq.heappop(self._due)
            self.now = at
            if upwards:
                answer = self.answer(self, message, at)
                if answer is not None:
                    self.tell(answer, at)
            else:
                self.player.advance(at)
                self.client.receive(message, self.clock.at(at))
        self.now = now
        self.player.advance(now)
        if now >= self._next_look:
            self._next_look = max(now, self._next_look) + self.client.look_seconds
            self.client.look(self.clock.at(now))
        elif self.client.listens and self.player.happened:
            self.client.look(self.clock.at(now))

    def _post(self, at: float, upwards: bool, message: Message) -> None:
        heapq.heappush(self._due, (at, next(self._order), upwards, message))
