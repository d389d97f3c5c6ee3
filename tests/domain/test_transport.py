"""The change from one way of listening to the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.transport import Transport, Way, aimed, arrived, with_conduit, with_gap, with_sweep

BEGINNING = Transport("eventsub", target=Way.WEBSOCKET, in_force=Way.WEBSOCKET)
WAYS = st.sampled_from(list(Way))
STEPS = st.one_of(
    st.builds(lambda way, now: lambda held: aimed(held, way, now=now), WAYS, st.integers(0, 99)),
    st.just(arrived),
    st.builds(
        lambda conduit_id, shards: lambda held: with_conduit(held, conduit_id, shards),
        st.sampled_from(["c1", "c2"]),
        st.integers(1, 5),
    ),
    st.just(with_gap),
    st.builds(lambda gaps: lambda held: with_sweep(held, gaps), st.integers(0, 20)),
)


def test_there_and_back() -> None:
    moving = aimed(BEGINNING, Way.CONDUIT, now=7)
    assert (moving.sockets, moving.conduit, moving.moving, moving.target_at) == (True, True, True, 7)
    there = arrived(with_conduit(moving, "c1", 2))
    assert (there.sockets, there.conduit, there.moving) == (False, True, False)
    assert (there.conduit_id, there.shards) == ("c1", 2)
    leaving = aimed(there, Way.WEBSOCKET, now=9)
    assert (leaving.sockets, leaving.conduit) == (True, True)
    back = arrived(leaving)
    assert (back.sockets, back.conduit, back.conduit_id, back.shards) == (True, False, "", 0)


def test_the_same_aim_again_changes_nothing() -> None:
    assert aimed(BEGINNING, Way.WEBSOCKET, now=5) is BEGINNING


def test_a_new_conduit_has_missed_what_was_before_and_a_larger_one_has_not() -> None:
    first = with_conduit(BEGINNING, "c1", 2)
    assert first.gaps == 1
    assert with_conduit(first, "c1", 3).gaps == 1
    assert with_conduit(first, "c2", 2).gaps == 2


@given(st.lists(STEPS, max_size=30))
def test_somebody_always_listens_and_no_gap_is_forgotten(steps: list[object]) -> None:
    held = BEGINNING
    for step in steps:
        before, held = held, step(held)  # type: ignore[operator]
        assert held.sockets or held.conduit
        assert 0 <= held.swept <= held.gaps
        assert held.gaps >= before.gaps
        if before.in_force is not held.in_force:  # only ever to where both were listening
            assert before.sockets
            assert before.conduit
