"""Our viewer's program in a seat of its own: it starts on the instant, joins late, pauses on the picture, recovers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from simulators.players.client import PartyClient
from simulators.players.media import Player, Traits
from simulators.players.network import DelayLine, Path, VirtualClock
from simulators.players.wire import Answer, Ask, Message, Seat, State, Timeline

CALM = Traits(start=0.3, seek=0.2, varies=0.0, stall_each=0.0)


class Room:
    """One seat and a room that answers probes; `now` is true time, the room's clock shows it in µs."""

    def __init__(self, traits: Traits = CALM) -> None:
        self.now = 0.0
        self.clock_id = "k1"
        self.asked: list[float] = []
        self.player = Player(traits, Random(1), weather=Random(2))
        clock = VirtualClock(offset=-3.0, skew=60e-6, resolution=0.0001)
        up, down = DelayLine(Path(20), Random(3)), DelayLine(Path(20), Random(4))
        self.seat = Seat(clock, self.player, up, down, self._answer)
        self.client = PartyClient(
            player=self.player, send=self.seat.send, random=Random(5), resolution=0.0001
        )
        self.seat.client = self.client

    def _answer(self, seat: Seat, message: Message, at: float) -> Message | None:
        assert isinstance(message, Ask)
        self.asked.append(at)
        return Answer(message.sent, round(at * 1e6), round(at * 1e6) + 50, self.clock_id)

    def say(self, position: float, *, playing: bool, ahead: float) -> Timeline:
        timeline = Timeline(position, playing, round((self.now + ahead) * 1e6))
        self.seat.tell(State(timeline), self.now)
        return timeline

    def run(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now += 0.05
            self.seat.step(self.now)
            each()

    def off(self, timeline: Timeline) -> float:
        return self.player.position - timeline.at(self.now * 1e6)


def test_who_has_learned_its_start_latency_starts_on_the_instant() -> None:
    room = Room()
    room.run(3.0)
    timeline = room.say(50.0, playing=True, ahead=1.0)
    room.run(2.0)
    assert abs(room.off(timeline)) > 0.1  # the first start is by a guess: 120 ms, and it takes 300
    room.say(room.player.position, playing=False, ahead=0.2)
    room.run(2.0)
    timeline = room.say(50.0, playing=True, ahead=1.0)
    room.run(1.1)
    assert room.player.state == "playing"
    assert abs(room.off(timeline)) < 0.015


def test_a_late_joiner_goes_to_where_the_film_is() -> None:
    room = Room()
    room.run(1.0)
    timeline = room.say(500.0, playing=True, ahead=-60.0)
    room.run(4.0)
    assert abs(room.off(timeline)) < 0.030


def test_a_state_that_comes_before_the_clock_waits_for_it() -> None:
    room = Room()
    timeline = room.say(500.0, playing=True, ahead=-60.0)
    room.run(4.0)
    assert abs(room.off(timeline)) < 0.030


def test_everybody_stops_on_the_same_picture() -> None:
    room = Room()
    room.run(1.0)
    playing = room.say(500.0, playing=True, ahead=-60.0)
    room.run(5.0)
    paused = room.say(playing.at((room.now + 0.2) * 1e6), playing=False, ahead=0.2)
    room.run(0.15)
    assert room.player.state == "playing"
    room.run(1.0)
    assert room.player.state == "paused"
    assert abs(room.off(paused)) <= 0.050


def test_a_stall_is_made_good_without_an_audible_rate() -> None:
    room = Room(Traits(start=0.1, seek=0.2, stall_each=60.0))
    room.run(1.0)
    timeline = room.say(500.0, playing=True, ahead=1.0)
    rates: set[float] = set()
    room.run(300.0, lambda: rates.add(room.player.rate))
    assert room.player.toll.stalls >= 2
    assert 0.9 <= min(rates) < max(rates) <= 1.1
    while room.player.state != "playing":
        room.run(0.5)
    room.run(8.0)
    assert abs(room.off(timeline)) < 0.030 or room.player.state == "stalled"


def test_it_probes_fast_at_first_and_again_for_another_clock() -> None:
    room = Room()
    room.run(2.9)
    assert len(room.asked) == 8
    room.run(20.0)
    assert 9 <= len(room.asked) <= 11
    room.clock_id = "k2"
    room.run(14.0)
    assert room.client.clock.clock_id == "k2"
    assert len(room.asked) >= 14
    assert room.client.clock.room(room.seat.clock.at(room.now)) == pytest.approx(room.now * 1e6, abs=1500)


def test_three_seeks_in_vain_are_reported() -> None:
    room = Room(Traits(start=0.1, seek=0.2, varies=0.0, stall_each=0.0, grid=10.0))  # it lands seconds away
    room.run(1.0)
    room.say(505.0, playing=True, ahead=-1.0)
    room.run(40.0)
    assert room.client.holds >= 1


def test_another_rate_of_the_room_is_played_from_its_instant_on_without_a_stop() -> None:
    room = Room()
    room.run(1.0)
    first = room.say(50.0, playing=True, ahead=1.0)
    room.run(8.0)
    ts = round((room.now + 0.3) * 1e6)
    faster = Timeline(first.at(ts), True, ts, 1.5)
    room.seat.tell(State(faster), room.now)
    frozen = room.player.toll.frozen
    room.run(3.0)
    assert room.player.rate == pytest.approx(1.5, rel=0.11)
    assert room.player.toll.frozen == frozen
    assert abs(room.off(faster)) < 0.060


def test_a_late_joiner_of_a_fast_room_plays_fast() -> None:
    room = Room()
    room.run(1.0)
    timeline = Timeline(500.0, True, 0, 1.5)
    room.seat.tell(State(timeline), room.now)
    room.run(4.0)
    assert room.player.rate == pytest.approx(1.5, rel=0.11)
    assert abs(room.off(timeline)) < 0.060
