import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.channel import Viewer
from domain.errors import Broken
from domain.inbox import Fenced
from domain.vip import (
    LIFECYCLE,
    Ended,
    Method,
    VipEvent,
    VipSession,
    VipStatus,
    ended,
    extended,
    fenced,
    opened,
    shortened,
)


def session(added_ms: int = 1000, now: int = 0) -> VipSession:
    return opened(
        id="r-1",
        channel_id="1",
        viewer=Viewer("2", "ann", "Ann"),
        cause="r-1",
        added_ms=added_ms,
        now=now,
        method=Method.REDEMPTION,
        granted_by="2",
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
