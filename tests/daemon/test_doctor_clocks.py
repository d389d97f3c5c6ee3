"""The doctor on clocks: what an answer in whole seconds allows, and never a false alarm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.doctor_clocks import (
    MOST_MS,
    Window,
    judged,
    second_in,
    seen_together,
    window_of_moment,
    window_of_second,
)

NOW = 1_772_359_200_000
EXCHANGES = st.lists(
    st.tuples(st.floats(0, 5000), st.floats(0, 300), st.floats(0, 300)), min_size=1, max_size=8
)


@given(ahead=st.floats(-5000, 5000), exchanges=EXCHANGES, exact=st.booleans())
def test_the_truth_is_always_inside(
    ahead: float, exchanges: list[tuple[float, float, float]], exact: bool
) -> None:
    """Whatever the ways there and back take, and wherever in its second the other clock is read."""
    windows = []
    for start, there, back in exchanges:
        sent = NOW + start
        moment = sent + there + ahead
        received = sent + there + back
        if exact:
            windows.append(window_of_moment(moment, sent_ms=sent, received_ms=received))
        else:
            windows.append(window_of_second(int(moment // 1000) * 1000, sent_ms=sent, received_ms=received))
    together = seen_together(windows)
    assert together is not None
    assert together.low_ms - 0.01 <= ahead <= together.high_ms + 0.01
    state = judged("clock", together, whose="X").state
    if abs(ahead) <= MOST_MS - 0.01:
        assert state == "ok"


def test_several_answers_say_more_than_one() -> None:
    """A clock that is 0.7 s ahead: one answer cannot tell, five that meet different parts of a second can."""
    windows = []
    for number in range(5):
        sent = NOW + number * 230
        windows.append(
            window_of_second(int((sent + 10 + 700) // 1000) * 1000, sent_ms=sent, received_ms=sent + 20)
        )
    assert judged("clock", windows[0], whose="X").state == "ok"
    finding = judged("clock", seen_together(windows), whose="X")
    assert finding.state == "failed"
    assert "behind the clock of X" in finding.detail
    assert finding.advice


@pytest.mark.parametrize(
    ("window", "state", "word"),
    [
        (Window(-100, 100), "ok", "0.10 s"),
        (Window(-900, 400), "ok", "0.90 s"),
        (Window(500, 900), "ok", "0.90 s"),
        (Window(501, 900), "failed", "0.5 s behind"),
        (Window(-2300, -2100), "failed", "2.1 s ahead"),
        (None, "skipped", "contradict"),
    ],
)
def test_half_a_second_fails_if_it_is_certain(window: Window | None, state: str, word: str) -> None:
    finding = judged("clock", window, whose="X")
    assert finding.state == state
    assert word in finding.detail


def test_windows_that_contradict_each_other() -> None:
    assert seen_together([Window(0, 1), Window(2, 3)]) is None
    assert seen_together([]) is None
    assert seen_together([Window(0, 5), Window(2, 9)]) == Window(2, 5)


@pytest.mark.parametrize(
    ("header", "second"),
    [
        ("Sun, 01 Mar 2026 10:00:00 GMT", NOW),
        ("Sun, 01 Mar 2026 10:00:00 -0000", NOW),
        ("Sun, 01 Mar 2026 12:00:00 +0200", NOW),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_date_of_an_answer(header: str, second: int | None) -> None:
    assert second_in(header) == second
