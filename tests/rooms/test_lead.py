"""The lead: long enough for nearly everybody, never long for the sake of one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rooms.lead import Delays, pause_lead, percentile, play_lead

TIMES = st.lists(st.floats(0, 5), max_size=50)


@given(TIMES, st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_not_exceeded_by_its_share(values: list[float], share: float) -> None:
    found = percentile(values, share)
    if values:
        assert found in values
        assert sum(value <= found for value in values) >= share * len(values)
    else:
        assert found == 0.0


@given(TIMES, TIMES, st.floats(0, 2))
def test_leads_stay_within_their_bounds(one_way: list[float], start: list[float], fan_out: float) -> None:
    delays = Delays(one_way, start, fan_out)
    assert 0.150 <= pause_lead(delays) <= 0.200
    assert 0.150 <= play_lead(delays) <= 1.0


def test_one_bad_link_of_fifty_delays_nobody() -> None:
    good = [0.02] * 49
    assert play_lead(Delays([*good, 3.0], [0.1] * 50, 0.01)) == play_lead(
        Delays([*good, 0.02], [0.1] * 50, 0.01)
    )


def test_slow_players_are_waited_for() -> None:
    assert play_lead(Delays([0.03] * 9, [0.4] * 9, 0.02)) == 0.03 + 0.4 + 0.02 + 0.040
