"""A room for the sync bench, on virtual time: one evening with a host, and what each policy's server says about it.

The evening is the same for all policies: the film starts, half-way somebody pauses, later the host seeks; viewers join
before the start and after it; the seed decides their clocks, networks, players and stalls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from statistics import median_low
from typing import Literal

from rooms.lead import Delays, pause_lead, play_lead
from rooms.playback import Vector, paused, played
from simulators.players.client import PartyClient
from simulators.players.correction import Tuning
from simulators.players.media import Player, Traits
from simulators.players.network import PROFILES, DelayLine, any_clock
from simulators.players.policies import PEERS, Policy
from simulators.players.wire import Answer, Ask, Beat, Message, Report, Seat, State, Timeline

STEP_SECONDS = 0.050
EPOCH = 1_790_000_000_000_000
ANSWER_US = 50
"""A probe is answered so long after it came in."""

SECONDS_BEFORE = 3.0
"""From the opening of the room to the start of the film."""

FAN_OUT_SECONDS = 0.020
CHANGE_SECONDS = 1.0
"""The longest lead that there is."""


def room_time(true: float) -> int:
    return EPOCH + round(true * 1e6)


@dataclass(frozen=True, slots=True)
class Evening:
    """What is the same for every policy."""

    viewers: int
    seconds: float
    networks: tuple[str, ...]
    player: Callable[[Random], Traits]
    seed: int
    tuning: Tuning = field(default_factory=Tuning)

    def changes(self) -> list[tuple[float, Literal["play", "pause", "seek"]]]:
        """When the host does what."""
        rest = min(8.0, self.seconds * 0.1)
        return [
            (SECONDS_BEFORE, "play"),
            (self.seconds * 0.35, "pause"),
            (self.seconds * 0.35 + rest, "play"),
            (self.seconds * 0.70, "seek"),
        ]


class Room:
    """One room with its seats. `policy` is a peer's, or None for ours."""

    def __init__(self, evening: Evening, policy: Policy | None) -> None:
        self.evening = evening
        self.policy = policy
        self.now = 0.0
        self.vector = Vector("film", ts=EPOCH)
        self.changing_until = 0.0
        self.changed: list[float] = []
        self._changes = evening.changes()
        self._late: list[tuple[float, State]] = []
        self._beat_at = 0.0
        self._reports: dict[int, tuple[float, float]] = {}
        self._entered: set[int] = set()
        self.seats = [self._seat(number) for number in range(evening.viewers)]
        self._numbers = {id(seat): number for number, seat in enumerate(self.seats)}

    def step(self) -> None:
        """The next 50 ms."""
        self.now += STEP_SECONDS
        while self._changes and self._changes[0][0] <= self.now:
            self._change(self._changes.pop(0)[1])
        for number, seat in enumerate(self.seats):
            if number not in self._entered and seat.joins <= self.now:
                self._entered.add(number)
                seat.tell(State(self._timeline(), joined=True), self.now)
        while self._late and self._late[0][0] <= self.now:
            at, state = self._late.pop(0)
            self._tell_all(state, at)
        if self.policy is not None and self.policy.beat and self.now >= self._beat_at:
            self._beat_at = self.now + self.policy.beat
            self._beat()
        for number in self._entered:
            self.seats[number].step(self.now)

    def present(self) -> list[Seat]:
        """The seats of those who have joined."""
        return [self.seats[number] for number in sorted(self._entered)]

    def target(self) -> float:
        """Where the players should be: the room's timeline, or whom the policy follows (to its advantage)."""
        follows = "timeline" if self.policy is None else self.policy.follows
        if follows != "timeline" and self.vector.playing:
            going = [
                seat.player.position for seat in self.present() if seat.player.state in ("playing", "stalled")
            ]
            if going:
                return min(going) if follows == "slowest" else _leader(going)
        return self.vector.at(room_time(self.now))

    # -- building ------------------------------------------------------------------------------------------------

    def _seat(self, number: int) -> Seat:
        evening = self.evening
        dice = Random(f"{evening.seed}/{number}")  # the same viewer under each policy
        profile = PROFILES[evening.networks[number % len(evening.networks)]]
        clock = any_clock(dice)
        player = Player(evening.player(dice), Random(dice.random()), weather=Random(dice.random()))
        up, down = (
            DelayLine(profile.up, Random(dice.random())),
            DelayLine(profile.down, Random(dice.random())),
        )
        # Two of three are there when it starts, the others drop in during the first third.
        joins = (
            dice.uniform(0.0, 2.0)
            if number % 3
            else dice.uniform(SECONDS_BEFORE + 1.0, evening.seconds * 0.3)
        )
        seat = Seat(clock=clock, player=player, up=up, down=down, answer=self._answer, joins=joins)
        if self.policy is None:
            seat.client = PartyClient(
                player=player,
                send=seat.send,
                random=Random(dice.random()),
                resolution=clock.resolution,
                tuning=evening.tuning,
            )
        else:
            seat.client = self.policy.client(player, seat.send)
        return seat

    # -- what the server does ------------------------------------------------------------------------------------

    def _answer(self, seat: Seat, message: Message, at: float) -> Message | None:
        if isinstance(message, Ask):
            arrived = room_time(at)
            return Answer(message.sent, arrived, arrived + ANSWER_US)
        if isinstance(message, Report) and at >= self.changing_until:
            self._reports[self._numbers[id(seat)]] = (message.position + message.half_trip, at)
        return None

    def _change(self, what: Literal["play", "pause", "seek"]) -> None:
        now = room_time(self.now)
        at = now + round(self._lead(what) * 1e6)
        if what == "pause":
            self.vector = paused(self.vector, at=at)
        else:
            position = self.target() + 300.0 if what == "seek" else self.vector.at(now)
            self.vector = played(self.vector, at=at, position=position)
        # No policy is judged while a change is on its way: as long for all as the slowest of them schedules.
        # Reports from before it do not count either (Syncplay has counters for that, `ignoringOnTheFly`).
        self.changing_until = self.now + CHANGE_SECONDS
        self._reports.clear()
        self.changed.append(self.now)
        late = 0.0 if self.policy is None else self.policy.late
        self._late.append((self.now + late, State(self._timeline())))

    def _lead(self, what: str) -> float:
        if self.policy is not None:
            if not self.policy.lead:
                return 0.0
            slowest = max(
                PROFILES[name].up.base_ms + PROFILES[name].down.base_ms for name in self.evening.networks
            )
            return max(self.policy.lead, 2 * slowest / 1000)
        clients = [seat.client for seat in self.present() if isinstance(seat.client, PartyClient)]
        delays = Delays(
            one_way=[min(1.0, client.clock.bound(seat.clock.at(self.now))) for client, seat in
                     zip(clients, self.present(), strict=True)],
            start=[client.correction.start.seconds for client in clients],
            fan_out=FAN_OUT_SECONDS,
        )  # fmt: skip
        return pause_lead(delays) if what == "pause" else play_lead(delays)

    def _timeline(self) -> Timeline:
        """As told to a client. A policy without a clock of the room is told where the film is now."""
        vector = self.vector
        now = room_time(self.now)
        if self.policy is None or self.policy.lead:
            return Timeline(vector.pos, vector.playing, vector.ts, vector.rate)
        position = self.target() if vector.playing and now > vector.ts else vector.at(now)
        return Timeline(position, vector.playing, now)

    def _tell_all(self, state: State, at: float) -> None:
        for seat in self.present():
            seat.tell(state, at)

    def _beat(self) -> None:
        assert self.policy is not None
        playing = self.vector.playing
        if self.policy.follows == "timeline":
            for seat in self.present():
                seat.tell(Beat(self.vector.at(room_time(self.now)), playing), self.now)
            return
        aged = {
            number: position + (self.now - at if playing and self.policy.follows == "slowest" else 0.0)
            for number, (position, at) in self._reports.items()
            if self.seats[number].player.state != "paused" or not playing
        }
        if not aged:
            return
        leader = min(aged.values()) if self.policy.follows == "slowest" else _leader(list(aged.values()))
        for number in self._entered:
            self.seats[number].tell(Beat(leader, playing, own=aged.get(number)), self.now)


def evening_of(evening: Evening, name: str) -> Room:
    """The room of a policy by name; "ours" is ours."""
    return Room(evening, None if name == "ours" else PEERS[name])


def _leader(positions: list[float]) -> float:
    return median_low(positions) if len(positions) > 2 else max(positions)
