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


def test_a_session_ends_with_the_stream_only_if_all_of_its_time_does() -> None:
    one = session(until_stream_end=True)
    assert one.until_stream_end
    both = extended(one, cause="r-2", added_ms=5, now=0, until_stream_end=True)
    assert both.until_stream_end
    mixed = extended(both, cause="r-3", added_ms=5, now=0)
    assert not mixed.until_stream_end
    assert shortened(mixed, cause="r-3").until_stream_end, "what was by the clock was taken back"
    assert not extended(session(), cause="r-2", added_ms=5, now=0, until_stream_end=True).until_stream_end


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
    assert not held.grants[0].until_stream_end
    last = f"c-{MOST_GRANTS + 299}"
    assert extended(held, cause=last, added_ms=10, now=0) is held
    assert shortened(held, cause=last).expires_at == held.expires_at - 10
