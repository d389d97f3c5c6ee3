"""The loop: it brings any player back, never hurries more than it may, and gives up politely."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.players.correction import (
    LOOK_SECONDS,
    SAME_ROOM,
    Action,
    Correction,
    Hold,
    Learned,
    Look,
    Rate,
    Seek,
    Showing,
    Tuning,
)


def looks(
    loop: Correction, errors: list[float], *, start: float = 0.0, rate: float = 1.0
) -> Iterator[list[Action]]:
    """One look each quarter of a second at a player that plays and is off by so much."""
    for number, error in enumerate(errors):
        now = start + number * LOOK_SECONDS
        yield loop.look(Look(now, Showing.PLAYING, 100 + now + error, 100 + now, rate=rate))


def last(loop: Correction, errors: list[float], *, start: float = 0.0, rate: float = 1.0) -> list[Action]:
    return list(looks(loop, errors, start=start, rate=rate))[-1]


@given(
    error=st.floats(-30.0, 30.0),
    skew=st.floats(-200e-6, 200e-6),
    takes=st.floats(0.02, 1.5),
    noise=st.lists(st.floats(-0.006, 0.006), min_size=7, max_size=7),
    room=st.sampled_from([0.5, 1.0, 1.5]),
)
@settings(deadline=None)
def test_from_anywhere_it_gets_there_within_its_limits(
    error: float, skew: float, takes: float, noise: list[float], room: float
) -> None:
    """Invariant 16. The player seeks in `takes` seconds, reports with noise and runs fast or slow."""
    loop = Correction()
    now, target, position, rate, landing = 0.0, 1000.0, 1000.0 + error, room, 0.0
    seeks: list[float] = []
    for number in range(480):
        waiting = now < landing
        showing = Showing.WAITING if waiting else Showing.PLAYING
        for action in loop.look(Look(now, showing, position + noise[number % 7], target, rate=room)):
            assert not waiting or action == Rate(room)
            match action:
                case Rate(wanted):
                    assert 0.9 * room - 1e-9 <= wanted <= 1.1 * room + 1e-9
                    rate = wanted
                case Seek(wanted):
                    assert now >= 0.5
                    position, landing = wanted, now + takes
                    loop.seek.took(takes)
                    seeks.append(now)
                case Hold():
                    pass
        moving = LOOK_SECONDS if now >= landing else max(0.0, now + LOOK_SECONDS - landing)
        position += rate * (1 + skew) * moving
        target += room * LOOK_SECONDS
        now += LOOK_SECONDS
        if now > 90.0 and now >= landing:
            assert abs(position - target) < 0.030
    assert all(late - early > 30.0 for early, late in zip(seeks, seeks[3:], strict=False))


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (0.019, []),
        (-0.019, []),
        (0.030, [Rate(pytest.approx(0.97))]),
        (-0.030, [Rate(pytest.approx(1.03))]),
        (0.140, [Rate(0.95)]),
        (0.400, [Rate(0.90)]),
        (-0.400, [Rate(1.10)]),
        (-0.600, [Rate(1.10), Rate(1.0), Seek(pytest.approx(100.5 + 0.180))]),
    ],
)
def test_what_is_done_about_an_error(error: float, action: list[Action]) -> None:
    assert list(itertools.chain(*looks(Correction(), [error] * 3))) == action


def test_in_the_first_half_second_nothing_is_done_about_what_may_be_noise() -> None:
    assert list(looks(Correction(), [0.09, 0.09])) == [[], []]
    assert list(looks(Correction(), [0.40, 0.09])) == [[], []]
    assert list(looks(Correction(), [0.40, 0.40])) == [[], [Rate(0.9)]]


def stall(loop: Correction, *, now: float, behind: float) -> list[Action]:
    """It stands still, and moves again, so far behind."""
    assert loop.look(Look(now, Showing.WAITING, 100.0, 100.0)) == []
    return loop.look(Look(now + 0.25, Showing.PLAYING, 100.0, 100.0 + behind))


def test_what_a_stall_has_left_behind_is_sought_at_once() -> None:
    for behind, wanted in ((0.2, [Seek(pytest.approx(100.2 + 0.18))]), (0.1, [])):
        loop = Correction()
        last(loop, [0.0] * 3)
        assert stall(loop, now=1.0, behind=behind) == wanted


def test_a_start_and_a_landing_are_no_stalls() -> None:
    loop = Correction()
    assert stall(loop, now=0.0, behind=0.4) == []  # it has not played before
    loop = Correction()
    last(loop, [0.0] * 3)
    loop.look(Look(1.0, Showing.WAITING, 100.0, 100.0))
    loop.changed()
    assert loop.look(Look(1.25, Showing.PLAYING, 100.0, 100.4)) == []  # the film was changed meanwhile


def test_stalls_that_come_too_often_are_nudged() -> None:
    loop = Correction()
    last(loop, [0.0] * 3)
    assert any(isinstance(action, Seek) for action in stall(loop, now=1.0, behind=0.3))
    last(loop, [0.0] * 3, start=1.5)
    assert stall(loop, now=2.5, behind=0.3) == []  # within the cool-down
    assert loop.look(Look(3.0, Showing.PLAYING, 100.0, 100.3)) == [Rate(1.1)]


def test_one_bad_report_starts_nothing() -> None:
    loop = Correction()
    assert list(looks(loop, [0.0, 0.0, 3.0, 0.0, 0.0, -3.0, 0.0, 0.0])) == [[]] * 8


def test_a_nudge_goes_on_into_the_dead_zone_and_ends_exactly() -> None:
    loop = Correction(Tuning(gain=0.0001, gentle=0.00001))  # so slow that the errors shown are the errors
    assert last(loop, [0.030] * 3) != []
    assert loop.factor < 1.0
    last(loop, [0.010] * 3, start=0.75)
    assert loop.factor < 1.0
    assert last(loop, [0.003] * 3, start=1.5)[-1:] == [] or loop.factor == 1.0
    assert loop.factor == 1.0
    assert last(loop, [0.010] * 3, start=2.25) == []


def test_old_errors_are_carried_forward_by_what_the_nudge_has_done() -> None:
    loop = Correction()
    assert last(loop, [0.040] * 3) == [Rate(pytest.approx(0.96))]
    # A quarter of a second at 0.96 made 10 ms good: all three errors say 30 ms now, not only the newest.
    assert last(loop, [0.030], start=0.75) == [Rate(pytest.approx(0.97))]


def test_past_the_mark_it_stops_instead_of_turning_round() -> None:
    loop = Correction(Tuning(gain=0.0001, gentle=0.00001))
    last(loop, [0.030] * 3)
    last(loop, [-0.010] * 3, start=0.75)
    assert loop.factor == 1.0


def test_the_base_is_the_rate_of_the_room() -> None:
    assert list(itertools.chain(*looks(Correction(), [0.140] * 3, rate=1.5))) == [
        Rate(pytest.approx(1.5 * 0.95))
    ]


@pytest.mark.parametrize("showing", [Showing.WAITING, Showing.PLAYING])
def test_a_stall_or_a_hidden_tab_ends_a_nudge_and_nothing_else(showing: Showing) -> None:
    loop = Correction()
    last(loop, [0.140] * 3)
    untouchable = Look(1.0, showing, 109.0, 100.0, free=showing is Showing.WAITING)
    assert loop.look(untouchable) == [Rate(1.0)]
    assert loop.look(untouchable) == []
    # And half a second of peace afterwards, for all that may be noise.
    assert list(looks(loop, [0.09, 0.09], start=1.5)) == [[], []]


def test_paused_it_seeks_from_fifty_milliseconds() -> None:
    loop = Correction()
    assert loop.look(Look(0.0, Showing.PAUSED, 10.04, 10.0, plays=False)) == []
    assert loop.look(Look(0.25, Showing.PAUSED, 10.06, 10.0, plays=False)) == [Seek(10.0)]
    assert loop.look(Look(0.5, Showing.PAUSED, 10.06, 10.0, plays=False)) == []  # it cools down


def test_it_learns_what_a_seek_takes() -> None:
    loop = Correction()
    for seconds in (0.3, 9.0, 0.3, 0.4, 0.4):
        loop.seek.took(seconds)
    assert last(loop, [2.0] * 3) == [Rate(1.0), Seek(pytest.approx(100.5 + 0.4))]


def test_learned_is_the_median_of_the_last_five() -> None:
    learned = Learned(0.12)
    assert learned.seconds == 0.12
    for seconds in (9.0, 9.0, 9.0, 0.1, 0.2, 0.3, -1.0, 0.2):
        learned.took(seconds)
    assert learned.seconds == 0.2


def test_after_three_seeks_in_vain_it_rests_and_says_so() -> None:
    loop = Correction()
    done = [(number * LOOK_SECONDS, action) for number, actions in enumerate(looks(loop, [5.0] * 240))
            for action in actions]  # fmt: skip
    sought = [at for at, action in done if isinstance(action, Seek)]
    held = [at for at, action in done if isinstance(action, Hold)]
    assert sought[1] - sought[0] >= 4.0
    assert sought[3] - sought[2] >= 15.0
    assert sought[3] - sought[0] >= 30.0
    assert len(held) >= 1
    assert sought[2] < held[0] < sought[3]
    assert all(late - early >= 15.0 for early, late in itertools.pairwise(held))
    assert all(0.9 <= action.rate <= 1.1 for _, action in done if isinstance(action, Rate))


def test_a_change_of_the_film_ends_the_cool_down() -> None:
    loop = Correction()
    assert last(loop, [5.0] * 3) == [Rate(1.0), Seek(pytest.approx(100.68))]
    loop.changed()
    assert last(loop, [5.0] * 3, start=0.75) == [Rate(1.0), Seek(pytest.approx(101.25 + 0.18))]


def test_who_can_only_skip_skips_sooner_and_never_nudges() -> None:
    assert last(Correction(step=0.25), [0.140] * 3) == []
    assert last(Correction(step=0.25), [0.160] * 3) == [Seek(pytest.approx(100.68))]


def test_rates_keep_to_the_steps_of_the_player() -> None:
    assert last(Correction(step=0.02), [0.033] * 3) == [Rate(pytest.approx(0.96))]


def test_music_is_sought_rather_than_hurried() -> None:
    loop = Correction(Tuning(music=True))
    assert last(loop, [0.2] * 3) == [Rate(1.0), Seek(pytest.approx(100.68))]


def test_in_the_same_room_less_is_left_alone() -> None:
    assert last(Correction(SAME_ROOM), [0.011] * 3) == [Rate(pytest.approx(0.989))]
