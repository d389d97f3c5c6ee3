"""The player: late in starting and seeking, drifting, noisy, stalling, and honest about what it cost."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.players.media import Player, Traits, any_player, coarse_player

EXACT = Traits(start=0.1, seek=0.2, varies=0.0, noise=0.0, stall_each=0.0)


def a_player(traits: Traits = EXACT, seed: int = 1) -> Player:
    return Player(traits, Random(seed), weather=Random(seed))


def test_it_starts_late_and_then_plays() -> None:
    player = a_player()
    player.play()
    player.advance(0.05)
    assert (player.state, player.position) == ("starting", 0.0)
    player.advance(1.1)
    assert player.state == "playing"
    assert player.position == pytest.approx(1.0)
    (started,) = player.news()
    assert (started.what, started.at, started.took) == ("started", pytest.approx(0.1), pytest.approx(0.1))
    assert player.news() == []


def test_a_timer_is_a_little_late_but_not_as_late_as_the_next_look() -> None:
    player = a_player()
    player.play(after=1.0)
    player.advance(10.0)
    assert 8.895 <= player.position <= 8.9
    player.pause(after=1.0)
    player.advance(20.0)
    assert player.state == "paused"
    assert 9.89 <= player.position <= 9.91


def test_a_seek_stands_until_it_lands_on_the_grid() -> None:
    player = a_player(Traits(seek=0.2, start=0.1, varies=0.0, noise=0.0, stall_each=0.0, grid=0.04))
    player.seek(100.03)
    player.play()
    player.advance(0.1)
    assert player.state == "seeking"
    player.advance(1.2)
    assert player.position == pytest.approx(100.04 + 1.0)
    assert player.toll.seeks == 1
    assert player.toll.frozen == pytest.approx(0.2)


def test_its_rate_and_its_skew_add_up() -> None:
    player = a_player(Traits(start=0.0, varies=0.0, noise=0.0, stall_each=0.0, skew=50e-6))
    player.play()
    player.advance(0.0)
    player.set_rate(1.1)
    player.advance(100.0)
    assert player.position == pytest.approx(110.0 * (1 + 50e-6))
    assert player.toll.off_rate == player.toll.played == pytest.approx(100.0)
    assert player.toll.fastest == 1.1
    player.set_rate(1.0)
    player.advance(200.0)
    assert player.toll.off_rate == pytest.approx(100.0)


def test_a_coarse_player_makes_a_quarter_of_a_rate_or_nothing() -> None:
    player = a_player(coarse_player(Random(1)))
    player.set_rate(1.1)
    assert player.rate == 1.0
    player.set_rate(1.2)
    assert player.rate == 1.25


def test_it_reports_with_noise_on_both_sides() -> None:
    player = a_player(Traits(noise=0.006))
    reports = [player.reported() for _ in range(200)]
    assert -0.006 <= min(reports) < -0.003
    assert 0.003 < max(reports) <= 0.006


def test_stalls_come_at_the_same_instants_whatever_is_done() -> None:
    def stalls(rate: float) -> list[float]:
        player = a_player(Traits(stall_each=20.0), seed=5)
        player.play()
        player.advance(1.0)
        player.set_rate(rate)
        player.advance(600.0)
        return [one.at for one in player.news() if one.what == "stalled"]

    assert 10 < len(stalls(1.0)) < 50
    assert stalls(1.0) == stalls(1.05)


def test_a_seek_does_not_end_a_stall() -> None:
    player = a_player(Traits(start=0.0, seek=0.01, varies=0.0, stall_each=5.0), seed=2)
    player.play()
    while player.state != "stalled":
        player.advance(player.now + 0.01)
    until = player._until
    player.seek(500.0)
    player.advance(until - 0.001)
    assert player.state == "seeking"
    player.advance(until + 0.001)
    assert player.state == "playing"


@given(
    st.integers(), st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["play", "pause", "seek", "rate"])))
)
def test_the_picture_never_goes_back_by_itself_and_all_time_is_accounted_for(
    seed: int, orders: list[tuple[float, str]]
) -> None:
    random = Random(seed)
    player = Player(any_player(random), random, weather=Random(seed))
    for pause, order in orders:
        before = player.position
        player.advance(player.now + pause)
        assert before <= player.position <= before + pause * 1.1 * (1 + 1e-4) + 1e-9
        match order:
            case "play":
                player.play()
            case "pause":
                player.pause()
            case "seek":
                player.seek(random.uniform(0, 1000))
            case _:
                player.set_rate(random.uniform(0.9, 1.1))
    toll = player.toll
    assert toll.off_rate <= toll.played + 1e-9
    assert toll.played + toll.frozen <= player.now + 1e-9
