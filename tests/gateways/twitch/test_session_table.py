from __future__ import annotations

from gateways.twitch.session_table import REACTIONS, TIMERS, TRANSITIONS, Cause, State


def test_every_close_code_of_twitch_has_its_own_reaction() -> None:
    assert set(REACTIONS) == set(range(4000, 4008))
    assert len({reaction.name for reaction in REACTIONS.values()}) == len(REACTIONS)


def test_only_an_unused_session_is_checked_and_only_our_bugs_alarm() -> None:
    assert {code for code, reaction in REACTIONS.items() if reaction.check} == {4003}
    assert {code for code, reaction in REACTIONS.items() if reaction.alarm} == {4001, 4002}
    assert {code for code, reaction in REACTIONS.items() if reaction.ends_move} == {4004, 4007}


def test_every_state_but_the_last_can_be_stopped_and_none_leaves_the_last() -> None:
    for state in State:
        assert ((state, Cause.STOP) in TRANSITIONS) == (state is not State.STOPPED)
    assert not [pair for pair in TRANSITIONS if pair[0] is State.STOPPED]


def test_every_state_is_reachable_and_says_which_timers_run_in_it() -> None:
    assert {State.IDLE, *TRANSITIONS.values()} == set(State)
    assert set(TIMERS) == set(State)


def test_a_state_without_a_timer_waits_for_somebody_outside() -> None:
    silent = {state for state, timers in TIMERS.items() if not timers}
    assert silent == {State.IDLE, State.CONNECTING, State.CHECKING, State.PARKED, State.STOPPED}
