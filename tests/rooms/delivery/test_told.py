"""What can be sent again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rooms.delivery.messages import Message
from rooms.delivery.outbox import Kind
from rooms.delivery.told import LONGEST_SECONDS, MOST_BYTES, MOST_MESSAGES, Told


def message(seq: int, after: int, size: int = 10) -> Message:
    return Message(Kind.KEEP, "party:chat", seq, after, b"x" * size, b"y" * size)


@given(st.lists(st.integers(1, 4), max_size=40), st.integers(0, 100), st.integers(0, 120))
def test_all_that_came_after_or_nothing(gaps: list[int], start: int, asked: int) -> None:
    told = Told(epoch="e", kept=start)
    seqs, last = [], start
    for gap in gaps:
        told.add(message(last + gap, last), now=0.0)
        last += gap
        seqs.append(last)
    assert told.kept == last
    found = told.since("e", asked, now=0.0)
    if asked < start:
        assert found is None
    else:
        assert found is not None
        assert [one.seq for one in found] == [seq for seq in seqs if seq > asked]
    assert told.since("f", asked, now=0.0) is None


def test_it_reaches_back_so_many_messages_and_so_long() -> None:
    told = Told(epoch="e")
    for seq in range(1, MOST_MESSAGES + 11):
        told.add(message(seq, seq - 1), now=float(seq))
    assert told.since("e", 9, now=600.0) is None
    assert len(told.since("e", 10, now=600.0) or ()) == MOST_MESSAGES
    later = 100 + LONGEST_SECONDS
    assert told.since("e", 98, now=later) is None
    assert [one.seq for one in told.since("e", 99, now=later) or ()][:1] == [100]
    assert told.since("e", MOST_MESSAGES + 10, now=10 * later) == []
    assert told.kept == MOST_MESSAGES + 10
    assert told.since("e", MOST_MESSAGES + 9, now=10 * later) is None


def test_too_much_is_not_sent_again() -> None:
    told = Told(epoch="e")
    for seq in (1, 2, 3):
        told.add(message(seq, seq - 1, size=MOST_BYTES // 2), now=0.0)
    assert told.since("e", 0, now=0.0) is None
    assert [one.seq for one in told.since("e", 1, now=0.0) or ()] == [2, 3]


def test_another_log_is_another_story() -> None:
    told = Told(epoch="e")
    told.add(message(1, 0), now=0.0)
    told.begin(epoch="f", kept=7)
    assert (told.epoch, told.kept) == ("f", 7)
    assert told.since("e", 0, now=0.0) is None
    assert told.since("f", 7, now=0.0) == []
