"""The seat: messages arrive at their own instants, on the viewer's own clock, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from simulators.players.media import Player, Traits
from simulators.players.network import DelayLine, Path, VirtualClock
from simulators.players.wire import Answer, Ask, Message, Report, Seat, State, Timeline


@dataclass
class Listener:
    """A client that writes down what it hears and when."""

    look_seconds: float = 0.25
    listens: bool = False
    heard: list[tuple[float, Message]] = field(default_factory=list)
    looked: list[float] = field(default_factory=list)

    def receive(self, message: Message, now: float) -> None:
        self.heard.append((now, message))

    def look(self, now: float) -> None:
        self.looked.append(now)


def answer(seat: Seat, message: Message, at: float) -> Message | None:
    return Answer(message.sent, round(at * 1e6), round(at * 1e6)) if isinstance(message, Ask) else None


def a_seat() -> tuple[Seat, Listener]:
    listener = Listener()
    player = Player(Traits(), Random(1), weather=Random(1))
    up, down = DelayLine(Path(30), Random(1)), DelayLine(Path(10), Random(1))
    return Seat(VirtualClock(offset=100.0), player, up, down, answer, client=listener), listener


def test_a_probe_comes_back_within_one_step_with_exact_stamps() -> None:
    seat, listener = a_seat()
    seat.send(Ask(100.0))
    seat.send(Report(5.0))
    seat.step(0.050)
    ((now, message),) = listener.heard
    assert now == pytest.approx(100.040)
    assert message == Answer(100.0, 30_000, 30_000)


def test_what_is_under_way_waits_for_its_instant() -> None:
    seat, listener = a_seat()
    state = State(Timeline(3.0, True, 0))
    seat.tell(state, 0.045)
    seat.step(0.050)
    assert listener.heard == []
    seat.step(0.100)
    assert listener.heard == [(pytest.approx(100.055), state)]
    assert seat.player.now == 0.1


def test_the_client_looks_as_often_as_it_wishes() -> None:
    seat, listener = a_seat()
    for number in range(1, 41):
        seat.step(number * 0.05)
    assert len(listener.looked) == 8


def test_a_timeline_stands_before_its_instant_and_while_it_is_paused() -> None:
    timeline = Timeline(10.0, True, 5_000_000, rate=2.0)
    assert [timeline.at(at) for at in (0, 5_000_000, 6_000_000)] == [10.0, 10.0, 12.0]
    assert Timeline(10.0, False, 5_000_000).at(9_000_000) == 10.0
