"""What waits for one viewer: nothing that must be kept is lost or out of order, and of a state the newest is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.delivery.outbox import Kind, Outbox

FRAMES = st.lists(
    st.tuples(st.sampled_from(Kind), st.sampled_from("ab"), st.integers(1, 50), st.booleans()), max_size=60
)


@given(FRAMES, st.integers(1, 200))
def test_whatever_is_put_in(told: list[tuple[Kind, str, int, bool]], most: int) -> None:
    outbox = Outbox()
    out: list[bytes] = []
    kept: list[bytes] = []
    newest: dict[str, bytes] = {}
    for number, (kind, key, size, takes) in enumerate(told):
        frame = b"<%d%s>" % (number, b"." * size)
        before = outbox.size
        grows = outbox.grows_by(frame, kind, key)
        outbox.add(frame, kind, key, now=float(number))
        assert outbox.size == before + grows
        if kind is Kind.KEEP:
            kept.append(frame)
        elif kind is Kind.STATE:
            newest[key] = frame
        if takes and len(outbox):
            out.append(outbox.take(most))
    while len(outbox):
        out.append(outbox.take(most))
    frames = [one + b">" for one in b"".join(out).split(b">")[:-1]]
    assert outbox.size == 0
    assert [one for one in frames if one in kept] == kept
    assert all(frame in frames for frame in newest.values())
    assert all(len(one) <= most or one.count(b">") == 1 for one in out)


def test_the_newest_state_comes_after_what_was_said_before_it() -> None:
    outbox = Outbox()
    outbox.add(b"old", Kind.STATE, "film", now=1.0)
    outbox.add(b"loaded", Kind.KEEP, "", now=2.0)
    outbox.add(b"new", Kind.STATE, "film", now=3.0)
    outbox.add(b"gone", Kind.DROP, "", now=3.0)
    assert outbox.take(100) == b"loadednew"


def test_a_state_that_is_replaced_again_and_again_does_not_look_young() -> None:
    outbox = Outbox()
    with pytest.raises(ValueError, match="Nothing"):
        outbox.oldest()
    outbox.add(b"one", Kind.STATE, "film", now=1.0)
    outbox.add(b"chat", Kind.KEEP, "", now=2.0)
    outbox.add(b"two", Kind.STATE, "film", now=9.0)
    assert outbox.oldest() == 1.0
    outbox.take(100)
    outbox.add(b"three", Kind.STATE, "film", now=10.0)
    assert outbox.oldest() == 10.0
