from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.channel import Viewer
from domain.errors import Broken
from domain.inbox import Fenced
from domain.vip import (
    EARLIER,
    LIFECYCLE,
    MOST_GRANTS,
    Ended,
    Method,
    VipEvent,
    VipSession,
    VipStatus,
    ended,
    extended,
    fenced,
    left,
    opened,
    reminded,
    renamed,
    shortened,
    stream_over,
)

Additions = list[tuple[int, int, bool]]
"""Of each: how long after the one before (ms), how much (ms), whether it is until the end of the stream."""

ADDITIONS = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 9000), st.booleans()), min_size=1, max_size=6
)


def session(added_ms: int = 1000, now: int = 0, *, until_stream_end: bool = False) -> VipSession:
    return opened(
        id="r-1",
        channel_id="1",
        viewer=Viewer("2", "ann", "Ann"),
        cause="r-1",
        added_ms=added_ms,
        now=now,
        method=Method.REDEMPTION,
        granted_by="2",
        until_stream_end=until_stream_end,
    )


def test_who_was_overtaken_cannot_change_a_session() -> None:
    held = fenced(session(), 7)
    assert held.fence == 7
    assert fenced(held, 7) == held
    assert extended(fenced(held, 8), cause="r-2", added_ms=5, now=2).fence == 8
    with pytest.raises(Fenced):
        fenced(held, 6)


def test_every_pair_that_is_not_listed_raises() -> None:
    assert set(LIFECYCLE) == {(VipStatus.ACTIVE, event) for event in VipEvent}
    over = ended(session(), because=Ended.EXPIRED, now=1)
    for move in (
        lambda: extended(over, cause="r-2", added_ms=5, now=2),
        lambda: shortened(over, cause="r-1"),
        lambda: ended(over, because=Ended.EXPIRED, now=2),
    ):
        with pytest.raises(Broken):
            move()


def test_extending_adds_to_what_is_left_and_a_late_one_counts_from_now() -> None:
    assert extended(session(), cause="r-2", added_ms=500, now=400).expires_at == 1500
    assert extended(session(), cause="r-2", added_ms=500, now=5000).expires_at == 5500


def test_an_open_session_shares_its_slot_and_an_ended_one_frees_it() -> None:
    first, over = session(), ended(session(), because=Ended.EXPIRED, now=1)
    assert first.slot == "1:2"
    assert over.slot != first.slot


@given(st.integers(0, 10_000))
def test_time_left_is_never_negative(now: int) -> None:
    assert session().left_ms(now) == max(0, 1000 - now)


class Sessions(RuleBasedStateMachine):
    """Whatever happens, the end is the sum of what was paid, and each cause counts once."""

    def __init__(self) -> None:
        super().__init__()
        self.session = session()
        self.paid = {"r-1": 1000}

    @rule(number=st.integers(1, 6), added_ms=st.integers(1, 10_000))
    def extend(self, number: int, added_ms: int) -> None:
        cause = f"r-{number}"
        self.session = extended(self.session, cause=cause, added_ms=added_ms, now=0)
        self.paid.setdefault(cause, added_ms)

    @rule(number=st.integers(1, 6))
    def shorten(self, number: int) -> None:
        self.session = shortened(self.session, cause=f"r-{number}")
        self.paid.pop(f"r-{number}", None)

    @rule()
    def end_and_begin_again(self) -> None:
        assert ended(self.session, because=Ended.EXPIRED, now=1).status is VipStatus.ENDED
        self.session = session()
        self.paid = {"r-1": 1000}

    @invariant()
    def the_end_is_what_was_paid(self) -> None:
        assert self.session.expires_at == sum(self.paid.values()) or not self.paid
        assert {grant.cause for grant in self.session.grants} == set(self.paid)


TestSessions = Sessions.TestCase


def test_time_by_the_clock_is_kept_beside_the_stream() -> None:
    one = session(until_stream_end=True)
    longer = extended(one, cause="r-2", added_ms=5, now=0, until_stream_end=True)
    both = extended(longer, cause="r-3", added_ms=60, now=100)
    assert (both.until_stream_end, both.after_stream_ms, both.expires_at) == (True, 60, 1065)
    assert shortened(both, cause="r-3") == replace(longer, grants=longer.grants)
    alone = shortened(shortened(both, cause="r-1"), cause="r-2")
    assert (alone.until_stream_end, alone.after_stream_ms, alone.expires_at) == (False, 0, 60)


def test_what_is_by_the_clock_stands_still_while_a_stream_lasts() -> None:
    both = extended(session(), cause="r-2", added_ms=5000, now=400, until_stream_end=True)
    assert (both.until_stream_end, both.after_stream_ms, both.expires_at) == (True, 600, 6000)
    assert both.stream_since == 400
    over = stream_over(both, over_at=500)
    assert (over.until_stream_end, over.after_stream_ms, over.expires_at) == (False, 0, 1100)
    assert stream_over(over, over_at=9000) is over
    assert shortened(over, cause="r-2").expires_at == 1000, "of the stream, what it was: a hundred"
    assert stream_over(both, over_at=5900).expires_at == 6000, "at the latest"


def test_nothing_begins_before_it_was_added() -> None:
    """The end of the stream is heard late, and somebody has extended meanwhile."""
    late = extended(session(9000, until_stream_end=True), cause="r-2", added_ms=60, now=5000)
    assert stream_over(late, over_at=1000).expires_at == 5060


def test_a_stream_that_is_over_is_not_gone_on_with() -> None:
    """Past its end, or left: what comes then is a promise of its own."""
    past = extended(session(until_stream_end=True), cause="r-2", added_ms=60, now=1000)
    assert (past.until_stream_end, past.after_stream_ms, past.expires_at) == (False, 0, 1060)
    again = extended(
        left(session(until_stream_end=True), now=300),
        cause="r-2",
        added_ms=60,
        now=400,
        until_stream_end=True,
    )
    assert (again.until_stream_end, again.after_stream_ms, again.stream_since) == (True, 0, 400)


def ends(additions: Additions, *, over_at: int) -> int:
    """When a VIP ends to which this was added, each so long after the one before, if the stream is over then."""
    held, now = None, 0
    for number, (gap, added_ms, is_stream) in enumerate(additions):
        now += gap
        if held is None:
            held = session(added_ms, now, until_stream_end=is_stream)
        elif not (is_stream and held.until_stream_end and not held.is_over(now)):  # that is not sold
            held = extended(held, cause=f"c-{number}", added_ms=added_ms, now=now, until_stream_end=is_stream)
    assert held is not None
    assert sum(grant.added_ms for grant in held.grants) >= held.expires_at - now
    over = stream_over(held, over_at=max(now, over_at))
    assert not over.until_stream_end
    assert over.expires_at <= held.expires_at, "the longest that it may last"
    return over.expires_at


@given(ADDITIONS, st.integers(0, 20_000), st.data())
def test_no_time_is_lost_by_an_extension_and_none_is_made_of_a_stream(
    additions: Additions, over_at: int, data: st.DataObject
) -> None:
    end, now = ends(additions, over_at=over_at), sum(gap for gap, _, _ in additions)
    by_the_clock = sum(added_ms for _, added_ms, is_stream in additions if not is_stream)
    assert end <= max(over_at, now) + by_the_clock, (
        "what was paid for by the clock, and no more, after the stream"
    )
    if len(additions) > 1:
        _, added_ms, is_stream = additions[-1]
        assert end >= ends(additions[:-1], over_at=max(over_at, now))
        assert is_stream or end >= now + added_ms, "all of it is still to come"


def test_what_is_left_is_over_and_counts_from_now_when_it_is_extended() -> None:
    over = left(session(), now=1500)
    assert (over.left_at, over.expires_at, over.status) == (1500, 1000, VipStatus.ACTIVE)
    assert left(over, now=9000) == over
    assert left(session(), now=300).expires_at == 300, "it ended with the stream"
    again = extended(over, cause="r-2", added_ms=100, now=2000)
    assert (again.left_at, again.expires_at) == (0, 2100)


def test_a_name_that_is_not_told_changes_nothing() -> None:
    assert renamed(session(), Viewer("2")) == session()
    assert renamed(session(), Viewer("2", "anna", "Anna")).viewer_name == "Anna"


def test_a_reminder_is_of_one_end() -> None:
    told = reminded(session(), of=1000)
    assert told.reminded_for == 1000
    assert reminded(session(), of=999).reminded_for == 0, "an end that it has no more"
    assert extended(told, cause="x", added_ms=5, now=0).reminded_for == 1000 != 1005


def test_who_extends_without_end_is_remembered_in_bounded_space() -> None:
    """No time is lost; the last causes are known, and can be taken back."""
    held = session(added_ms=1000)
    for number in range(MOST_GRANTS + 300):
        held = extended(held, cause=f"c-{number}", added_ms=10, now=0, until_stream_end=number < 100)
    assert held.expires_at == 1000 + 10 * (MOST_GRANTS + 300)
    assert sum(grant.added_ms for grant in held.grants) == held.expires_at
    assert len(held.grants) == MOST_GRANTS
    assert held.grants[0].cause == EARLIER
    assert held.grants[0].until_stream_end, "among others"
    assert held.until_stream_end
    last = f"c-{MOST_GRANTS + 299}"
    assert extended(held, cause=last, added_ms=10, now=0) is held
    assert shortened(held, cause=last).expires_at == held.expires_at - 10
